"""What the tasks on one dataset have in common in one process: its columns, its outcome tables, values of signals.

All of it is bounded: what was not used for longest goes when something else needs the room.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from vp_harness.cache import Cache, Room
from vp_harness.errors import ParameterError, SignalError
from vp_harness.evaluation.evaluate import OutcomeTables
from vp_harness.evaluation.split import TimeSplit
from vp_harness.judgement.market import market_of
from vp_harness.lake.anchors import dataset_files
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.manifest import canonical_json
from vp_harness.prediction.measures import Information, PartInformation, information_of
from vp_harness.prediction.sample import BLOCKS_AT_LEAST, PartSample, horizons_bins
from vp_harness.signals import BASELINES, Signal, SignalContext
from vp_harness.signals.shared import share
from vp_harness.signals.trust import TrustReport, trusted_values

COLUMN_BYTES: Final = 256 * 2**20
"""Columns of one dataset that are kept: nine of an hour of 36,000 bins with 101 rows."""

WORK_BYTES: Final = 2 * 2**30
"""Columns that signals of one process read at once: 73 of an hour of 36,000 bins with 101 rows, three of 23 hours. A
signal that reads more is computed alone."""

SAMPLE_BYTES: Final = 96 * 2**20
"""Samples of parts of one dataset that are kept: of an hour of 36,000 bins, those of six splits."""

_AT_WORK: Final = Room(WORK_BYTES)

_VALUES: Final = 4
"""Signals whose values are kept: a signal with many evaluations comes in several tasks, one after the other."""


class Judged(NamedTuple):
    """The values of a signal (n_bins), what was checked before on each day, and the SHA-256 of the values."""

    values: NDArray[np.float64]
    trust: tuple[TrustReport, ...]
    digest: str


class Workspace:
    """One dataset and what was made of it. It is what a signal reads: a `GridSource` whose columns are kept."""

    def __init__(self, dataset: Dataset, *, column_bytes: int = COLUMN_BYTES) -> None:
        self.dataset = dataset
        self.dataset_id = dataset.dataset_id
        self.context: SignalContext = dataset.context
        self.n_bins = dataset.n_bins
        self._columns: Cache[NDArray[Any]] = Cache(column_bytes, lambda column: column.nbytes)
        self._values: Cache[Judged] = Cache(_VALUES)
        self._baselines: Cache[dict[str, NDArray[np.float64]]] = Cache(1)
        self._samples: Cache[PartSample] = Cache(SAMPLE_BYTES, lambda sample: sample.nbytes)

    @cached_property
    def tables(self) -> OutcomeTables:
        """Its outcome tables."""
        return OutcomeTables(self.dataset)

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
        """The values of a signal, computed and checked once for all its evaluations."""
        params = canonical_json(msgspec.to_builtins(signal.params))
        return self._values.of((signal.name, params, thorough), lambda: self._judge(signal, thorough))

    def information(self, judged: Judged, signal: str, split: TimeSplit) -> Information:
        """What the values of a signal say of the mid that follows, on both parts of a split."""
        return information_on(
            self,
            judged,
            signal,
            split,
            [[part] for part in split.parts],
            self._samples,
            self._baselines.of("", self.compute_baselines),
        )

    def compute_baselines(self) -> dict[str, NDArray[np.float64]]:
        """The baselines with their default parameters; one whose columns the dataset lacks is left out."""
        values = {}
        for baseline in BASELINES:
            with contextlib.suppress(SignalError, ParameterError), self._at_work(baseline):
                values[baseline.name] = baseline().compute(self)
        return values

    def _judge(self, signal: Signal, thorough: bool) -> Judged:
        with self._at_work(type(signal)):
            values, trust = trusted_values(signal, self, thorough=thorough)
        return Judged(values, (trust,), values_digest(values))

    def _at_work(self, signal: type[Signal]) -> contextlib.AbstractContextManager[None]:
        """A block that holds the columns of a signal: of some there are as many at once as have room."""
        return _AT_WORK.of(columns_bytes(self.n_bins, self.dataset.config.grid_rows, len(signal.required_columns)))


def columns_bytes(bins: int, rows: int, columns: int) -> int:
    """Bytes of so many columns of cells, as if each were float64."""
    return 8 * bins * rows * columns


class JudgedBins(Protocol):
    """Bins that signals are judged on, of one day or several."""

    @property
    def dataset_id(self) -> str:
        """What they go by."""
        ...

    @property
    def context(self) -> SignalContext:
        """The shape of their grid."""
        ...

    @property
    def tables(self) -> OutcomeTables:
        """Their outcome tables."""
        ...


def information_on(
    work: JudgedBins,
    judged: Judged,
    signal: str,
    split: TimeSplit,
    ranges: Sequence[Sequence[tuple[int, int]]],
    samples: Cache[PartSample],
    baselines: Mapping[str, NDArray[np.float64]],
) -> Information:
    """What the values of a signal say of the mid that follows.

    `ranges` are the bins (first, end) of the choosing part and of the confirming part, one range a day: a horizon does
    not reach beyond its own. `baselines` are values by name.
    """
    width = work.context.cell_width_ms
    horizons = horizons_bins(width, min(sum(end - first for first, end in part) for part in ranges))

    def measured(part: Sequence[tuple[int, int]]) -> PartInformation:
        sample = samples.of((horizons, *part), lambda: PartSample(work.tables.prices, horizons, part))
        return information_of(judged.values, sample, baselines, signal=signal, cell_width_ms=width)

    choose, confirm = (measured(part) for part in ranges)
    return Information(
        dataset_id=work.dataset_id,
        signal=signal,
        values_digest=judged.digest,
        choose_first=split.choose_first,
        choose_end=split.choose_end,
        confirm_first=split.confirm_first,
        confirm_end=split.confirm_end,
        choose=choose,
        confirm=confirm,
    )


def information(
    values: ArrayLike,
    dataset: Dataset,
    horizons_s: Sequence[float] | None = None,
    *,
    first: int = 0,
    end: int | None = None,
    signal: str = "",
) -> PartInformation:
    """What values say of the mid that follows, before anything is traded: rank IC, deciles, intervals by horizon.

    `values` are float64 (n_bins), one of every bin of the dataset, whoever made them; nan counts as 0. `horizons_s` are
    seconds, whole bins of the dataset each, ascending or not; without them those of the horizon curve of a run. Only
    bins `first` (inclusive) to `end` (exclusive) are measured, which is how to keep the confirming part unseen. The
    partial IC is after the five baselines, without the one that `signal` names because the values are its own. A
    horizon of which the bins hold fewer than eight is refused.

    Example: `information(signals.create("imbalance").compute(dataset), dataset, [1.0, 5.0])` has two `horizons`, of
    1,000 and 5,000 ms. Raises ParameterError for values of another shape, and for bins or horizons that do not fit.
    """
    array = np.asarray(values, np.float64)
    width, until = dataset.context.cell_width_ms, dataset.n_bins if end is None else end
    if array.shape != (dataset.n_bins,):
        raise ParameterError(f"values has the shape {array.shape}: must be ({dataset.n_bins},), one of every bin")
    if not 0 <= first < until <= dataset.n_bins:
        raise ParameterError(
            f"first={first}, end={until}: must be in order, and of the {dataset.n_bins} bins there are"
        )
    horizons = horizons_bins(width, until - first)
    if horizons_s is not None:
        horizons = tuple(sorted({_bins_of(seconds, width, until - first) for seconds in horizons_s}))
    work = Workspace(dataset)
    sample = PartSample(work.tables.prices, horizons, [(first, until)])
    return information_of(array, sample, work.compute_baselines(), signal=signal, cell_width_ms=width)


def _bins_of(seconds: float, cell_width_ms: int, n_bins: int) -> int:
    """A horizon in bins. Raises ParameterError for one that is no whole bin, or too long for so many bins."""
    exact = seconds * 1000 / cell_width_ms
    bins = round(exact) if math.isfinite(exact) else 0
    if bins < 1 or abs(exact - bins) > 1e-6:
        raise ParameterError(f"horizons_s has {seconds:g}: must be whole bins of {cell_width_ms} ms, 1 or more")
    if bins * BLOCKS_AT_LEAST > n_bins:
        most = n_bins // BLOCKS_AT_LEAST * cell_width_ms / 1000
        raise ParameterError(f"horizons_s has {seconds:g}: {n_bins} bins measure {most:g} s at most")
    return bins


@lru_cache(maxsize=2)
def workspace(lake_root: str, dataset_id: str) -> Workspace:
    """The workspace of a dataset, kept for the next task of this process."""
    return Workspace(Dataset.open(lake_root, dataset_id))


def values_digest(values: NDArray[np.float64]) -> str:
    """SHA-256 of the values of a signal: little-endian float64, one a bin, in order."""
    return hashlib.sha256(np.ascontiguousarray(values, "<f8").tobytes()).hexdigest()
