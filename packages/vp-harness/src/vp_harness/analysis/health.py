"""How the spectrum of a dataset does: what its cells say, and how well projected scores come true."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.analysis.ticks import Ticks
from vp_harness.lake.dataset import Dataset

FLOW_STATES = (-1, 0, 1)
STATES = (-2, -1, 0, 1, 2)


class ProjectionError(msgspec.Struct, frozen=True, kw_only=True):
    """How far scores that were projected over a horizon are from those that came, on `cells` ticks.

    `error` is the mean of the absolute difference, `kept_error` that of taking the score of now instead, `skill` is
    1 - error / kept_error: above 0 the projection says more than no change. `correlation` is of projected and actual
    change; None where nothing was projected or nothing changed.
    """

    horizon_ms: int
    cells: int
    error: float | None
    kept_error: float | None
    skill: float | None
    correlation: float | None


class SpectrumHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The spectrum of a dataset, over all cells of its `bins_valid` bins with a valid book.

    `flow_states` and `states` are shares of cells by code; `score_silent` is the share of cells whose score is exactly
    0, which have no history, `score_at_limit` that of scores at -1 or +1.
    """

    dataset_id: str
    bins: int
    bins_valid: int
    flow_states: dict[str, float]
    states: dict[str, float]
    score_mean: float
    score_deviation: float
    score_silent: float
    score_at_limit: float
    projections: list[ProjectionError]


def spectrum_health(dataset: Dataset) -> SpectrumHealth:
    """State shares, the distribution of scores, and the error of the projections that the dataset has."""
    ticks = Ticks(dataset)
    valid = ticks.valid
    score = dataset.grid("flow_score")
    seen = score[valid]
    some = seen.size > 0
    projections = []
    for horizon_ms in dataset.config.projection_horizons_ms:
        came = ticks.at(score, horizon_ms // dataset.config.cell_width_ms)
        projections.append(projection_error(horizon_ms, score, dataset.grid(f"proj_{horizon_ms}"), came))
    return SpectrumHealth(
        dataset_id=dataset.dataset_id,
        bins=dataset.n_bins,
        bins_valid=int(valid.sum()),
        flow_states=_shares(dataset.grid("flow_state_code")[valid], FLOW_STATES),
        states=_shares(dataset.grid("state5_code")[valid], STATES),
        score_mean=float(seen.mean()) if some else 0.0,
        score_deviation=float(seen.std()) if some else 0.0,
        score_silent=float((seen == 0.0).mean()) if some else 0.0,
        score_at_limit=float((np.abs(seen) >= 1.0).mean()) if some else 0.0,
        projections=projections,
    )


def projection_error(
    horizon_ms: int, score: NDArray[np.float64], projected: NDArray[np.float64], came: NDArray[np.float64]
) -> ProjectionError:
    """The error over the cells (n_bins, rows) for which a score came; `came` is nan where none did."""
    known = ~np.isnan(came) & ~np.isnan(projected)
    now, ahead, then = score[known], projected[known], came[known]
    if not len(now):
        return ProjectionError(
            horizon_ms=horizon_ms, cells=0, error=None, kept_error=None, skill=None, correlation=None
        )
    error, kept = float(np.abs(ahead - then).mean()), float(np.abs(now - then).mean())
    change, projected_change = then - now, ahead - now
    both_move = change.std() > 0 and projected_change.std() > 0
    return ProjectionError(
        horizon_ms=horizon_ms,
        cells=len(now),
        error=error,
        kept_error=kept,
        skill=1 - error / kept if kept > 0 else None,
        correlation=float(np.corrcoef(change, projected_change)[0, 1]) if both_move else None,
    )


def _shares(codes: NDArray[np.int8], known: tuple[int, ...]) -> dict[str, float]:
    return {f"{code:+d}" if code else "0": float((codes == code).mean()) if codes.size else 0.0 for code in known}
