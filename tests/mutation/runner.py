"""Applies one change to a copy of a library and computes its digests there, by the interpreter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from support.packages import ROOT

SOURCES = {name: ROOT / f"packages/{name.replace('_', '-')}/src/{name}" for name in ("vp_book", "vp_spectrum")}


@dataclass(frozen=True)
class Mutation:
    """One line of a library replaced by another. `rule` says what that breaks, and is the mutation's name."""

    rule: str
    file: str  # package/module.py
    old: str
    new: str
    test: str | None = None  # what catches it where the digest cannot: a pytest node id

    @property
    def package(self) -> str:
        return self.file.partition("/")[0]

    def apply(self, library: Path) -> None:
        """Change the library, a copy of its package's directory. Raises ValueError if the text is not there once."""
        path = library.parent / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.rule}: occurs {text.count(self.old)} times in {self.file}: {self.old!r}")
        changed = text.replace(self.old, self.new)
        compile(changed, self.file, "exec")
        path.write_text(changed, encoding="utf-8")


def copy_of(package: str, folder: Path) -> Path:
    """A copy of a library's package below `folder`, with the bytecode of its modules."""
    library = folder / package
    shutil.copytree(SOURCES[package], library, ignore=shutil.ignore_patterns(f"{package}-*", "*.nb?"))
    return library


class Interpreter:
    """A process that computes the digests of changed libraries, one after the other.

    `digests` are those of the library that is installed: part of the built-in input -> digest.
    """

    def __init__(self, package: str) -> None:
        command = [sys.executable, "-m", "support.interpreted", package]
        self._process = subprocess.Popen(
            command,
            env=_environment(NUMBA_DISABLE_JIT="1"),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.digests = self._read()

    def first_other_part(self, folder: Path) -> str | None:
        """The first part whose digest the library in `folder` changes. RuntimeError if it cannot compute one."""
        if self._process.stdin is None:
            raise RuntimeError("no pipe")
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["part"]

    def _read(self) -> dict[str, str]:
        if self._process.stdout is None:
            raise RuntimeError("no pipe")
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"the interpreter of kernels ended with code {self._process.returncode}; see its output")
        answer: dict[str, str] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def passes(test: str, folder: Path | None) -> bool:
    """Whether a test passes with the library in `folder` (None: as installed), its kernels compiled."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    done = subprocess.run(
        command,
        env=_environment(folder),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return done.returncode == 0


def _environment(folder: Path | None = None, **more: str) -> dict[str, str]:
    """That of a process for which the library in `folder` comes before the one that is installed."""
    places = [ROOT / "tests"] if folder is None else [folder, ROOT / "tests"]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), **more}
