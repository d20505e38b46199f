"""Choosing on one part of the time, confirming on another."""

from __future__ import annotations

from dataclasses import dataclass

from vp_contract import EvalSpec
from vp_harness.errors import ExperimentError


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Bin ranges, ends exclusive: events of the first choose, those of the second confirm."""

    choose_first: int
    choose_end: int
    confirm_first: int
    confirm_end: int


def time_split(n_bins: int, first_bin: int, evaluation: EvalSpec) -> TimeSplit:
    """Split the bins from `first_bin` (the warm-up and calibration lie before it) as `evaluation.split` says.

    Outcomes of the first part may reach into the embargo and never into the second part. Raises ExperimentError when
    a part would be empty or the embargo is shorter than an outcome may take.
    """
    embargo = evaluation.embargo_bins
    if embargo < evaluation.max_hold_bins:
        raise ExperimentError(
            f"eval.split.embargo_bins {embargo} is shorter than eval.max_hold_bins {evaluation.max_hold_bins}: "
            "outcomes of the choosing part would reach into the confirming part"
        )
    choose_end = first_bin + int((n_bins - first_bin) * evaluation.split.choose_fraction)
    confirm_first = choose_end + embargo
    if choose_end <= first_bin or confirm_first >= n_bins:
        raise ExperimentError(
            f"{n_bins} bins are too few: {first_bin} of warm-up and calibration, "
            f"{max(0, choose_end - first_bin)} to choose on and an embargo of {embargo} leave "
            f"{max(0, n_bins - confirm_first)} to confirm on; use a longer capture or a smaller eval.max_hold_bins"
        )
    return TimeSplit(first_bin, choose_end, confirm_first, n_bins)
