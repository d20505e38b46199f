"""What is shown of ranked rows beside their figures: each of several days, folds, the other clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vp_cli.output import print_facts, print_json, print_rows, say, shown
from vp_harness import ClockDay, ClockSensitivity, ResultsStore, SuperiorAbility, WalkForward

DAY_COLUMNS = (
    "run_id",
    "signal",
    "threshold",
    "date",
    "part",
    "n_signals",
    "tp_rate",
    "mean_pnl_ticks",
    "net_pnl_ticks",
    "net_pnl_ticks_low",
    "net_pnl_ticks_high",
    "queue_fill_rate",
    "queue_net_pnl_ticks",
)
"""What `vp compare` shows of a row on each of several days."""

FOLD_COLUMNS = (
    "date",
    "chosen_on",
    "signal",
    "threshold",
    "chosen_trades",
    "chosen_net_pnl_ticks",
    "trades",
    "net_pnl_ticks",
    "low",
    "high",
    "word",
)
"""What is shown of each fold of walking forward over days."""

CLOCK_FIGURES = (
    "n_signals",
    "tp_rate",
    "mean_pnl_ticks",
    "net_pnl_ticks",
    "net_pnl_ticks_low",
    "net_pnl_ticks_high",
    "queue_fill_rate",
    "queue_net_pnl_ticks",
)
"""What `vp compare --clock-sensitivity` shows of a row under each clock."""


def known(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns, without those of passive orders where nothing is known of these."""
    return [name for name in columns if "queue" not in name or any(row[name] is not None for row in rows)]


def say_days(store: ResultsStore, rows: Sequence[Mapping[str, Any]]) -> None:
    """A row a day of those `rows` that are of several days."""
    shown_days = days_of(store, rows)
    if shown_days:
        print_rows("\nby day", shown_days, known(DAY_COLUMNS, shown_days))


def days_of(store: ResultsStore, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each day gave of ranked `rows`, in their order; nothing of rows on one day."""
    found: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for day in store.days([row["run_id"] for row in rows]).iter_rows(named=True):
        found.setdefault((day["run_id"], day["threshold"]), []).append(day)
    return [
        {"signal": row["signal"], **day} for row in rows for day in found.get((row["run_id"], row["threshold"]), ())
    ]


def say_folds(walked: WalkForward | None) -> None:
    """The folds of walking forward over days, if there are any."""
    if walked is None:
        return
    folds = [msgspec.to_builtins(fold) for fold in walked.folds]
    print_rows("\nwalking forward: each day by the row that the days before it chose", folds, FOLD_COLUMNS)
    say(
        f"all {walked.trades} trades of these days: net {shown(walked.net_pnl_ticks)} ticks a trade, 95 % interval "
        f"{shown(walked.low)} to {shown(walked.high)}"
    )


def is_of(day: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether `day` is one of a ranked row."""
    return (day["run_id"], day["threshold"]) == (row["run_id"], row["threshold"])


def say_clock(found: ClockSensitivity, as_json: bool) -> None:
    """A row under both clocks."""
    if as_json:
        print_json(found)
        return
    facts = {
        "run_id": found.run_id,
        "threshold": found.threshold,
        "bins that close at another quote": f"{found.bins_changed:,} of {found.bins:,}",
        "events": f"{found.events} by ts_recv, {found.events_event} by ts_event, {found.events_same} the same",
    }
    print_facts("bins cut on ts_event instead of ts_recv", facts)
    parts = {
        "choose, ts_recv": found.choose,
        "choose, ts_event": found.choose_event,
        "confirm, ts_recv": found.confirm,
        "confirm, ts_event": found.confirm_event,
    }
    figures = {name: msgspec.to_builtins(measures) for name, measures in parts.items()}
    rows = [
        {"figure": name, **{part: of_part[name] for part, of_part in figures.items()}}
        for name in CLOCK_FIGURES
        if any(of_part[name] is not None for of_part in figures.values())
    ]
    print_rows("figures", rows, ("figure", *parts))
    if found.days:
        print_rows("\nday by day", [msgspec.to_builtins(day) for day in found.days], ClockDay.__struct_fields__)


def say_spa(found: SuperiorAbility, as_json: bool) -> None:
    """The whole search by Hansen's test."""
    if as_json:
        print_json(found)
        return
    facts = {
        "p_corrected": found.p_corrected,
        "SPA p": f"{found.p:.3f} (lower {found.p_lower:.3f}, upper {found.p_upper:.3f})",
        "of": f"{found.n_trials} rows that differ, in {found.periods} stretches of {found.period_s:g} s",
    }
    print_facts("that the best row of the market earns nothing, by shifting events and by resampling time", facts)


def search_of(row: Mapping[str, Any]) -> str:
    """What was counted against a row, in words."""
    text = f"{row['n_trials']} trials and {row['n_looks']} looks at confirming parts count on the market of this run"
    if row["overfitting"] is not None:
        text += f"; probability of overfitting {row['overfitting']:.2f}"
    return text + (f"; {row['n_retired']} runs were retired" if row["n_retired"] else "")
