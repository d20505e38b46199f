"""Judging one signal on one dataset: every threshold under every evaluation, from values computed once."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_contract import EvalSpec
from vp_harness.evaluation.events import detect_events
from vp_harness.evaluation.metrics import measure
from vp_harness.evaluation.outcomes import ExitRule, OutcomeTable, Prices, exit_rule, opened, outcome_table
from vp_harness.evaluation.split import TimeSplit, time_split
from vp_harness.kept import Kept
from vp_harness.lake.dataset import Dataset
from vp_harness.research.results import ThresholdRow
from vp_harness.signals import Signal

TABLE_BYTES: Final = 128 * 2**20
"""Outcome tables of one dataset that are kept: forty of an hour of 36,000 bins."""


class OutcomeTables:
    """The outcome tables of one dataset, each computed once as long as there are not too many."""

    def __init__(self, dataset: Dataset) -> None:
        self.prices = Prices.from_bins(dataset.bins, dataset.config.tick_int)
        self._tables: Kept[OutcomeTable] = Kept(TABLE_BYTES, lambda table: table.nbytes)

    def of(self, rule: ExitRule) -> OutcomeTable:
        """The table of one exit rule."""
        return self._tables.of(rule, lambda: outcome_table(self.prices, rule))


def evaluate(
    values: NDArray[np.float64],
    signal: Signal,
    tables: OutcomeTables,
    evaluation: EvalSpec,
    *,
    cell_width_ms: int,
    seed: str,
    thresholds: tuple[float, ...] | None = None,
) -> tuple[TimeSplit, list[ThresholdRow]]:
    """The split, and a row for each threshold of `signal`, whose `values` (n_bins) are at hand.

    `thresholds` replace the signal's own. `seed` is any text; a row's bootstrap is seeded with it and the threshold.
    Raises ExperimentError when the capture is too short for the split.
    """
    own, first_bin = signal.thresholds.resolve(values, evaluation.warmup_bins)
    split = time_split(len(values), first_bin, evaluation)
    table = tables.of(exit_rule(evaluation))
    rows = []
    for threshold in thresholds if thresholds is not None else own:
        events = detect_events(
            values,
            tables.prices.valid,
            threshold=threshold,
            cooldown_bins=evaluation.cooldown_bins,
            first_bin=first_bin,
            probability=signal.kind == "probability",
        )
        digest = sha256(f"{seed} {threshold!r}".encode()).digest()
        parts = [
            measure(
                opened(events.between(first, end), table, allow_overlap=evaluation.allow_overlap),
                table,
                n_bins=end - first,
                cell_width_ms=cell_width_ms,
                seed=int.from_bytes(digest[:8], "little"),
            )
            for first, end in _parts(split)
        ]
        rows.append(
            ThresholdRow(
                threshold=threshold,
                choose=parts[0],
                confirm=parts[1],
                event_bins=events.bins.tolist(),
                event_directions=events.directions.tolist(),
            )
        )
    return split, rows


def _parts(split: TimeSplit) -> Iterator[tuple[int, int]]:
    yield split.choose_first, split.choose_end
    yield split.confirm_first, split.confirm_end
