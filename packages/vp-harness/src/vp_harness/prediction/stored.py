"""What signals say, as the results store keeps it: one row a horizon of a part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import polars as pl

from vp_harness.columns import frame_of
from vp_harness.prediction.measures import HorizonFigures, Information, PartInformation

KEY: Final = (
    "dataset_id",
    "signal",
    "values_digest",
    "choose_first",
    "choose_end",
    "confirm_first",
    "confirm_end",
)
"""Columns of a run that say which information is of it: runs that differ in exits and thresholds alone share it."""

_PER_PART: Final[dict[str, pl.DataType]] = {
    "part": pl.String(),
    "n_samples": pl.Int64(),
    "n_blocks": pl.Int64(),
    "after": pl.List(pl.String()),
    "turnover_per_hour": pl.Float64(),
    "best_horizon_ms": pl.Int64(),
    "half_ms": pl.Int64(),
}
_FIGURES: Final = (
    "ic",
    "ic_low",
    "ic_high",
    "partial_ic",
    "partial_ic_low",
    "partial_ic_high",
    "autocorrelation",
)
SCHEMA: Final[dict[str, pl.DataType]] = {
    **{name: pl.String() if name in KEY[:3] else pl.Int64() for name in KEY},
    **_PER_PART,
    "horizon_ms": pl.Int64(),
    **{name: pl.Float64() for name in _FIGURES},
    **{name: pl.List(pl.Float64()) for name in ("decile_ticks", "decile_ticks_low", "decile_ticks_high")},
}
"""Columns of the table."""


def stored_rows(found: Iterable[Information]) -> pl.DataFrame:
    """The rows to store. A part with nothing to measure has none."""
    rows: list[tuple[Information, str, PartInformation, HorizonFigures]] = []
    for information in found:
        for name in ("choose", "confirm"):
            part: PartInformation = getattr(information, name)
            rows += [(information, name, part, figures) for figures in part.horizons]
    columns: dict[str, Sequence[Any]] = {"part": [name for _, name, _, _ in rows]}
    for name in SCHEMA.keys() - columns.keys():
        of = 0 if name in KEY else 2 if name in _PER_PART else 3
        columns[name] = [getattr(row[of], name) for row in rows]
    return frame_of(columns, SCHEMA)


_OF_BEST: Final = ("ic", "ic_low", "ic_high", "partial_ic")

AT_BEST: Final = ("part", "horizon_ms", "best_horizon_ms", "half_ms", *_OF_BEST)
"""Columns that `at_best_horizon` reads beside `KEY`."""

BEST: Final = ("ic_horizon_ms", *_OF_BEST, *(f"confirm_{name}" for name in _OF_BEST), "ic_half_ms")
"""Columns that it gives beside `KEY`."""


def at_best_horizon(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a `KEY` of stored rows: `ic` at the horizon where the choosing part has the greatest one in size,
    `partial_ic` there, the same of the confirming part, and when it has halved.
    """
    choose = rows.filter(pl.col("part") == "choose", pl.col("horizon_ms") == pl.col("best_horizon_ms"))
    confirm = rows.filter(pl.col("part") == "confirm").select(
        *KEY, "horizon_ms", *(pl.col(name).alias(f"confirm_{name}") for name in _OF_BEST)
    )
    best = choose.join(confirm, on=[*KEY, "horizon_ms"], how="left")
    return best.rename({"horizon_ms": "ic_horizon_ms", "half_ms": "ic_half_ms"}).select(*KEY, *BEST)
