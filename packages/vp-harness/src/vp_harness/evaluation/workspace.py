"""What the tasks on one dataset have in common in one process: its columns, its outcome tables, values of signals.

All of it is bounded: what was not used for longest goes when something else needs the room.
"""

from __future__ import annotations

import contextlib
import hashlib
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_harness.errors import ParameterError, SignalError
from vp_harness.evaluation.evaluate import OutcomeTables
from vp_harness.evaluation.split import TimeSplit
from vp_harness.information.measures import Information, PartInformation, information_of
from vp_harness.information.sample import PartSample, horizons_bins
from vp_harness.judgement.market import market_of
from vp_harness.kept import Kept
from vp_harness.lake.anchors import dataset_files
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.manifest import canonical_json
from vp_harness.signals import BASELINES, Signal, SignalContext
from vp_harness.signals.shared import share
from vp_harness.signals.trust import TrustReport, trusted_values

COLUMN_BYTES: Final = 384 * 2**20
"""Columns of one dataset that are kept: thirteen of an hour of 36,000 bins with 101 rows."""

SAMPLE_BYTES: Final = 96 * 2**20
"""Samples of parts of one dataset that are kept: of an hour of 36,000 bins, those of six splits."""

_VALUES: Final = 4
"""Signals whose values are kept: a signal with many evaluations comes in several tasks, one after the other."""


class Judged(NamedTuple):
    """The values of a signal (n_bins), what was looked into before, and the SHA-256 of the values."""

    values: NDArray[np.float64]
    trust: TrustReport
    digest: str


class Workspace:
    """One dataset and what was made of it. It is what a signal reads: a `GridSource` whose columns are kept."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.dataset_id = dataset.dataset_id
        self.context: SignalContext = dataset.context
        self.n_bins = dataset.n_bins
        self.tables = OutcomeTables(dataset)
        self._columns: Kept[NDArray[Any]] = Kept(COLUMN_BYTES, lambda column: column.nbytes)
        self._values: Kept[Judged] = Kept(_VALUES)
        self._baselines: Kept[dict[str, NDArray[np.float64]]] = Kept(1)
        self._samples: Kept[PartSample] = Kept(SAMPLE_BYTES, lambda sample: sample.nbytes)

    @cached_property
    def files_json(self) -> str:
        """Digests of the dataset's files, as runs keep them."""
        return canonical_json(dataset_files(self.dataset)).decode()

    @cached_property
    def market_json(self) -> str:
        """The market it is of, as runs keep it."""
        return canonical_json(market_of(self.dataset)).decode()

    @property
    def bins(self) -> pl.DataFrame:
        """The per-bin fields."""
        return self.dataset.bins

    def grid(self, column: str) -> NDArray[Any]:
        """One column, read-only: signals share it."""
        return self._columns.of(column, lambda: share(self.dataset.grid(column)))

    def judged(self, signal: Signal, *, thorough: bool) -> Judged:
        """The values of a signal, computed and looked into once for all its evaluations."""
        params = canonical_json(msgspec.to_builtins(signal.params))
        return self._values.of((signal.name, params, thorough), lambda: self._judge(signal, thorough))

    def information(self, judged: Judged, signal: str, split: TimeSplit) -> Information:
        """What the values of a signal say of the mid that follows, on both parts of a split."""
        parts = (split.choose_first, split.choose_end), (split.confirm_first, split.confirm_end)
        shortest = min(end - first for first, end in parts)
        horizons = horizons_bins(self.context.cell_width_ms, shortest)
        choose, confirm = (self._part(judged, signal, horizons, first, end) for first, end in parts)
        return Information(
            dataset_id=self.dataset_id,
            signal=signal,
            values_digest=judged.digest,
            choose_first=split.choose_first,
            choose_end=split.choose_end,
            confirm_first=split.confirm_first,
            confirm_end=split.confirm_end,
            choose=choose,
            confirm=confirm,
        )

    def _part(self, judged: Judged, signal: str, horizons: tuple[int, ...], first: int, end: int) -> PartInformation:
        prices = self.tables.prices
        sample = self._samples.of((horizons, first, end), lambda: PartSample(prices, horizons, first, end))
        baselines = self._baselines.of("", self._compute_baselines)
        return information_of(judged.values, sample, baselines, signal=signal, cell_width_ms=self.context.cell_width_ms)

    def _compute_baselines(self) -> dict[str, NDArray[np.float64]]:
        """The baselines with their default parameters; one whose columns the dataset lacks is left out."""
        values = {}
        for baseline in BASELINES:
            with contextlib.suppress(SignalError, ParameterError):
                values[baseline.name] = baseline().compute(self)
        return values

    def _judge(self, signal: Signal, thorough: bool) -> Judged:
        values, trust = trusted_values(signal, self, thorough=thorough)
        return Judged(values, trust, values_digest(values))


@lru_cache(maxsize=2)
def workspace(lake_root: str, dataset_id: str) -> Workspace:
    """The workspace of a dataset, kept for the next task of this process."""
    return Workspace(Dataset.open(lake_root, dataset_id))


def values_digest(values: NDArray[np.float64]) -> str:
    """SHA-256 of the values of a signal: little-endian float64, one a bin, in order."""
    return hashlib.sha256(np.ascontiguousarray(values, "<f8").tobytes()).hexdigest()
