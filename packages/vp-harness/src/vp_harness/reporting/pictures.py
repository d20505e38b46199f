"""The pictures of a report: each a figure with its chart and a sentence that says what to see in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from html import escape
from typing import Final

import numpy as np
import polars as pl

from vp_contract import FillModel
from vp_harness.evaluation.trades import equity_of
from vp_harness.judgement.figures import PNL, confirmed_net
from vp_harness.reporting.charts import Chart, Point, Series, limits_of
from vp_harness.reporting.facts import Facts, by_time_of_day, clock

MODELS: Final[Mapping[FillModel, str]] = {
    "mid": "at the mid",
    "cross": "crossing the spread, after costs",
    "queue": "joined at the touch, after costs",
}
"""Fill models in words."""

_MOST_DOTS: Final = 2_000
"""Rows that are drawn of an experiment: of more, every so-manieth by rank."""

_PARTS: Final = {"choose": "choosing part", "confirm": "confirming part"}


def figure(heading: str, svg: str, sentence: str) -> str:
    """A chart with its heading and its sentence."""
    return f"<figure><h3>{escape(heading)}</h3>{svg}<figcaption>{sentence}</figcaption></figure>"


def choose_against_confirm(facts: Facts) -> str:
    """Net pnl of the row on both parts, with intervals."""
    row = facts.row
    models = {PNL[model]: MODELS[model] for model in facts.models}
    named = facts.evaluation.fill_model
    at = list(facts.models).index(named)
    series = [
        Series(
            _PARTS[part],
            [
                Point(i, row[f"{prefix}{name}"], row[f"{prefix}{name}_low"], row[f"{prefix}{name}_high"])
                for i, name in enumerate(models)
            ],
        )
        for part, prefix in (("choose", ""), ("confirm", "confirm_"))
    ]
    corrected = Series(
        "confirming part, corrected for looks and few trades",
        [Point(at, confirmed_net(row, facts.evaluation)[0], row["confirmed_low"], row["confirmed_high"])],
    )
    every = [value for one in (*series, corrected) for point in one.points for value in point[1:]]
    chart = Chart(
        "", "ticks a trade", (-0.5, len(models) - 0.5), limits_of(every), names=dict(enumerate(models.values()))
    ).zero()
    for colour, one in enumerate(series):
        chart.whiskers(one, colour, shift=-16 + 16 * colour)
    chart.whiskers(corrected, 2, shift=16)
    return figure(
        "Choose against confirm",
        chart.svg("Mean pnl of the choosing and the confirming part"),
        "Mean pnl of a trade in ticks with its 95 % interval. The row was picked on the choosing part, so luck is in "
        "that figure; the confirming part was not looked at when it was picked. An interval that crosses 0 does not "
        "say whether the signal earns or loses.",
    )


def everything_tried(facts: Facts) -> str:
    """Net pnl of all rows of the experiment: choosing part against confirming part."""
    traded = facts.others.filter(pl.col("net_pnl_ticks").is_not_null(), pl.col("confirm_net_pnl_ticks").is_not_null())
    every = -(-traded.height // _MOST_DOTS) or 1
    rows = traded.gather_every(every)
    drawn = "" if every == 1 else f", of which every {every:,}th by rank is drawn"
    x, y = rows["net_pnl_ticks"].to_list(), rows["confirm_net_pnl_ticks"].to_list()
    own = facts.row["net_pnl_ticks"], facts.row["confirm_net_pnl_ticks"]
    limits = limits_of(x), limits_of(y)
    chart = Chart("net pnl in the choosing part, ticks a trade", "in the confirming part", *limits, height=260).zero()
    chart.dots(Series("rows of this experiment", [Point(a, b) for a, b in zip(x, y, strict=True)]), 0)
    if None not in own:
        chart.dots(Series("this row", [Point(own[0], own[1])]), 1, radius=5.0, opacity=1.0)
    return figure(
        "All rows of the experiment",
        chart.svg("Net pnl of every row in both parts"),
        f"Each dot is one of the {traded.height:,} rows of this experiment that traded in both parts{drawn}. Where "
        "good rows on the choosing part are good on the confirming part too, dots rise to the right; a cloud without "
        "slope is luck.",
    )


def horizon_curves(facts: Facts) -> list[str]:
    """Rank IC and partial rank IC by horizon, on both parts."""
    whole = (
        "Rank IC: Spearman's rank correlation (no unit, -1 to 1) of the signal now and the move of the mid over the "
        "horizon, with its 95 % interval. Above 0 the signal points the right way."
    )
    partial = (
        f"Partial rank IC: the same after what {_baselines(facts)} say has been taken out of both sides, with its "
        "95 % interval. Near 0 the signal says nothing that they do not say already."
    )
    return [
        _horizon_curve(facts, "ic", "Information by horizon", whole),
        _horizon_curve(facts, "partial_ic", "What it adds to the baselines", partial),
    ]


def _horizon_curve(facts: Facts, name: str, heading: str, sentence: str) -> str:
    rows = facts.information.sort("horizon_ms")
    if rows.is_empty() or rows[name].null_count() == rows.height:
        return ""
    horizons = sorted(rows["horizon_ms"].unique())
    names = {math.log10(ms): f"{ms / 1000:g}" for ms in horizons}
    every = [value for column in (name, f"{name}_low", f"{name}_high") for value in rows[column]]
    limits = math.log10(horizons[0]) - 0.05, math.log10(horizons[-1]) + 0.05
    chart = Chart("horizon, seconds", "rank correlation", limits, limits_of(every), names=names).zero()
    for colour, part in enumerate(_PARTS):
        of_part = rows.filter(pl.col("part") == part)
        points = [
            Point(math.log10(row["horizon_ms"]), row[name], row[f"{name}_low"], row[f"{name}_high"])
            for row in of_part.iter_rows(named=True)
        ]
        chart.line(Series(_PARTS[part], points), colour)
    return figure(heading, chart.svg(heading), sentence)


def deciles(facts: Facts) -> str:
    """Mean forward move per decile of the signal, at the horizon of the greatest IC of the choosing part."""
    horizon = facts.row["ic_horizon_ms"]
    rows = facts.information.filter(pl.col("horizon_ms") == horizon)
    if rows.is_empty():
        return ""
    found = {row["part"]: row for row in rows.iter_rows(named=True)}
    series = [
        Series(
            _PARTS[part],
            [
                Point(i + 1, *values)
                for i, values in enumerate(
                    zip(row["decile_ticks"], row["decile_ticks_low"], row["decile_ticks_high"], strict=True)
                )
            ],
        )
        for part, row in sorted(found.items())
    ]
    every = [value for one in series for point in one.points for value in point[1:]]
    names = {float(i): str(i) for i in range(1, 11)}
    chart = Chart("decile of the signal, 1 lowest", "ticks", (0.4, 10.6), limits_of(every), names=names).zero()
    for colour, one in enumerate(series):
        chart.whiskers(one, colour, shift=-5 + 10 * colour)
    return figure(
        f"Move of the mid over {horizon / 1000:g} s, by decile of the signal",
        chart.svg("Mean forward move of the mid per decile"),
        "Mean move of the mid in ticks after a tenth of the bins, those with the lowest values of the signal first, "
        f"with its 95 % interval, at the horizon of the greatest rank IC ({horizon / 1000:g} s). A signal worth "
        "trading rises from left to right; a decile without a dot has no bins, since many values are equal.",
    )


def equity(facts: Facts) -> str:
    """Cumulative pnl of the trades under each fill model."""
    trades = facts.trades
    if trades is None or trades.is_empty():
        return ""
    width_ns = facts.cell_width_ms * 1_000_000
    place: Callable[[int], float] = facts.place_of if facts.run.days else float
    series = []
    for model in facts.models:
        times, total = equity_of(trades, model)
        places = [Point(place(facts.start_ns), 0.0)]
        places += [Point(place(int(x)), float(y)) for x, y in zip(times, total, strict=True)]
        places.append(Point(place(facts.end_ns), float(total[-1]) if len(total) else 0.0))
        series.append(Series(MODELS[model], places))
    chart = Chart(
        "day, one beside the other" if facts.run.days else "New York time",
        "ticks, all trades so far",
        (place(facts.start_ns), place(facts.end_ns)),
        limits_of([point.y for one in series for point in one.points]),
        names=_starts_of_days(facts) if facts.run.days else _moments(facts),
    ).zero()
    first, end = facts.run.choose_end, facts.run.confirm_first
    border = "grey" if facts.run.days else "embargo"
    if facts.run.days:
        width_s = width_ns / 1e9
        chart.shade(first * width_s, end * width_s, "confirms from here")
    else:
        chart.shade(facts.start_ns + first * width_ns, facts.start_ns + end * width_ns, "embargo")
    for colour, one in enumerate(series):
        chart.line(one, colour, steps=True)
    return figure(
        "Equity",
        chart.svg("Cumulative pnl under each fill model"),
        f"Sum of the pnl of all trades so far, in ticks of one contract: left of the {border} the part that was "
        "searched, right of it the part that confirms. What lies between the mid and crossing is the price of the "
        f"spread, of latency ({facts.latency}) and of costs ({facts.row['cost']}).{_joined(facts)} It is one path and "
        "has no interval; those of its means are above.",
    )


def _joined(facts: Facts) -> str:
    if "queue" not in facts.models:
        return ""
    return (
        " The order that joins the touch is filled by its true place in the queue, or not at all: it trades less "
        "often, and rather when the market comes against it."
    )


def outcomes(facts: Facts) -> str:
    """Histogram of the net pnl, by outcome."""
    if facts.trades is None:
        return ""
    done = facts.trades.filter(pl.col("cross_pnl_ticks").is_not_null())
    if done.is_empty():
        return ""
    pnl = done["cross_pnl_ticks"].to_numpy()
    step = max(0.5, round((pnl.max() - pnl.min()) / 40 * 2) / 2)
    edges = np.arange(math.floor(pnl.min() / step) * step, pnl.max() + 1.5 * step, step)
    counts = {
        outcome: np.histogram(pnl[(done["cross_outcome"] == outcome).to_numpy()], edges)[0].astype(float)
        for outcome in ("take_profit", "stop", "timeout")
    }
    most = float(sum(counts.values()).max())  # type: ignore[union-attr]
    chart = Chart("net pnl of a trade, ticks", "trades", (edges[0] - step, edges[-1]), (0.0, most * 1.08))
    base = np.zeros(len(edges) - 1)
    for colour, (outcome, count) in zip((2, 1, 0), counts.items(), strict=True):
        share = count.sum() / len(pnl)
        points = [Point(float(edge), float(value)) for edge, value in zip(edges[:-1], count, strict=True)]
        chart.bars(Series(f"{outcome.replace('_', ' ')} {share:.0%}", points), colour, step, base.tolist())
        base += count
    return figure(
        "Outcomes",
        chart.svg("Histogram of net pnl by outcome"),
        f"How many of the {len(pnl):,} trades of both parts ended with which net pnl, crossing the spread and after "
        f"costs: at the target (+{facts.evaluation.tp_ticks} ticks), at the stop (-{facts.evaluation.sl_ticks}), or "
        f"after {facts.evaluation.max_hold_bins * facts.cell_width_ms / 1000:g} s. Trades beyond the stop paid for the "
        "spread, latency and the quote there was.",
    )


def time_of_day(facts: Facts) -> str:
    """Mean net pnl by time of day."""
    step, buckets = by_time_of_day(facts)
    if not buckets:
        return ""
    points = [Point(i, bucket.mean, bucket.low, bucket.high) for i, bucket in enumerate(buckets)]
    names = {float(i): f"{bucket.label} ({bucket.trades})" for i, bucket in enumerate(buckets)}
    thin = max(1, math.ceil(len(names) / 8))
    names = {place: text for place, text in names.items() if int(place) % thin == 0}
    means = [point.y for point in points]
    spread = max(abs(mean or 0.0) for mean in means) * 4 + 1.0
    limits = limits_of(
        [max(-spread, min(spread, value)) for point in points for value in point[1:] if value is not None]
    )
    chart = Chart("New York time (trades)", "ticks a trade", (-0.6, len(points) - 0.4), limits, names=names).zero()
    chart.whiskers(Series("mean net pnl, both parts", points), 0)
    return figure(
        "Time of day",
        chart.svg("Mean net pnl by time of day"),
        f"Mean net pnl in ticks of the trades decided in each {step} minutes, with the 95 % interval of Student's t "
        "(none for a single trade; bars are cut at the edge). Many stretches were looked at: one that stands out alone "
        "is no finding.",
    )


def _starts_of_days(facts: Facts) -> dict[float, str]:
    """The dates where their days begin, as many as there is room for."""
    days = facts.run.days
    thin = max(1, -(-len(days) // 8))
    return {day.start * facts.cell_width_ms / 1000: day.date for day in days[::thin]}


def _moments(facts: Facts) -> dict[float, str]:
    steps = 6
    span = facts.end_ns - facts.start_ns
    return {
        float(moment): clock(moment, "%H:%M" if span > 600e9 else "%H:%M:%S")
        for moment in (facts.start_ns + span * i // steps for i in range(steps + 1))
    }


def _baselines(facts: Facts) -> str:
    after = facts.information["after"].to_list()
    return ", ".join(after[0]) if after and after[0] else "no baseline"
