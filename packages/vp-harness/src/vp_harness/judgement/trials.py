"""What is drawn: the events of a row in one part of its time, alone or side by side with those of other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_contract import FillModel
from vp_harness._jit import kernel
from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import OutcomeTable

_NONE: Final = bytes(8)
"""Stands for the digest of a trial that has none."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One tried row: its fired events in bins `first` (inclusive) to `end` (exclusive), and what they would earn.

    Of several days `windows` has the bins (first, end) of each in which it may fire, ascending. Rows with fewer than
    `min_events` fired events cannot win; they count among those that were tried all the same.
    """

    events: Events
    table: OutcomeTable
    first: int
    end: int
    allow_overlap: bool = False
    min_events: int = 1
    model: FillModel = "cross"
    windows: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.end <= self.table.mid.outcome.shape[1]:
            raise ParameterError(
                f"window={self.first}:{self.end}: must be a non-empty part of the "
                f"{self.table.mid.outcome.shape[1]} bins of the outcome table"
            )
        if len(self.events) and not self.first <= self.events.bins[0] <= self.events.bins[-1] < self.end:
            raise ParameterError(
                f"events: bins {self.events.bins[0]} to {self.events.bins[-1]}, must be within {self.first}:{self.end}"
            )

    @property
    def digest(self) -> str:
        """16 hex digits: equal for trials with the same events, window and outcomes."""
        return _digest(self.events.bins.tobytes(), self.events.directions.tobytes(), self.terms).hex()

    @property
    def terms(self) -> bytes:
        """What is hashed after the events: the window and what decides the outcomes."""
        text = f"{self.first} {self.end} {self.allow_overlap} {self.model} {self.table.digests[self.model]}"
        return (text + repr(self.windows) if self.windows else text).encode()


@dataclass(frozen=True, slots=True)
class Trials:
    """Many trials that differ in their events alone, which lie side by side: a kernel takes all of them at once.

    Trial i has the events `starts[i]` (inclusive) to `ends[i]` (exclusive) of `events`, which ascend within each trial.
    `like` is a trial without events, and like all of them else.
    """

    events: Events
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    like: Trial

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Trial:
        own = slice(self.starts[index], self.ends[index])
        return replace(self.like, events=Events(self.events.bins[own], self.events.directions[own]))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many events each has (n)."""
        return self.ends - self.starts

    def some(self, indices: Sequence[int] | NDArray[np.int64]) -> Trials:
        """Those of some indices."""
        at = np.asarray(indices, np.int64)
        return replace(self, starts=self.starts[at], ends=self.ends[at])

    def digests(self) -> list[str]:
        """The digest of each, as `Trial.digest` is; an empty text for one without events."""
        return [digest.hex() for digest in self._digests()]

    def codes(self) -> NDArray[np.uint64]:
        """The digest of each as a number (n): see `drawn.codes_of`. 0 for one without events."""
        return np.frombuffer(b"".join(digest or _NONE for digest in self._digests()), ">u8").astype(np.uint64)

    def _digests(self) -> Iterator[bytes]:
        """The bytes of the digest of each, none for one without events."""
        bins, directions = (one.view(np.uint8).data for one in (self.events.bins, self.events.directions))
        width, terms = self.events.bins.itemsize, self.like.terms
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            yield _digest(bins[width * start : width * end], directions[start:end], terms) if end > start else b""


def trials_between(events: Events, starts: NDArray[np.int64], ends: NDArray[np.int64], like: Trial) -> Trials:
    """Trials like `like` of rows whose events are `starts[i]` to `ends[i]` of `events`: those of them in its window."""
    own_starts, own_ends = np.empty_like(starts), np.empty_like(ends)
    _within(events.bins, starts, ends, like.first, like.end, own_starts, own_ends)
    return Trials(events, own_starts, own_ends, like)


def _digest(bins: bytes | memoryview, directions: bytes | memoryview, terms: bytes) -> bytes:
    hashed = sha256(bins)
    hashed.update(directions)
    hashed.update(terms)
    return hashed.digest()[: len(_NONE)]


@kernel
def _within(
    bins: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first: int,
    end: int,
    own_starts: NDArray[np.int64],
    own_ends: NDArray[np.int64],
) -> None:
    for row in range(starts.shape[0]):
        of_row = bins[starts[row] : ends[row]]
        own_starts[row] = starts[row] + np.searchsorted(of_row, first)
        own_ends[row] = starts[row] + np.searchsorted(of_row, end)
