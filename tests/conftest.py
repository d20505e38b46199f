"""A whole run uses two processes. What measures time has the machine to itself meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

try:
    import fcntl
except ImportError:  # Windows: one process runs all of them
    fcntl = None  # type: ignore[assignment]

WORKERS = 2
TESTS = Path(__file__).parent
ALONE = (
    "e2e/test_demo_page.py",
    "e2e/test_page.py",
    "hostile/test_descriptors.py",
    "hostile/test_fragments.py",
    "vp_cli/test_stream_commands.py",
    "vp_harness/test_turns.py",
    *(f"vp_stream/test_{name}.py" for name in ("process", "stream", "stuck_clients")),
)
"""Tests that look at clocks: of servers and their clients, of pages, of processes that wait for one another. Last."""
LONG = ("e2e/", "integration/", "mutation/", "hostile/", "workspace/")
"""Begun first, so that one process is not still at work on them when the other has nothing left."""


def _place(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may run beside others comes first, what takes long before what does not; files stay whole."""
    items.sort(key=lambda item: (_place(item.path).startswith(ALONE), not _place(item.path).startswith(LONG)))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for the whole suite, none for a part of it, which is over sooner in this process."""
    whole = config.args == list(config.getini("testpaths")) and not config.option.keyword and not config.option.markexpr
    return WORKERS if whole and fcntl is not None else 0


@contextlib.contextmanager
def _holding(path: Path, *, alone: bool) -> Iterator[None]:
    """Hold the machine, shared or alone. Whoever waits for it to be alone lets nobody else in before."""
    with path.open("ab") as machine, path.with_suffix(".queue").open("ab") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(machine, fcntl.LOCK_UN)  # said, for a process that a test has forked holds the file open too


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not hasattr(item.config, "workerinput"):  # the only process
        return (yield)
    assert item.config.cache is not None
    alone = _place(item.path).startswith(ALONE)
    with _holding(item.config.cache.mkdir("machine") / "held", alone=alone):
        return (yield)
