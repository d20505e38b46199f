"""Choosing on one part of the time, confirming on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vp_contract import EvalSpec, SplitSpec
from vp_harness.errors import ExperimentError


class DayBins(NamedTuple):
    """One day among several that follow one another: its bins are `start` (inclusive) to `end` (exclusive) of all, and
    nothing fires before `first`.
    """

    start: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Bin ranges, ends exclusive: events of the first choose, those of the second confirm."""

    choose_first: int
    choose_end: int
    confirm_first: int
    confirm_end: int

    @property
    def parts(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Both ranges."""
        return (self.choose_first, self.choose_end), (self.confirm_first, self.confirm_end)


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
    if not isinstance(evaluation.split, SplitSpec):
        raise ExperimentError("eval.split: by_day needs several days: name dates, or take a split of one day")
    choose_end = first_bin + int((n_bins - first_bin) * evaluation.split.choose_fraction)
    confirm_first = choose_end + embargo
    if choose_end <= first_bin or confirm_first >= n_bins:
        raise ExperimentError(
            f"{n_bins} bins are too few: {first_bin} of warm-up and calibration, "
            f"{max(0, choose_end - first_bin)} to choose on and an embargo of {embargo} leave "
            f"{max(0, n_bins - confirm_first)} to confirm on; use a longer capture or a smaller eval.max_hold_bins"
        )
    return TimeSplit(first_bin, choose_end, confirm_first, n_bins)


def day_bins(ends: Sequence[int], first_bin: int, warmup_bins: int) -> tuple[DayBins, ...]:
    """The days that end at `ends` (exclusive, ascending): the first one fires from `first_bin` on, where its warm-up
    and calibration are over, the others after their own warm-up.

    Example: ends (1000, 2000), 100, 50: ((0, 100, 1000), (1000, 1050, 2000)).
    """
    starts = (0, *ends[:-1])
    return tuple(
        DayBins(start, start + (warmup_bins if i else first_bin), end)
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    )


def days_split(days: Sequence[DayBins], evaluation: EvalSpec) -> TimeSplit:
    """Split one day or several as `evaluation.split` says: by days, or all their bins as those of one day are.

    Raises ExperimentError as `time_split` does, for a day without a bin that may fire, and for a split by days that
    leaves none to confirm on.
    """
    choosing = evaluation.choosing_days(len(days))
    for day in days[1:] if choosing is None else days:
        if day.first >= day.end:
            raise ExperimentError(
                f"{day.end - day.start} bins are too few for a day: {day.first - day.start} are of warm-up and "
                "calibration; use a longer capture or a smaller eval.warmup_bins"
            )
    if choosing is None:
        return time_split(days[-1].end, days[0].first, evaluation)
    if not 0 < choosing < len(days):
        raise ExperimentError(
            f"eval.split: of {len(days)} day{'s' if len(days) > 1 else ''} the first {choosing} cannot choose and the "
            "others confirm; name more dates, or take a split of one day such as choose_fraction"
        )
    return TimeSplit(days[0].first, days[choosing - 1].end, days[choosing].first, days[-1].end)


def windows(days: Sequence[DayBins], first: int, end: int) -> list[tuple[int, int]]:
    """The bins of a part, `first` (inclusive) to `end` (exclusive), that may fire: a range for each of its days."""
    ranges = ((max(first, day.first), min(end, day.end)) for day in days)
    return [(start, stop) for start, stop in ranges if start < stop]
