"""Several datasets judged as one: their values, prices and samples one day after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.cache import Cache
from vp_harness.errors import SignalError
from vp_harness.evaluation.evaluate import OutcomeTables
from vp_harness.evaluation.split import DayBins, TimeSplit, windows
from vp_harness.evaluation.workspace import (
    COLUMN_BYTES,
    SAMPLE_BYTES,
    Judged,
    Workspace,
    information_on,
    values_digest,
)
from vp_harness.judgement.market import market_of_days
from vp_harness.lake.anchors import dataset_files
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.manifest import canonical_json
from vp_harness.prediction.measures import Information
from vp_harness.prediction.sample import PartSample
from vp_harness.signals import Signal
from vp_harness.signals.blocks import CarryingSignal

_VALUES: Final = 4


class DaysWorkspace:
    """What the tasks on several days have in common in one process: a `Workspace` a day, and all days as one.

    The datasets are of one pipeline, in order of time. Bins are numbered on from day to day.
    """

    def __init__(self, dataset_id: str, datasets: Sequence[Dataset]) -> None:
        self.dataset_id = dataset_id
        self.datasets = tuple(datasets)
        self._days = [Workspace(dataset, column_bytes=COLUMN_BYTES // len(datasets)) for dataset in datasets]
        self.context = self._days[0].context
        self.tables = OutcomeTables(*datasets)
        self._values: Cache[Judged] = Cache(_VALUES)
        self._baselines: Cache[dict[str, NDArray[np.float64]]] = Cache(1)
        self._samples: Cache[PartSample] = Cache(SAMPLE_BYTES, lambda sample: sample.nbytes)

    @cached_property
    def files_json(self) -> str:
        """Digests of the files of all datasets, named `dataset_id/file`, as runs keep them."""
        files = {
            f"{dataset.dataset_id}/{name}": digest
            for dataset in self.datasets
            for name, digest in dataset_files(dataset).items()
        }
        return canonical_json(files).decode()

    @cached_property
    def market_json(self) -> str:
        """The market of all days, as runs keep it."""
        return canonical_json(market_of_days(self.datasets)).decode()

    def judged(self, signal: Signal, *, thorough: bool, carry: bool = False) -> Judged:
        """The values of a signal on all days (n_bins), each checked before; the first day thoroughly if asked.

        With `carry` a signal that can keeps what it has learned from day to day. It is checked on the first day
        then, where it is what it is alone.
        """
        params = canonical_json(msgspec.to_builtins(signal.params))
        key = (signal.name, params, thorough, carry)
        return self._values.of(key, lambda: self._carry(signal, thorough) if carry else self._judge(signal, thorough))

    def information(self, judged: Judged, signal: str, split: TimeSplit, days: Sequence[DayBins]) -> Information:
        """What the values of a signal say of the mid that follows on the same day, on both parts of a split."""
        return information_on(
            self,
            judged,
            signal,
            split,
            [windows(days, first, end) for first, end in split.parts],
            self._samples,
            self._baselines.of("", self._compute_baselines),
        )

    def _judge(self, signal: Signal, thorough: bool) -> Judged:
        days = [day.judged(signal, thorough=thorough and not i) for i, day in enumerate(self._days)]
        values = np.concatenate([day.values for day in days])
        return Judged(values, tuple(report for day in days for report in day.trust), values_digest(values))

    def _carry(self, signal: Signal, thorough: bool) -> Judged:
        if not isinstance(signal, CarryingSignal):
            raise SignalError(f"signal {signal.name!r} learns nothing that it could carry from day to day")
        first = self._days[0].judged(signal, thorough=thorough)
        values = np.concatenate(list(signal.compute_days(self._days)))
        return Judged(values, first.trust, values_digest(values))

    def _compute_baselines(self) -> dict[str, NDArray[np.float64]]:
        """Those that every day has."""
        of_days = [day.compute_baselines() for day in self._days]
        names = [name for name in of_days[0] if all(name in day for day in of_days)]
        return {name: np.concatenate([day[name] for day in of_days]) for name in names}


@lru_cache(maxsize=1)
def days_workspace(lake_root: str, dataset_id: str, dataset_ids: tuple[str, ...]) -> DaysWorkspace:
    """The workspace of several days, kept for the next task of this process."""
    return DaysWorkspace(dataset_id, [Dataset.open(lake_root, one) for one in dataset_ids])


def together_id(dataset_ids: Sequence[str]) -> str:
    """By what several days, in order of time, go as one: an id like that of a dataset, with the first and last date.

    >>> days = ["synm6_20260204_0927_0930__small__f5926489", "synm6_20260206_0927_0930__small__20dd88b0"]
    >>> together_id(days)
    'synm6_20260204_20260206_0927_0930__small__a7c21fe1'
    """
    digest = hashlib.sha256(" ".join(dataset_ids).encode()).hexdigest()[:8]
    capture, pipeline, _ = dataset_ids[0].split("__")
    symbol, first, *times = capture.rsplit("_", 3)
    last = dataset_ids[-1].split("__")[0].rsplit("_", 3)[1]
    return f"{symbol}_{first}_{last}_{'_'.join(times)}__{pipeline}__{digest}"
