"""The report of a run as one HTML file: no script, no file and no address of anybody else's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from vp_book.atomic import replace_file
from vp_harness.judgement.figures import COUNTED, confirmed_net
from vp_harness.lake.paths import LakeLike, open_lake
from vp_harness.passive.table import MOVES_S
from vp_harness.reporting import pictures
from vp_harness.reporting.by_day import by_day
from vp_harness.reporting.charts import interval_text, number
from vp_harness.reporting.facts import Facts, clock, gather
from vp_harness.reporting.tables import table

TRADES_SHOWN: Final = 200
"""Trades that the table of a report has; `vp trades` gives all."""

WORDING: Final = {
    "proven": "The 95 % interval of the net pnl in the confirming part lies above 0, and the p-value corrected for "
    "everything that was tried on this market is at most 0.05.",
    "unproven": "The figures allow neither word: not that it earns, and not that it loses.",
    "refuted": "The 95 % interval of the net pnl in the confirming part lies below 0: it loses.",
}
"""What the verdicts mean."""

_STYLE: Final = """
:root{color-scheme:light}body{font:15px/1.45 system-ui,sans-serif;color:#1c2530;background:#fff;max-width:800px;
margin:24px auto;padding:0 16px}h1{font-size:22px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 8px;border-bottom:
1px solid #d5dbe1}h3{font-size:15px;margin:0 0 4px}p{margin:6px 0}.quiet{color:#55616d}.verdict{border-left:6px solid;
padding:8px 14px;margin:14px 0;background:#f5f7f9}.verdict b{font-size:18px}.proven{border-color:#3a8f4d}.unproven{
border-color:#b8860b}.refuted{border-color:#b3261e}table{border-collapse:collapse;width:100%;font-size:13px;margin:8px
0}th,td{text-align:left;padding:3px 8px 3px 0;border-bottom:1px solid #e6eaee;vertical-align:top}td.n,th.n{text-align:
right;font-variant-numeric:tabular-nums;white-space:nowrap}figure{margin:18px 0 26px}figcaption{color:#3d4853;
font-size:13.5px}svg{width:100%;height:auto;font:11.5px system-ui,sans-serif}svg text{fill:#3d4853}svg .label{font-size:
12px}.axis{fill:none;stroke:#8c98a4}.grid{stroke:#e9edf1}.level{stroke:#5c6873;stroke-dasharray:2 2}.shade{fill:#e4e8ec}
.wide{overflow-x:auto}code{font-size:12.5px}
"""


def write_report(
    run_id: str,
    lake_root: LakeLike | None = None,
    *,
    threshold: float | None = None,
    out: str | os.PathLike[str] | None = None,
    alias: str | None = None,
    server: str = "http://127.0.0.1:8002",
) -> Path:
    """Write the report of a run at a threshold (without one, at that which ranks first); returns where it is.

    Without `out` it is `research/vp_harness/reports/RUN.html` of the lake. With `alias`, that which serves the run,
    each trade has a link to that moment on the page of `server`. Raises UnknownRunError, and ParameterError for a
    threshold that the run has not.
    """
    lake = open_lake(lake_root)
    facts = gather(lake, run_id, threshold)
    path = Path(out) if out is not None else lake.results_dir.parent / "reports" / f"{run_id}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, report_html(facts, alias=alias, server=server).encode())
    return path


def report_html(facts: Facts, *, alias: str | None = None, server: str = "http://127.0.0.1:8002") -> str:
    """The report as text."""
    run = facts.run
    title = f"{run.signal} at {number(facts.row['threshold'])}"
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="quiet">Run {run.run_id} of experiment {escape(run.experiment)} on '
            f"{f'the {len(run.days)} days' if run.days else 'dataset'} "
            f"{escape(run.dataset_id)}: {_period(facts)}. Parameters: {escape(_params(run.params_json))}.</p>",
            _verdict(facts),
            "<h2>Evidence</h2>",
            table(("figure", "value", "95 % interval", "what it says"), _evidence(facts)),
            "<h2>Choosing and confirming</h2>",
            table(("figure", "choosing part", "confirming part", "what it says"), _both_parts(facts)),
            pictures.choose_against_confirm(facts),
            *([by_day(facts)] if facts.run.days else []),
            "<h2>What was tried</h2>",
            f"<p>{_tried(facts)}</p>",
            pictures.everything_tried(facts),
            _best_rows(facts),
            "<h2>Information before trades</h2>",
            _information(facts),
            "<h2>Trades</h2>",
            f"<p>{_exit_rule(facts)}</p>" if facts.trades is not None else f"<p>{escape(facts.missing)}</p>",
            pictures.equity(facts),
            pictures.outcomes(facts),
            pictures.time_of_day(facts),
            _trades(facts, alias, server),
            f'<p class="quiet">Made by vp-harness {version("vp-harness")} from the results store; the run was stored '
            f"{escape(run.created_utc)}. A tick is the smallest price step of the instrument; all pnl is of one "
            "contract.</p>",
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}: {escape(facts.row['verdict'] or 'not judged')}</title><style>{_STYLE}</style></head>"
        f"<body>\n{body}\n</body></html>\n"
    )


def _verdict(facts: Facts) -> str:
    verdict = facts.row["verdict"]
    if verdict is None:
        return '<div class="verdict unproven"><b>Not judged.</b> No p-value of this row is stored.</div>'
    doubt = f" Why: {escape(facts.row['doubt'])}." if facts.row["doubt"] else ""
    unsound = " The dataset is not sound: its certificate does not hold." if facts.sound is False else ""
    return f'<div class="verdict {verdict}"><b>{verdict.capitalize()}.</b> {WORDING[verdict]}{doubt}{unsound}</div>'


def _evidence(facts: Facts) -> Iterator[tuple[str, str, str, str]]:
    row, model = facts.row, facts.evaluation.fill_model
    net = confirmed_net(row, facts.evaluation)[0]
    yield (
        "net pnl, confirming part",
        f"{number(net)} ticks a trade",
        interval_text(row["confirmed_low"], row["confirmed_high"]),
        f"Mean of {row[f'confirm_{COUNTED[model]}']:,} trades under the fill model {model}; the interval is corrected "
        f"for {_count(row['n_looks'])} looks at confirming parts of this market and for the few trades.",
    )
    p, error = row["p_corrected"], row["p_error"]
    yield (
        "corrected p",
        number(p),
        interval_text(max(0.0, p - 1.96 * error), min(1.0, p + 1.96 * error)) if p is not None and error else "–",
        f"How often the best of all {_count(row['n_trials'])} trials on this market would look this good if events had "
        "nothing to do with prices; the interval is the Monte Carlo error of the draws.",
    )
    yield _spa(facts)
    yield (
        "statistic",
        f"{number(row['statistic'])} deviations",
        "see corrected p",
        "Net pnl of the choosing part, in standard deviations of what the same events give at shifted times.",
    )
    yield (
        "deflated Sharpe",
        number(row["deflated_sharpe"]),
        "is a probability",
        "Probability that the Sharpe ratio of its trades is above what the best of so many trials shows without skill.",
    )
    yield (
        "overfitting",
        number(row["overfitting"]),
        "is a probability",
        "Share of the ways to halve the choosing part in which the best row of one half is below the other's median.",
    )


def _spa(facts: Facts) -> tuple[str, str, str, str]:
    found = facts.superior
    if found is None:
        return "SPA p", f"not computed: {facts.not_tested}", "–", "The same question by Hansen's test."
    return (
        "SPA p",
        number(found.p),
        f"{number(found.p_lower)} to {number(found.p_upper)} (bounds)",
        f"Hansen's test of superior predictive ability: how often the best of the {found.n_trials:,} rows that traded "
        f"would earn this much net if none earned anything, by resampling {found.periods} stretches of "
        f"{found.period_s:g} s. No verdict rests on it.",
    )


def _both_parts(facts: Facts) -> Iterator[tuple[str, str, str, str]]:
    row = facts.row

    def both(name: str, unit: str, scale: float = 1.0, *, interval: bool = True) -> tuple[str, str]:
        texts = []
        for prefix in ("", "confirm_"):
            value = row[prefix + name]
            text = "–" if value is None else f"{number(value * scale)}{unit}"
            if interval and value is not None and row[f"{prefix}{name}_low"] is not None:
                text += f" {interval_text(row[f'{prefix}{name}_low'] * scale, row[f'{prefix}{name}_high'] * scale)}"
            texts.append(text)
        return texts[0], texts[1]

    yield "trades", *both("n_signals", "", interval=False), "Events that opened a position; a count has no interval."
    yield "trades an hour", *both("events_per_hour", "", interval=False), "How often it trades."
    breakeven = f"{row['breakeven_tp_rate'] * 100:.1f} %"
    yield (
        "target rate",
        *both("tp_rate", " %", 100.0),
        f"Share of trades that reach the target, at the mid; {breakeven} is breakeven. Wilson's interval.",
    )
    yield "mean pnl", *both("mean_pnl_ticks", " ticks"), "A trade at the mid, which nobody gets. Block bootstrap."
    yield "net pnl", *both("net_pnl_ticks", " ticks"), "A trade that crosses the spread, after costs. Block bootstrap."
    yield "profit factor", *both("profit_factor", "", interval=False), "What winners earn over what losers lose, net."
    yield (
        "time to outcome",
        *both("median_time_to_outcome_ms", " s", 0.001, interval=False),
        "Median time from the event to target, stop or timeout.",
    )
    if "queue" not in facts.models:
        return
    yield (
        "fill rate, passive",
        *both("queue_fill_rate", " %", 100.0, interval=False),
        "Share of the orders that join the touch instead of crossing and are filled, by their true place in the queue.",
    )
    yield (
        "wait, passive",
        *both("queue_median_wait_ms", " s", 0.001, interval=False),
        "Median time from joining to the fill, of those that were filled.",
    )
    for seconds in MOVES_S:
        yield (
            f"move {seconds} s after a fill",
            *both(f"queue_move_{seconds}s_ticks", " ticks", interval=False),
            "Mean move of the mid in favour of the position; below 0 the fills come when the market turns against it.",
        )
    yield (
        "net pnl, passive",
        *both("queue_net_pnl_ticks", " ticks"),
        "A trade that joins the touch and leaves by crossing, after costs; of those that were filled. Block bootstrap.",
    )
    yield (
        "what was missed",
        *both("queue_missed_pnl_ticks", " ticks", interval=False),
        "Net pnl by crossing of the trades whose passive order was not filled: good ones run away.",
    )


def _tried(facts: Facts) -> str:
    row = facts.row
    retired = f" {row['n_retired']:,} runs were retired, which every verdict says." if row["n_retired"] else ""
    return (
        f"The ledger of this market counts {_count(row['n_trials'])} trials (distinct rows, whoever ran them and under "
        f"whatever name) and {_count(row['n_looks'])} looks at confirming parts; {facts.others.height:,} rows are of "
        f"this experiment.{retired} The best of many is lucky, so both counts go into the evidence."
    )


def _best_rows(facts: Facts) -> str:
    head = ("signal", "threshold", "choose net", "confirm net", "corrected p", "verdict")
    rows = []
    for row in facts.others.head(10).iter_rows(named=True):
        this = row["run_id"] == facts.run.run_id and row["threshold"] == facts.row["threshold"]
        rows.append(
            (
                row["signal"] + (" (this row)" if this else ""),
                number(row["threshold"]),
                *(
                    f"{number(row[p + 'net_pnl_ticks'])} "
                    f"{interval_text(row[p + 'net_pnl_ticks_low'], row[p + 'net_pnl_ticks_high'])}"
                    for p in ("", "confirm_")
                ),
                number(row["p_corrected"]),
                row["verdict"] or "–",
            )
        )
    intro = "<p>The ten best rows by their statistic; net pnl in ticks a trade with 95 % intervals.</p>"
    return intro + table(head, rows)


def _information(facts: Facts) -> str:
    row = facts.row
    if facts.information.is_empty():
        return "<p>None is stored: the parts are too short, or an earlier version stored the run.</p>"
    half = f"has fallen to half of that or less at {row['ic_half_ms'] / 1000:g} s" if row["ic_half_ms"] else (
        "has not fallen to half of that at the longest horizon"
    )  # fmt: skip
    first = facts.information.filter(facts.information["part"] == "choose").row(0, named=True)
    turnover = number(first["turnover_per_hour"])
    best = facts.information.filter(
        (facts.information["part"] == "choose") & (facts.information["horizon_ms"] == row["ic_horizon_ms"])
    )
    fading = number(best["autocorrelation"][0]) if best.height else "–"
    intro = (
        "<p>The signal does not vary, or the mid does not.</p>"
        if row["ic"] is None
        else f"<p>On the choosing part the greatest rank IC is {number(row['ic'])} "
        f"{interval_text(row['ic_low'], row['ic_high'])} at {row['ic_horizon_ms'] / 1000:g} s, and it {half}; on the "
        f"confirming part it is {number(row['confirm_ic'])} "
        f"{interval_text(row['confirm_ic_low'], row['confirm_ic_high'])} there. "
        f"The signal's ranks have an autocorrelation of {fading} over that time, and a position that follows them "
        f"turns over {turnover} times an hour.</p>"
    )
    return intro + "".join([*pictures.horizon_curves(facts), pictures.deciles(facts)])


def _exit_rule(facts: Facts) -> str:
    rule = facts.evaluation
    return (
        f"A trade ends {rule.tp_ticks} ticks in favour (target), {rule.sl_ticks} against (stop), or after "
        f"{rule.max_hold_bins * facts.cell_width_ms / 1000:g} s. {_models(facts)} Besides the spread a trade pays "
        f"{escape(facts.row['cost'])}. No order of these moves the market."
    )


def _models(facts: Facts) -> str:
    if "queue" not in facts.models:
        return f"Two fill models are shown: at the mid, and crossing the spread {facts.latency} later."
    return (
        f"Three fill models are shown: at the mid, crossing the spread {facts.latency} later, and joining the touch "
        "then, filled by the true queue ahead and left by crossing."
    )


def _trades(facts: Facts, alias: str | None, server: str) -> str:
    trades = facts.trades
    if trades is None:
        return ""
    rows = []
    for trade in trades.head(TRADES_SHOWN).iter_rows(named=True):
        moment = clock(trade["event_ts_ns"])
        day = f"{clock(trade['event_ts_ns'], '%Y-%m-%d')} " if facts.run.days else ""
        served = alias if not facts.run.days or day.strip() == facts.run.days[-1].date else None
        rows.append(
            (
                day + _link(moment, served, server),
                trade["part"],
                trade["side"],
                _price(trade["cross_entry_price"], facts.price_decimals),
                _price(trade["cross_exit_price"], facts.price_decimals),
                (trade["cross_outcome"] or "not filled").replace("_", " "),
                number(trade["cross_pnl_ticks"]),
                number(trade["mid_pnl_ticks"]),
                *((number(trade["queue_pnl_ticks"]),) if "queue" in facts.models else ()),
            )
        )
    more = trades.height - len(rows)
    left = f" {more:,} more are in <code>vp trades {facts.run.run_id}</code>." if more else ""
    links = (
        "The time leads to that moment on the page."
        if alias
        else "The run is not served: promote it, and the times of a new report lead to the page."
    )
    passive = ("passive, ticks",) if "queue" in facts.models else ()
    sides = ("New York time", "part", "side", "entry", "exit", "outcome")
    head = (*sides, "net pnl, ticks", "at the mid, ticks", *passive)
    return (
        f"<h3>Trades, one by one</h3><p>Prices are those of crossing the spread. {links}{left}</p>"
        f'<div class="wide">{table(head, rows, html_first=True)}</div>'
    )


def _link(moment: str, alias: str | None, server: str) -> str:
    if alias is None:
        return escape(moment)
    address = f"{server.rstrip('/')}/vacuum-pressure.html?serving={quote(alias, safe='')}&at={quote(moment)}"
    return f'<a href="{escape(address)}">{escape(moment)}</a>'


def _price(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _params(text: str) -> str:
    params: Mapping[str, object] = msgspec.json.decode(text)
    return ", ".join(f"{name} {value}" for name, value in params.items()) or "defaults"


def _period(facts: Facts) -> str:
    if not facts.end_ns:
        return "its time is not known"
    return f"{clock(facts.start_ns, '%Y-%m-%d %H:%M:%S')} to {clock(facts.end_ns)} New York time"
