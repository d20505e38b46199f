"""The licences of everything that the lock files name, as docs/licences.md.

    uv run python .ci/licences.py            write it
    uv run python .ci/licences.py --check    fail if it is not current, or a licence is neither allowed nor accepted

Of Python it is what `uv sync --all-packages --all-extras` installs, by what the packages themselves say; of the page
what package-lock.json says. The group `peers` is left out: other people's books that a benchmark compares with,
resolved apart and never installed by the rest.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "licences.md"
ALLOWED: Final = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "LLVM-exception"),
    *("MIT", "MIT-0", "MIT-CMU", "NCSA", "PSF-2.0", "Python-2.0", "Zlib"),
}
"""None of them asks anything of a program beside which it is used but its notice."""
ACCEPTED: Final = {
    "axe-core": ("MPL-2.0", "tests of the page only, used as it is"),
    "certifi": ("MPL-2.0", "a list of certificates, used as it is"),
    "hypothesis": ("MPL-2.0", "tests only, used as it is"),
    "pathspec": ("MPL-2.0", "type checking only, used as it is"),
    "psycopg": ("LGPL-3.0-only", "the driver of PostgreSQL in tests, and where somebody installs it; replaceable"),
    "lightningcss": ("MPL-2.0", "builds the page, is no part of it"),
}
"""Copyleft that was looked at: by the name, its licence and why it may stay; for `NAME-…`, its binaries, too."""
SAID: Final = {"numba": "BSD-2-Clause", "partd": "BSD-3-Clause", "zict": "BSD-3-Clause", "jinja2": "BSD-3-Clause"}
"""The licence file of a package whose metadata says no more than BSD."""
ELSEWHERE: Final = {"colorama": "BSD-3-Clause", "pip": "MIT", "pip-system-certs": "BSD-3-Clause"}
"""What is installed on Windows alone."""
_ROW: Final = r"^\| (\S+) \| (\d\S*) \| (.+?) \|$"
_WORDS: Final = (
    ("mozilla public license 2.0", "MPL-2.0"),
    ("apache", "Apache-2.0"),
    ("python software foundation", "PSF-2.0"),
    ("bsd 3-clause", "BSD-3-Clause"),
    ("bsd license", "BSD-3-Clause"),
    ("mit license", "MIT"),
    ("isc license", "ISC"),
)


@dataclass(frozen=True, order=True)
class Package:
    """A package, its version, and its licence as an SPDX expression (empty if it says none)."""

    name: str
    version: str
    licence: str

    @property
    def problem(self) -> str | None:
        """Why it may not stay, or None."""
        for known, (licence, _) in ACCEPTED.items():
            if f"{self.name}-".startswith(f"{known}-") and self.licence == licence:
                return None
        if not self.licence:
            return f"{self.name} {self.version} says no licence: look, and add it to SAID or ELSEWHERE"
        parts = [part for part in re.split(r"[()\s]+|\bAND\b|\bOR\b|\bWITH\b", self.licence) if part]
        foreign = sorted(set(parts) - ALLOWED)
        return f"{self.name} {self.version} is {self.licence}: {', '.join(foreign)} is not allowed" if foreign else None


def locked_versions() -> dict[str, set[str]]:
    """Every locked package with the versions it has on one platform or another."""
    command = ["uv", "export", "--quiet", "--locked", "--offline", "--all-packages", "--all-extras"]
    command += ["--no-emit-workspace", "--no-hashes", "--no-annotate", "--no-header"]
    exported = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", exported, re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


def python_packages(locked: dict[str, set[str]]) -> list[Package]:
    """What is installed of the locked packages, and what only Windows has."""
    installed = {_plain(found.metadata["Name"]): found for found in importlib.metadata.distributions()}
    here = [
        Package(name, installed[name].version, _licence(name, installed[name])) for name in locked if name in installed
    ]
    away = [
        Package(name, min(locked[name]), ELSEWHERE[name]) for name in ELSEWHERE if name in locked.keys() - installed
    ]
    return sorted(here + away)


def page_packages() -> list[Package]:
    """What package-lock.json names."""
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    found = {
        Package(
            path.rpartition("node_modules/")[2],
            entry["version"],
            entry.get("license", ""),
        )
        for path, entry in lock["packages"].items()
        if path
    }
    return sorted(found)


def page_text(python: list[Package], page: list[Package]) -> str:
    """The document."""
    lines = [
        "# Licences of what this is built on",
        "",
        "Made by `make licences`; a test holds it to the lock files and fails on a licence that is unknown, or that",
        "asks for more than a notice and was not looked at. Spymaster itself is under Apache-2.0.",
        "",
        "Copyleft that was looked at, and why it may stay:",
        "",
        *(f"- {name}, {licence}: {why}" for name, (licence, why) in ACCEPTED.items()),
    ]
    for title, packages in (("Python", python), ("The page and its tools", page)):
        lines += ["", f"## {title}", "", "| package | version | licence |", "| --- | --- | --- |"]
        lines += [f"| {one.name} | {one.version} | {one.licence} |" for one in packages]
    return "\n".join(lines) + "\n"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(name: str, found: importlib.metadata.Distribution) -> str:
    if name in SAID:
        return SAID[name]
    expression = found.metadata.get("License-Expression")
    if expression:
        return str(expression)
    said = str(found.metadata.get("License") or "")
    if said in ALLOWED | {"MPL-2.0", "LGPL-3.0-only"}:
        return said
    told = [text for text in found.metadata.get_all("Classifier") or [] if text.startswith("License")]
    words = " ".join([*told, said[:80]]).lower()
    return next((licence for word, licence in _WORDS if word in words), "")


def stale(text: str, locked: dict[str, set[str]], python: list[Package], page: list[Package]) -> list[str]:
    """What the document says otherwise than the lock files. What is not installed here is believed, but its version."""
    upper, _, lower = text.partition("## The page")
    listed = [[Package(*row) for row in re.findall(_ROW, half, re.MULTILINE)] for half in (upper, lower)]
    wrong = [
        f"{one.name} {one.version} is not locked" for one in listed[0] if one.version not in locked.get(one.name, ())
    ]
    wrong += [f"{name} is not listed" for name in sorted(locked.keys() - {one.name for one in listed[0]})]
    versions = {(one.name, one.version) for one in listed[0]}
    wrong += [
        f"{one} is listed otherwise" for one in python if (one.name, one.version) in versions and one not in listed[0]
    ]
    wrong += [f"{one} is listed, or locked, alone" for one in sorted({*listed[1]} ^ {*page})]
    return [f"docs/licences.md: {problem}; make it anew: make licences" for problem in wrong]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Licences of all dependencies.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not current")
    options = parser.parse_args()
    locked = locked_versions()
    python, page = python_packages(locked), page_packages()
    problems = [package.problem for package in python + page if package.problem]
    if not options.check:
        missing = sorted(locked.keys() - {one.name for one in python})
        if missing:
            sys.exit(f"not installed: {', '.join(missing)}; uv sync --all-packages --all-extras")
        PAGE.write_text(page_text(python, page), encoding="utf-8", newline="\n")
    problems += stale(PAGE.read_text(encoding="utf-8"), locked, python, page)
    if problems:
        sys.exit("\n".join(map(str, problems)))


if __name__ == "__main__":
    main()
