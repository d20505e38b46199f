"""The page of refusals, made by provoking each of them.

    python -m support.refusals > ../docs/errors.md      # in tests/

A case is something that a user does wrong, or finds broken. Provoking it gives the error and its text; where they are
raised tells how much of the code is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from support.packages import ROOT
from support.refusals.bench import Bench
from vp_book import VpBookError
from vp_cli.errors import CliError
from vp_contract import VpContractError
from vp_harness import VpHarnessError
from vp_registry import VpRegistryError
from vp_spectrum import VpSpectrumError
from vp_stream import VpStreamError

EXPECTED = (
    CliError,
    VpBookError,
    VpContractError,
    VpHarnessError,
    VpRegistryError,
    VpSpectrumError,
    VpStreamError,
)

Act = Callable[[Bench], object]


class Case(NamedTuple):
    """What is done, in words, and the doing of it."""

    what: str
    act: Act


class Provoked(NamedTuple):
    """A case that was provoked: the type and text of its error, and the file and line that raised it."""

    what: str
    kind: str
    text: str
    raised_at: tuple[str, int]


_HASH = re.compile(r"(?<=__)[0-9a-f]{8}\b|(?<=_)[0-9a-f]{8}_[0-9a-f]{8}(?![0-9a-f])|\b(?=\d*[a-f])[0-9a-f]{16,64}\b")
_RUN = re.compile(r"(?<=run )[0-9a-f]{16}")
_TEMPORARY = re.compile(r"\btmp\w+\b")


def provoke(case: Case, bench: Bench) -> Provoked:
    """Do what the case does in the bench's folder; ValueError if nothing refuses it."""
    try:
        with chdir(bench.folder):
            case.act(bench)
    except EXPECTED as error:
        return Provoked(case.what, type(error).__name__, _plain(str(error), bench.folder), _raised_at(error))
    raise ValueError(f"{case.what}: nothing refused it")


def _plain(text: str, folder: Path) -> str:
    """The text without what differs from one machine or run to the next."""
    for place in {str(folder), str(folder.resolve())}:
        text = text.replace(f"{place}/", "").replace(place, ".")
    for varying in (_RUN, _HASH, _TEMPORARY):
        text = varying.sub("…", text)
    return text.replace("……", "…")


def _raised_at(error: BaseException) -> tuple[str, int]:
    """(File below the repository, line) of the innermost frame of our own code."""
    found = ("", 0)
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "/src/vp_" in name:
            found = (Path(name).relative_to(ROOT).as_posix(), trace.tb_lineno)
        trace = trace.tb_next
    return found


def sections() -> dict[str, list[Case]]:
    """Every case by the heading it stands under, in the order of the page."""
    from support.refusals import book, commands, lake, server, spectrum

    return {
        "Files and records (vp-book)": book.CASES,
        "Scoring (vp-spectrum)": spectrum.CASES,
        "Lake, datasets, experiments (vp-harness)": lake.CASES,
        "Published servings (vp-registry)": lake.REGISTRY_CASES,
        "The server (vp-stream)": server.CASES,
        "Commands (vp-cli)": commands.CASES,
    }


def provoked() -> Iterator[tuple[str, Provoked]]:
    """(Heading, case provoked) one after the other."""
    with TemporaryDirectory() as shared:
        for heading, cases in sections().items():
            for case in cases:
                with TemporaryDirectory() as folder:
                    yield heading, provoke(case, Bench(Path(folder), Path(shared)))


def page() -> str:
    """The whole page."""
    parts = [
        "# What is refused, and in which words\n\n"
        "Bad input gives one error of a type of its own, and nothing is changed by it. Every text below was made by\n"
        "provoking it (`tests/support/refusals` makes this page, and a test holds it to that). Hashes are left out.\n"
        "What YAML specs say when they are wrong is on [a page of its own](spec-errors.md).\n\n"
        "`vp` prints the text after `vp: ` on stderr and ends with exit code 1; wrong usage ends with 2. The server\n"
        "sends its refusals as an `error` message before close 1008, or as the JSON of an HTTP answer.\n"
    ]
    heading = ""
    for under, case in provoked():
        if under != heading:
            heading = under
            parts.append(f"\n## {heading}\n\n| what | error | text |\n| --- | --- | --- |\n")
        text = case.text.replace("|", "\\|").replace("\n", "<br>")
        parts.append(f"| {case.what} | `{case.kind}` | {text} |\n")
    return "".join(parts)
