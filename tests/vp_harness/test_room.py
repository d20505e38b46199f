"""Signals that read much are computed one after the other: what they hold at once is bounded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from vp_harness import Dataset, signals
from vp_harness.cache import Room
from vp_harness.evaluation import workspace
from vp_harness.evaluation.workspace import Workspace, columns_bytes
from vp_harness.signals.trust import trusted_values


class AtOnce:
    """Counts the threads that are inside of it."""

    def __init__(self) -> None:
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()
        self._wait = threading.Event()

    def work(self) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        self._wait.wait(0.02)
        with self._lock:
            self._inside -= 1


@pytest.mark.parametrize(("needed", "most"), [(101, 1), (100, 1), (60, 1), (50, 2), (34, 2), (33, 3)])
def test_as_many_work_at_once_as_have_room(needed: int, most: int) -> None:
    """Also who needs more than there is: alone."""
    room, counted = Room(100), AtOnce()

    def work(_: int) -> None:
        with room.of(needed):
            counted.work()

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(work, range(24)))
    assert 1 <= counted.most <= most


def test_who_fails_leaves_its_room_to_others() -> None:
    room = Room(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="no"), room.of(10):
            raise ValueError("no")
    with room.of(10):
        pass


def test_signals_that_read_much_are_computed_alone(research, monkeypatch) -> None:
    dataset = Dataset.open(research.lake, research.dataset_id)
    counted = AtOnce()

    def watched(*args, **named):
        counted.work()
        return trusted_values(*args, **named)

    work = Workspace(dataset)
    monkeypatch.setattr(workspace, "trusted_values", watched)
    monkeypatch.setattr(workspace, "_AT_WORK", Room(columns_bytes(dataset.n_bins, dataset.config.grid_rows, 3)))
    four = [signals.create("net_edge", reach_cells=reach) for reach in (5, 6, 7, 8)]
    with ThreadPoolExecutor(4) as executor:
        judged = list(executor.map(lambda signal: work.judged(signal, thorough=False), four))
    assert counted.most == 1
    assert all(len(one.values) == dataset.n_bins for one in judged)
