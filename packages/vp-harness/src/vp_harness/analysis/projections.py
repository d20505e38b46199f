"""Other projections of the score than the one that a dataset was made with: with a cubic term, and damped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.analysis.health import ProjectionError, projection_error
from vp_harness.analysis.ticks import Ticks
from vp_harness.lake.dataset import Dataset

CUBIC_SCALES: Final = (0.0, 1 / 24, 1 / 12, 1 / 6)
DAMPINGS: Final = (0.0, 0.25, 0.5, 1.0, 2.0)


class ProjectionTry(msgspec.Struct, frozen=True, kw_only=True):
    """A form of projection and its error at each horizon; `served` is the one that the dataset has.

    Of `cubic_scale` 0 there is no cubic term. `damping` is per second.
    """

    cubic_scale: float
    damping: float
    served: bool
    horizons: list[ProjectionError]


def projection_tries(
    dataset: Dataset, *, cubic_scales: Sequence[float] = CUBIC_SCALES, dampings: Sequence[float] = DAMPINGS
) -> list[ProjectionTry]:
    """The error of every cubic scale with every damping, and of the served form, at the horizons of the dataset.

    The changes of a score are taken of the tick's own last three bins, as the spectrum takes them. Cells without
    these, and those whose tick is not in the grid when the horizon is over, are left out of all forms alike.
    """
    config = dataset.config
    ticks, score = Ticks(dataset), dataset.grid("flow_score")
    changes = changes_of(ticks, score)
    served = config.projection_cubic_scale if config.projection_use_cubic else 0.0, config.projection_damping_lambda
    forms = dict.fromkeys([served, *((float(cubic), float(damp)) for cubic in cubic_scales for damp in dampings)])
    found: dict[tuple[float, float], list[ProjectionError]] = {form: [] for form in forms}
    for horizon_ms in config.projection_horizons_ms:
        came = ticks.at(score, horizon_ms // config.cell_width_ms)
        for cubic, damping in forms:
            ahead = projected(score, changes, horizon_ms / 1000, cubic_scale=cubic, damping=damping)
            found[cubic, damping].append(projection_error(horizon_ms, score, ahead, came))
    return [
        ProjectionTry(cubic_scale=cubic, damping=damping, served=(cubic, damping) == served, horizons=errors)
        for (cubic, damping), errors in found.items()
    ]


def changes_of(ticks: Ticks, score: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """First, second and third successive difference per second of each tick's own score, (n_bins, rows) each.

    nan where the tick was not in the grid in all of its last four bins.
    """
    now, one, two, three = score, ticks.at(score, -1), ticks.at(score, -2), ticks.at(score, -3)
    width = ticks.width_s
    first = (now - one) / width
    second = (now - 2 * one + two) / width**2
    third = (now - 3 * one + 3 * two - three) / width**3
    return first, second, third


def projected(
    score: NDArray[np.float64],
    changes: Sequence[NDArray[np.float64]],
    horizon_s: float,
    *,
    cubic_scale: float,
    damping: float,
) -> NDArray[np.float64]:
    """The score (n_bins, rows) so many seconds ahead; nan where a change is not known."""
    first, second, third = changes
    ahead = score + first * horizon_s + second * (horizon_s**2 / 2) + third * (cubic_scale * horizon_s**3)
    result: NDArray[np.float64] = np.clip(ahead * np.exp(-damping * horizon_s), -1.0, 1.0)
    return result
