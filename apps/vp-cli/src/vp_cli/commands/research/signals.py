"""Commands about signals: what there are, and how long one takes bin by bin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import typer

from vp_cli.errors import CliError
from vp_cli.options import LAKE_ROOT, LakeRoot
from vp_cli.output import AsJson, print_facts, print_json, print_rows, progress
from vp_cli.printed.research import ListedSignal, Thresholds
from vp_harness import Dataset, SignalError, signals
from vp_harness.signals import AdaptiveThresholds, OnlineReport, Signal

FIGURES = ("bins", "p50_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list-signals")(list_signals)
    app.command("online-sim")(online_sim)


def list_signals(as_json: AsJson = False) -> None:
    """List the signals that can be run, of this package and of plug-ins, with what they read and take."""
    rows = [_described(name) for name in signals.names()]
    if as_json:
        print_json(rows)
        return
    shown = [{**row, "reads": _joined([*row["columns"], *row["fields"]]), "thresholds": _shown(row)} for row in rows]
    print_rows("signals", shown, ("signal", "group", "kind", "reads", "thresholds", "about"))
    parameters = [
        {"signal": row["signal"], **msgspec.to_builtins(parameter)} for row in rows for parameter in row["parameters"]
    ]
    print_rows("parameters", parameters, ("signal", "name", "type", "default", "unit", "allowed", "meaning"))


def online_sim(
    signal: Annotated[str, typer.Option("--signal", help="Name of a signal.")],
    dataset_id: Annotated[str, typer.Option("--dataset-id", help="Id of a dataset in the lake.")],
    bin_budget_ms: Annotated[
        float | None, typer.Option("--bin-budget-ms", help="Time a step may take; the length of a bin if not given.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="NAME=VALUE of a parameter; may be given several times.")
    ] = None,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """Step a signal through a dataset one bin at a time, and measure each step."""
    created = signals.create(signal, **dict(map(_parameter, param or ())))
    dataset = Dataset.open(lake_root, dataset_id)
    budget = float(dataset.config.cell_width_ms) if bin_budget_ms is None else bin_budget_ms
    with progress("bins") as update:
        report = signals.simulate_online(created, dataset, budget, lambda done, total: update("bins", done, total))
    if as_json:
        print_json(report)
        return
    _print_report(report)


def _print_report(report: OnlineReport) -> None:
    facts = {
        "signal": report.signal,
        "parameters": report.params,
        "dataset": report.dataset_id,
        "rows a bin": report.rows,
        "budget, ms": report.bin_budget_ms,
        "bins over budget": report.over_budget,
        "first step of the process, ms": report.first_step_ms,
        "peak memory, MB": report.peak_rss_mb,
    }
    print_facts("online", facts)
    measured = [{"": name, **msgspec.to_builtins(getattr(report, name))} for name in ("steps", "refits")]
    print_rows("measured", measured, ("", *FIGURES))


def _described(name: str) -> ListedSignal:
    described: ListedSignal = {
        "signal": name,
        "package": signals.owner(name),
        "group": _group(name),
        "kind": None,
        "columns": [],
        "fields": [],
        "parameters": [],
        "thresholds": None,
        "detail": [],
        "about": "",
    }
    try:
        signal = signals.create(name)
    except SignalError as error:  # a bad plug-in, or a missing extra, leaves the others to be seen
        described["about"] = str(error)
        return described
    described["kind"] = signal.kind
    described["columns"], described["fields"] = list(signal.required_columns), list(signal.required_fields)
    described["parameters"], described["detail"] = list(signal.parameters()), list(signal.detail)
    described["thresholds"] = _thresholds(signal)
    described["about"] = (type(signal).__doc__ or "").strip().split("\n")[0]
    return described


def _group(name: str) -> Literal["baseline", "statistical", "learned", "plug-in"]:
    if name in {member.name for member in signals.BASELINES}:
        return "baseline"
    if name in {member.name for member in signals.STATISTICAL}:
        return "statistical"
    return "learned" if name in {member.name for member in signals.LEARNED} else "plug-in"


def _thresholds(signal: Signal) -> Thresholds:
    thresholds = signal.thresholds
    if isinstance(thresholds, AdaptiveThresholds):
        return {"quantiles": list(thresholds.quantiles), "calibration_share": thresholds.calibration_share}
    return {"values": list(thresholds.values)}


def _shown(row: ListedSignal) -> str:
    thresholds = row["thresholds"] or {}
    if "quantiles" in thresholds:
        return f"quantiles {_joined(thresholds['quantiles'])} of the first {thresholds['calibration_share']:.0%}"
    return _joined(thresholds.get("values", ()))


def _joined(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _parameter(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise CliError(f"--param {text}: NAME=VALUE is expected, as in --param window_bins=20")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
