"""Commands about runs: compare their rows, look at the trades of one, promote it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from vp_cli.judged import days_of, is_of, known, say_clock, say_days, say_folds, say_spa, search_of
from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, RegistryUrl
from vp_cli.output import (
    AsJson,
    Interval,
    print_facts,
    print_intervals,
    print_json,
    print_rows,
    say,
    shown,
)
from vp_cli.printed.research import Promoted, Reported, Retired, Written
from vp_contract import EvalSpec
from vp_harness import (
    SORTS,
    ResultsStore,
    check_known,
    clock_sensitivity,
    compare,
    confirmed_net,
    open_lake,
    open_registry,
    promote,
    retire,
    superior_ability,
    walk_forward,
    write_report,
)

COLUMNS = (
    "run_id",
    "signal",
    "threshold",
    "n_signals",
    "tp_rate",
    "breakeven_tp_rate",
    "mean_pnl_ticks",
    "net_pnl_ticks",
    "queue_fill_rate",
    "queue_net_pnl_ticks",
    "confirm_n_signals",
    "confirm_tp_rate",
    "confirm_mean_pnl_ticks",
    "confirm_net_pnl_ticks",
    "confirm_queue_net_pnl_ticks",
    "confirmed_low",
    "confirmed_high",
    "p_corrected",
    "p_error",
    "verdict",
    "ic",
    "ic_horizon_ms",
    "partial_ic",
    "confirm_ic",
)

TRADE_COLUMNS = (
    "threshold",
    "part",
    "side",
    "event_bin",
    "mid_outcome",
    "mid_pnl_ticks",
    "cross_entry_price",
    "cross_exit_price",
    "cross_outcome",
    "cross_pnl_ticks",
    "queue_entry_price",
    "queue_exit_price",
    "queue_outcome",
    "queue_pnl_ticks",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compare")(compare_)
    app.command("promote")(promote_)
    app.command("retire")(retire_)
    app.command("trades")(trades)
    app.command("report")(report)


def compare_(
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    signal: Annotated[str | None, typer.Option(help="Only this signal.")] = None,
    dataset_id: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    min_signals: Annotated[int, typer.Option(help="Fewest signals of the choosing part.")] = 5,
    sort: Annotated[str, typer.Option(help=f"One of {', '.join(SORTS)}.")] = "statistic",
    top_n: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    retired: Annotated[bool, typer.Option("--retired", help="Show retired runs too.")] = False,
    clock: Annotated[
        bool,
        typer.Option("--clock-sensitivity", help="Judge the best row again with bins cut on ts_event; show only that."),
    ] = False,
    spa: Annotated[bool, typer.Option("--spa", help="Test the whole search by Hansen's SPA; show only that.")] = False,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """Rank all rows ever tried: chosen on the first part, confirmed on the rest, corrected for the search."""
    store = ResultsStore(open_lake(lake_root))
    check_known(store, experiment=experiment, signal=signal, dataset_id=dataset_id)
    rows = compare(
        store,
        experiment=experiment,
        signal=signal,
        dataset_id=dataset_id,
        min_signals=min_signals,
        sort=sort,
        top_n=top_n,
        retired=retired,
    ).to_dicts()
    if not rows:
        say(f"no row matches: none of the runs asked for has {min_signals} signals or more in its choosing part")
    if clock and rows:
        say_clock(clock_sensitivity(rows[0]["run_id"], rows[0]["threshold"], lake_root), as_json)
        return
    if spa and rows:
        say_spa(superior_ability(rows[0]["run_id"], lake_root), as_json)
        return
    walked = None if experiment is None else walk_forward(store, experiment)
    if as_json:
        of_days = days_of(store, rows)
        print_json([_printed(row, [day for day in of_days if is_of(day, row)]) for row in rows])
        return
    print_rows("rows, best first", rows, known(COLUMNS, rows))
    print_intervals("confirmed net pnl, ticks a trade, with its 95 % interval", [_interval(row) for row in rows])
    for cost in dict.fromkeys(row["cost"] for row in rows):
        say(f"costs: {cost}")
    if rows and rows[0]["n_trials"] is not None:
        say(search_of(rows[0]))
    say_days(store, rows)
    say_folds(walked)


def _printed(row: Mapping[str, Any], days: list[dict[str, Any]]) -> dict[str, Any]:
    """A ranked row as JSON has it: with its days, and null where a run of an early version says nothing of costs."""
    return {**row, "cost_from": row["cost_from"] or None, "fee_per_side": row["fee_per_side"] or None, "days": days}


def _interval(row: Mapping[str, Any]) -> Interval:
    name = f"{row['signal']} {shown(row['threshold'])}"
    corrected = row["confirmed_low"] is not None
    mean, low, high = confirmed_net(row, msgspec.json.decode(row["eval_json"], type=EvalSpec))
    if corrected:
        low, high = row["confirmed_low"], row["confirmed_high"]
    return Interval(name, low, mean, high)


def promote_(
    experiment: Annotated[str, typer.Argument(help="The experiment the run is of.")],
    run_id: Annotated[str, typer.Option("--run-id", help="The run to publish.")],
    alias: Annotated[str, typer.Option("--alias", help="The alias to point at it.")],
    threshold: Annotated[float | None, typer.Option(help="Its threshold; if not given, the best.")] = None,
    accept_unproven: Annotated[
        bool, typer.Option("--accept-unproven", help="Promote although the net pnl is not proven; needs a --reason.")
    ] = False,
    accept_unsound: Annotated[
        bool, typer.Option("--accept-unsound", help="Promote although the certificate of its dataset does not hold.")
    ] = False,
    actor: Annotated[str | None, typer.Option(help="Who does it; the user of this process if not given.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Publish a run as an immutable serving and point an alias at it."""
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
        served = promote(
            run_id,
            alias,
            lake_root,
            config_root=config_root,
            experiment=experiment,
            threshold=threshold,
            accept_unproven=accept_unproven,
            accept_unsound=accept_unsound,
            actor=actor,
            reason=reason,
            registry=registry,
        )
    facts: Promoted = {
        "alias": alias,
        "serving_id": served.serving_id,
        "run_id": served.spec.source.run_id,
        "threshold": served.spec.source.threshold,
        "verdict": served.spec.evidence.get("verdict"),
        "doubt": served.spec.evidence.get("doubt"),
        "proven": served.spec.evidence.get("proven"),
        "sound": served.spec.evidence.get("sound"),
    }
    print_json(facts) if as_json else print_facts("promoted", facts)


