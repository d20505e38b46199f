"""The part of a report that a run on several days has: each day beside all, and walking forward over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from vp_harness.days.walk import WalkForward
from vp_harness.evaluation.resampling import DAYS_TO_RESAMPLE
from vp_harness.judgement.figures import PNL
from vp_harness.reporting.charts import Chart, Point, Series, interval_text, limits_of, number
from vp_harness.reporting.facts import Facts
from vp_harness.reporting.pictures import MODELS, figure
from vp_harness.reporting.tables import table

_PARTS = {"choose": "choosing", "confirm": "confirming"}


def by_day(facts: Facts) -> str:
    """The section; nothing for a run on one dataset."""
    if facts.days.is_empty():
        return ""
    passive = ("passive net pnl, ticks",) if "queue" in facts.models else ()
    head = ("day", "part", "trades", "target rate, %", "mean pnl, ticks", "net pnl, ticks", *passive)
    return "\n".join(
        [
            "<h2>Day by day</h2>",
            f"<p>{_days(facts)}</p>",
            table(head, _rows(facts)),
            _picture(facts),
            _walked(facts.walked),
        ]
    )


def _days(facts: Facts) -> str:
    days = facts.run.days
    text = (
        f"It was judged on {len(days)} days as one: no trade reaches into another day, and the correction shifts "
        "events within their day only."
    )
    missing = "; ".join(f"{day.date} ({day.reason})" for day in facts.run.left_out)
    left_out = f" Left out, because they could not be made: {escape(missing)}." if missing else ""
    resampled = (
        f" Intervals of a part of {DAYS_TO_RESAMPLE} days or more are of resampled days, of fewer of blocks of trades."
    )
    return text + left_out + resampled


def _rows(facts: Facts) -> Iterator[tuple[str, ...]]:
    for row in facts.days.iter_rows(named=True):
        rate = row["tp_rate"]
        yield (
            row["date"],
            _PARTS[row["part"]],
            f"{row['n_signals']:,}",
            "–" if rate is None else _with_interval(row, "tp_rate", 100.0),
            _with_interval(row, "mean_pnl_ticks"),
            _with_interval(row, "net_pnl_ticks"),
            *((_with_interval(row, "queue_net_pnl_ticks"),) if "queue" in facts.models else ()),
        )


def _with_interval(row: Mapping[str, Any], name: str, scale: float = 1.0) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "–"
    if low is None or high is None:
        return number(value * scale)
    return f"{number(value * scale)} {interval_text(low * scale, high * scale)}"


def _picture(facts: Facts) -> str:
    model = facts.evaluation.fill_model
    name = PNL[model]
    rows = facts.days.to_dicts()
    dates = list(dict.fromkeys(row["date"] for row in rows))
    series = [
        Series(
            f"{words} day",
            [
                Point(dates.index(row["date"]), row[name], row[f"{name}_low"], row[f"{name}_high"])
                for row in rows
                if row["part"] == part
            ],
        )
        for part, words in _PARTS.items()
    ]
    thin = max(1, -(-len(dates) // 10))
    names = {float(i): date for i, date in enumerate(dates) if i % thin == 0}
    every = [value for one in series for point in one.points for value in point[1:]]
    chart = Chart("day", "ticks a trade", (-0.5, len(dates) - 0.5), limits_of(every), names=names).zero()
    for colour, one in enumerate(series):
        chart.whiskers(one, colour, shift=-4 + 8 * colour)
    return figure(
        "Net pnl of each day",
        chart.svg("Mean net pnl of the trades of each day"),
        f"Mean pnl of the trades of each day in ticks, {MODELS[model]}, with its 95 % interval. A day without a bar "
        "had a single trade, one without a dot none. An effect that is there on every day is a better one than the "
        "same mean from a single day.",
    )


def _walked(walked: WalkForward | None) -> str:
    if walked is None:
        return ""
    head = ("day", "chosen on", "row", "its net pnl before, ticks", "trades", "net pnl of the day, ticks", "word")
    rows = (
        (
            fold.date,
            f"{fold.chosen_on} day{'s' if fold.chosen_on > 1 else ''}",
            "–" if fold.signal is None else f"{fold.signal} at {number(fold.threshold)}",
            f"{number(fold.chosen_net_pnl_ticks)} of {fold.chosen_trades:,}" if fold.chosen_trades else "–",
            f"{fold.trades:,}",
            "–" if fold.net_pnl_ticks is None else f"{number(fold.net_pnl_ticks)} {interval_text(fold.low, fold.high)}",
            fold.word,
        )
        for fold in walked.folds
    )
    together = (
        f"All {walked.trades:,} trades of these days together: {number(walked.net_pnl_ticks)} ticks a trade "
        f"{interval_text(walked.low, walked.high)}."
        if walked.trades
        else "They had no trade."
    )
    return (
        "<h3>Walking forward over days</h3><p>Each day is judged by the row of the experiment that the days before it "
        "would have chosen, so that nothing of the day was looked at. A day <i>earns</i> where its 95 % interval lies "
        f"above 0, <i>loses</i> where it lies below, and is <i>open</i> else. {together}</p>" + table(head, rows)
    )
