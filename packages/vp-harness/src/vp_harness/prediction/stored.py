"""What signals say, as the results store keeps it: one row a horizon of a part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import polars as pl

from vp_harness.prediction.measures import Information

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
    rows: list[dict[str, object]] = []
    for information in found:
        key = {name: getattr(information, name) for name in KEY}
        for name in ("choose", "confirm"):
            part = msgspec.to_builtins(getattr(information, name))
            horizons = part.pop("horizons")
            rows += [{**key, "part": name, **part, **figures} for figures in horizons]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


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