def retire_(
    run_ids: Annotated[list[str], typer.Argument(help="Runs that are not to count any more.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; the record stays.")],
    actor: Annotated[str | None, typer.Option(help="Who does it; the user of this process if not given.")] = None,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """Take runs out of the count of trials, openly: which, who and why is recorded and shown with every verdict."""
    facts: Retired = {"retired": list(retire(run_ids, lake_root, reason=reason, actor=actor)), "reason": reason}
    print_json(facts) if as_json else print_facts("retired", facts)


def trades(
    run_id: Annotated[str, typer.Argument(help="The run.")],
    threshold: Annotated[float | None, typer.Option(help="Only trades at this threshold of it.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write them all to this file: .csv or .parquet, every column.")
    ] = None,
    top_n: Annotated[int, typer.Option(min=1, help="Trades to show.")] = 20,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """The trades of a run, recomputed from its events: sides, times, prices, outcome and pnl under each fill model."""
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise typer.BadParameter(f"{out}: a name that ends in .csv or .parquet is allowed", param_hint="--out")
    found = ResultsStore(open_lake(lake_root)).trades(run_id, threshold)
    if out is not None:
        found.write_csv(out) if out.suffix == ".csv" else found.write_parquet(out)
        facts: Written = {"run_id": run_id, "trades": found.height, "file": str(out)}
        print_json(facts) if as_json else print_facts("written", facts)
    elif as_json:
        print_json(found.to_dicts())
    else:
        shown_rows = found.head(top_n).to_dicts()
        print_rows(f"trades of {run_id}", shown_rows, known(TRADE_COLUMNS, shown_rows))
        if found.height > top_n:
            say(f"{found.height - top_n:,} more: --top-n shows them, --out FILE.csv or FILE.parquet writes all")


def report(
    run_id: Annotated[str, typer.Argument(help="The run.")],
    threshold: Annotated[float | None, typer.Option(help="Its threshold; if not given, the best.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The file; if not given, in research/vp_harness/reports of the lake."),
    ] = None,
    server: Annotated[str, typer.Option(help="Where the page is, for the links of trades.")] = "http://127.0.0.1:8002",
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Write the report of a run: one HTML file with its evidence, figures, charts and trades."""
    alias = None
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
        if registry.exists():
            alias = registry.aliases_by_run().get(run_id)
    path = write_report(run_id, lake_root, threshold=threshold, out=out, alias=alias, server=server)
    facts: Reported = {"run_id": run_id, "report": str(path), "alias": alias}
    print_json(facts) if as_json else print_facts("written", facts)
