"""The page of refusals is what provoking them gives, and no kind of error is missing from it."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from support.packages import ROOT
from support.refusals import Provoked, page, provoked, sections

PAGE = ROOT / "docs" / "errors.md"

NOT_SHOWN = {
    "VpBookError": "base class",
    "VpContractError": "base class",
    "VpHarnessError": "base class",
    "VpRegistryError": "base class",
    "VpSpectrumError": "base class",
    "VpStreamError": "base class",
    "DbnError": "base class",
    "TaskError": "needs a worker in another process",
    "ExecutorError": "needs a worker that dies or a cluster",
    "EngineError": "needs a client of an engine that fails",
    "OverdueError": "never leaves the server: the registry is said to be unavailable",
    "LogDamagedError": "never leaves the server: the log is made anew",
    "FrameMismatchError": "needs libraries that compute other numbers",
    "WireError": "shown as the refusal of a client's message",
    "GridError": "for readers of frames: tests/vp_contract/test_grid.py",
    "BusyError": "needs another process: tests/vp_cli/test_download.py",
    "CampaignError": "see docs/campaigns.md",
    "DatasetChangedError": "needs an editor who sets checksums right: tests/vp_harness/test_anchors.py",
    "FillsUnknownError": "needs a dataset of an earlier version: tests/vp_harness/test_fills.py",
    "FramesUnknownError": "needs a dataset of another contract: tests/vp_harness/test_anchors.py",
    "InstrumentLockError": "shown as the refusal of a serving",
    "OffGridError": "needs a file of another tick: tests/vp_harness/test_coverage.py",
    "RawFileChangedError": "shown as the refusal of a serving",
    "RegistryIntegrityError": "needs an editor of the database: tests/vp_registry",
    "SignalTrustError": "needs a plug-in that looks ahead: tests/vp_harness/signals/test_trust.py",
    "UndeclaredError": "for authors of signals: tests/vp_harness/test_signals.py",
    "UnsoundError": "needs a damaged file: tests/integration/test_midnight.py",
}
"""Kinds of error without a row, and why."""

MODULES = ("vp_book", "vp_contract", "vp_harness", "vp_registry", "vp_spectrum", "vp_stream", "vp_cli")


@pytest.fixture(scope="module")
def cases() -> list[Provoked]:
    """Every case, provoked once."""
    return [case for _, case in provoked()]


def kinds() -> set[str]:
    """The names of the error types of all packages."""
    found: set[str] = set()
    for module in MODULES:
        errors = vars(import_module(f"{module}.errors"))
        found |= {name for name, kind in errors.items() if isinstance(kind, type) and issubclass(kind, Exception)}
    return found


def test_the_page_is_what_provoking_gives(cases: list[Provoked]) -> None:
    made_again = "make it again: cd tests && uv run python -m support.refusals > ../docs/errors.md"
    assert PAGE.read_text(encoding="utf-8") == page(), made_again
    assert len(cases) == sum(len(part) for part in sections().values())


def test_every_kind_of_error_is_shown(cases: list[Provoked]) -> None:
    shown = {case.kind for case in cases}
    assert kinds() - shown == {name for name in NOT_SHOWN if name in kinds()}
    assert not shown & set(NOT_SHOWN)


def test_every_text_is_short_and_says_what(cases: list[Provoked]) -> None:
    for case in cases:
        assert case.text.count("\n") <= 1, case
        assert case.text, case
        assert "Traceback" not in case.text, case
        assert case.raised_at[0], f"{case.what}: raised by another library: {case.text}"


def test_an_argument_is_named_first(cases: list[Provoked]) -> None:
    """`parameter=value: what is wrong` or `parameter: what is wrong`."""
    of_arguments = [case for case in cases if case.kind in {"ParameterError", "InputError", "SettingsError"}]
    assert len(of_arguments) > 40
    for case in of_arguments:
        assert re.match(r"records of dtype|[\w.\[\]]+(=[^:]*|=.*?)?(, \w+=[^:]*)*: ", case.text), case.text


def test_no_case_is_there_twice() -> None:
    titles = [case.what for part in sections().values() for case in part]
    assert len(set(titles)) == len(titles)
