"""What users see of several days: the report, the commands, and REST."""

import datetime as dt
import json
import re
import sys
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from support.small_days import CLOSED, DAYS

from vp_cli.main import main
from vp_harness import ResultsStore, compare, run_experiment, write_report
from vp_harness.reporting.charts import number
from vp_harness.reporting.facts import gather
from vp_stream.http.answers import TradeQuery
from vp_stream.http.experiments import StoredExperiments
from vp_stream.http.research.answers import EquityQuery


@pytest.fixture(scope="module")
def best(days):
    run_experiment("days", days.lake, config_root=days.configs)
    return compare(ResultsStore(days.lake), experiment="days").row(0, named=True)


@pytest.fixture
def vp(monkeypatch, capsys, days):
    monkeypatch.setenv("VP_LAKE_ROOT", str(days.lake.root))
    monkeypatch.setenv("VP_CONFIG_ROOT", str(days.configs))
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["vp", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        return capsys.readouterr()

    return run


def test_the_report_has_a_section_for_the_days(days, best, tmp_path):
    html = write_report(best["run_id"], days.lake, threshold=best["threshold"], out=tmp_path / "r.html").read_text()
    section = html.split("<h2>Day by day</h2>")[1].split("<h2>What was tried</h2>")[0]
    assert f"Left out, because they could not be made: {CLOSED} (no raw file of SYNM6 on 20260207 (UTC))" in section
    for row in ResultsStore(days.lake).days([best["run_id"]]).iter_rows(named=True):
        if row["threshold"] == best["threshold"]:
            assert f"<td>{row['date']}</td>" in section
            assert number(row["net_pnl_ticks"]) in section
    assert section.count("earns</td>") == 1
    assert len(re.findall(r"<circle", section)) == 3
    charts = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.S)]
    assert len(charts) == html.count("<figure>") == html.count("<figcaption>") == 9
    assert not re.search(r"\bnan\b|\binf\b|None", html)
    facts = gather(days.lake, best["run_id"], best["threshold"])
    assert [facts.place_of(ns) for ns in (facts.start_ns, facts.end_ns)] == [0.0, 3 * 360.0]  # nights take no time
    assert {day for day in DAYS if f"<td>{day} " in html} == set(DAYS)  # the trades say of which day they are


def test_commands_show_a_row_a_day_and_the_folds(vp, best):
    said = vp("compare", "--experiment", "days")
    table = said.out.split("by day")[1]
    assert all(table.count(date) >= 4 for date in DAYS)
    assert "walking forward: each day by the row that the days before it chose" in said.out
    rows = json.loads(vp("compare", "--experiment", "days", "--json").out)
    assert [day["date"] for day in rows[0]["days"]] == list(DAYS)
    again = vp("run", "days")
    assert f"{CLOSED} is left out: no raw file of SYNM6" in again.err
    found = json.loads(vp("run", "days", "--json").out)
    assert (found["computed"], list(found["left_out"])) == (0, [CLOSED])
    assert [fold["word"] for fold in found["walk_forward"]["folds"]] == ["earns", "open"]
    assert f"{CLOSED} is left out" in vp("run", "days", "--dry-run").err
    made = json.loads(vp("generate", "small", "--json").out)
    assert ([day["date"] for day in made["days"]], [day["made"] for day in made["days"]]) == (list(DAYS), [False] * 3)
    assert vp("report", best["run_id"]).out


def test_rest_tells_the_days_of_a_run(days, best):
    nothing_served: Any = SimpleNamespace(aliases_by_run=dict)
    experiments = StoredExperiments(ResultsStore(days.lake), nothing_served)
    equity = experiments.equity(best["run_id"], EquityQuery(threshold=best["threshold"]))
    bounds = equity.start_ns, equity.choose_end_ns, equity.confirm_first_ns, equity.end_ns
    clocks = [dt.datetime.fromtimestamp((ns or 0) / 1e9, dt.UTC).strftime("%m-%d %H:%M:%S") for ns in bounds]
    assert clocks == ["02-04 14:27:00", "02-06 14:27:00", "02-06 14:27:10", "02-06 14:33:00"]
    detail = experiments.detail(best["run_id"])
    assert [(day.date, day.part) for day in detail.days if day.threshold == best["threshold"]] == list(
        zip(DAYS, ("choose", "choose", "confirm"), strict=True)
    )
    assert len(detail.days) == 3 * len(detail.thresholds)
    of_row = [day.figures.n_signals for day in detail.days if day.threshold == best["threshold"]]
    assert of_row[0] + of_row[1] == best["n_signals"]
    assert [day.date for day in detail.left_out] == [CLOSED]
    trades = experiments.trades(best["run_id"], TradeQuery(threshold=best["threshold"], count=1000)).trades
    named = {day.date: day.dataset_id for day in detail.days}
    for trade in trades:
        decided = dt.datetime.fromtimestamp(trade.event_ts_ns / 1e9, dt.UTC)
        assert trade.dataset_id == named[decided.date().isoformat()]
    assert {trade.dataset_id for trade in trades} == set(named.values())
