"""Runs over REST, on a real lake; the OpenAPI document, and what schemathesis makes of the server by it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.answers import exactly
from support.packages import ROOT

from vp_harness import FILL_MODELS, Dataset, Lake, ResultsStore, compare
from vp_stream import StreamSettings, start_in_background
from vp_stream.http.answers import RunDetail, RunList, TradeList
from vp_stream.http.openapi import document_bytes
from vp_stream.http.research.answers import Equity

NO_ROUTE = "path='/v1/experiments/walks': there is no such route; /openapi.json lists those there are"
RUNS = "/v1/experiments/runs"
REGENERATE = "uv run vp-stream --openapi > docs/openapi.json"


@pytest.fixture(scope="module")
def lake(researched: tuple[Lake, Path, str]) -> tuple[Lake, Path, str]:
    """(lake, configs, the run that is served)."""
    return researched


@pytest.fixture(scope="module")
def url(lake: tuple[Lake, Path, str]) -> Iterator[str]:
    with start_in_background(StreamSettings(lake_root=lake[0].root, config_root=lake[1], port=0)) as server:
        yield server.url


def get(url: str, path: str) -> httpx.Response:
    return httpx.get(url + path, timeout=30)


def test_runs_are_ranked_as_compare_ranks_them(url: str, lake: tuple[Lake, Path, str]) -> None:
    answer = msgspec.json.decode(get(url, f"{RUNS}?min_signals=0&sort=mean_pnl_ticks").content, type=RunList)
    rows = compare(ResultsStore(lake[0]), min_signals=0, sort="mean_pnl_ticks", best_per_run=True)
    assert [row.run_id for row in answer.runs] == rows["run_id"].to_list()
    assert [row.threshold for row in answer.runs] == rows["threshold"].to_list()
    for row, stored in zip(answer.runs, rows.iter_rows(named=True), strict=True):
        assert (row.choose.tp_rate, row.confirm.tp_rate) == (stored["tp_rate"], stored["confirm_tp_rate"])
        assert row.p_corrected == stored["p_corrected"]
    assert answer.choices.signal == ["derivative"]
    assert answer.choices.dataset_id == [answer.runs[0].dataset_id]
    assert "tp_rate" in answer.choices.sort


def test_only_a_run_that_an_alias_serves_can_be_streamed(url: str, lake: tuple[Lake, Path, str]) -> None:
    answer = msgspec.json.decode(get(url, f"{RUNS}?min_signals=0").content, type=RunList)
    assert len(answer.runs) == 4
    served = [row for row in answer.runs if row.can_stream]
    assert [row.run_id for row in served] == [lake[2]]
    assert served[0].alias == "small"
    assert served[0].streaming_url == "/v1/vacuum-pressure/stream?serving=small"
    assert served[0].page_url == "/vacuum-pressure.html?serving=small"
    other = next(row for row in answer.runs if not row.can_stream)
    assert (other.alias, other.streaming_url, other.page_url) == (None, None, None)


def test_filters(url: str) -> None:
    every = get(url, f"{RUNS}?min_signals=0").json()
    dataset = every["choices"]["dataset_id"][0]
    assert get(url, f"{RUNS}?min_signals=0&dataset_id={dataset}&signal=derivative").json() == every
    assert len(get(url, f"{RUNS}?min_signals=0&top_n=3").json()["runs"]) == 3
    assert get(url, f"{RUNS}?min_signals=0&signal=other").json()["runs"] == []
    assert get(url, f"{RUNS}?min_signals=1000000").json()["runs"] == []


def test_runs_of_an_experiment_a_day_and_a_verdict(url: str) -> None:
    every = get(url, f"{RUNS}?min_signals=0").json()
    assert (every["choices"]["experiment"], every["choices"]["date"]) == (["small"], ["2026-02-06"])
    assert {row["date"] for row in every["runs"]} == {"2026-02-06"}
    assert get(url, f"{RUNS}?min_signals=0&experiment=small&date=2026-02-06").json() == every
    for other in ("experiment=other", "date=2026-02-07"):
        assert get(url, f"{RUNS}?min_signals=0&{other}").json()["total"] == 0
    counted = [get(url, f"{RUNS}?min_signals=0&verdict={word}").json() for word in ("proven", "unproven", "refuted")]
    assert sum(answer["total"] for answer in counted) == every["total"] == 4


def test_runs_are_in_order_of_any_column_and_come_in_pages(url: str) -> None:
    for name in get(url, RUNS).json()["choices"]["sort"]:
        up, down = (
            get(url, f"{RUNS}?min_signals=0&sort={name}&order={order}").json() for order in ("ascending", "descending")
        )
        values = [[_cell(row, name) for row in answer["runs"]] for answer in (up, down)]
        known = [[value for value in column if value is not None] for column in values]
        assert known[0] == sorted(known[0]), name
        assert known[1] == sorted(known[0], reverse=True), name
        assert values[0][: len(known[0])] == known[0], f"{name}: a null comes last"
    every = get(url, f"{RUNS}?min_signals=0&sort=threshold&order=ascending").json()
    pages = [get(url, f"{RUNS}?min_signals=0&sort=threshold&order=ascending&first={n}&top_n=3").json() for n in (0, 3)]
    assert [page["total"] for page in pages] == [4, 4]
    assert pages[0]["runs"] + pages[1]["runs"] == every["runs"]
    assert get(url, f"{RUNS}?min_signals=0&first=9").json()["runs"] == []


def test_the_run_that_is_served_comes_first_by_its_alias(url: str) -> None:
    for order in ("best", "ascending", "descending"):
        runs = get(url, f"{RUNS}?min_signals=0&sort=alias&order={order}").json()["runs"]
        assert [row["alias"] for row in runs] == ["small", None, None, None]


def _cell(row: dict[str, Any], name: str) -> Any:
    """The value of a run that a list is in order of, where the answer has it."""
    if name == "ic":  # by its size
        return None if row["ic"] is None else abs(row["ic"])
    if name in row:
        return row[name]
    if name.startswith("confirm_"):
        return row["confirm"][name.removeprefix("confirm_")]
    return row["choose"].get(name)


def test_a_run_in_detail(url: str, lake: tuple[Lake, Path, str]) -> None:
    detail = msgspec.json.decode(get(url, f"{RUNS}/{lake[2]}/detail").content, type=RunDetail)
    stored = ResultsStore(lake[0]).run(lake[2])
    assert msgspec.json.decode(stored.params_json) == detail.params
    assert detail.config["symbol"] == "SYNM6"
    assert [row.threshold for row in detail.thresholds] == [0.05, 0.2]
    assert (detail.can_stream, detail.streaming_url) == (True, "/v1/vacuum-pressure/stream?serving=small")


def test_the_trades_of_a_run(url: str, lake: tuple[Lake, Path, str]) -> None:
    stored = ResultsStore(lake[0]).trades(lake[2])
    every = msgspec.json.decode(get(url, f"{RUNS}/{lake[2]}/trades").content, type=TradeList)
    assert (every.total, every.first, len(every.trades)) == (stored.height, 0, stored.height)
    for trade, row in zip(every.trades, stored.iter_rows(named=True), strict=True):
        assert (trade.threshold, trade.part, trade.event_ts_ns) == (row["threshold"], row["part"], row["event_ts_ns"])
        assert trade.dataset_id == ResultsStore(lake[0]).run(lake[2]).dataset_id
        for model, fill in (("mid", trade.mid), ("cross", trade.cross)):
            assert (fill and fill.pnl_ticks) == row[f"{model}_pnl_ticks"]
    at_one = get(url, f"{RUNS}/{lake[2]}/trades?threshold=0.2&first=1&count=2").json()
    assert at_one["total"] == stored.filter(stored["threshold"] == 0.2).height > 3
    assert [trade["threshold"] for trade in at_one["trades"]] == [0.2, 0.2]
    refused = get(url, f"{RUNS}/{lake[2]}/trades?threshold=0.3")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_threshold")
    assert get(url, f"{RUNS}/{'f' * 16}/trades").json()["code"] == "unknown_run"


def test_trades_are_in_order_of_any_column(url: str, lake: tuple[Lake, Path, str]) -> None:
    for name in ("event_ts_ns", "side", "cross_pnl_ticks", "mid_outcome"):
        answers = [
            get(url, f"{RUNS}/{lake[2]}/trades?sort={name}&order={order}").json()["trades"]
            for order in ("ascending", "descending")
        ]
        up, down = ([_of_trade(trade, name) for trade in trades] for trades in answers)
        known = sorted(value for value in up if value is not None)
        assert up[: len(known)] == known, name
        assert down[: len(known)] == known[::-1], name


def _of_trade(trade: dict[str, Any], name: str) -> Any:
    model, _, field = name.partition("_")
    return trade[name] if name in trade else trade[model] and trade[model][field]


def test_the_equity_of_a_run_ends_where_its_trades_sum_up_to(url: str, lake: tuple[Lake, Path, str]) -> None:
    stored, run = ResultsStore(lake[0]).trades(lake[2], 0.2), ResultsStore(lake[0]).run(lake[2])
    answer = exactly(get(url, f"{RUNS}/{lake[2]}/equity?threshold=0.2").content, Equity)
    bins = Dataset.open(lake[0], run.dataset_id).bins
    assert answer.start_ns == bins["bin_start_ns"][0]
    assert answer.choose_end_ns == bins["bin_end_ns"][run.choose_end - 1]
    assert answer.confirm_first_ns == bins["bin_start_ns"][run.confirm_first]
    assert answer.end_ns == bins["bin_end_ns"][run.confirm_end - 1]
    assert [curve.model for curve in answer.curves] == list(FILL_MODELS)
    for curve in answer.curves:
        pnl = stored[f"{curve.model}_pnl_ticks"].drop_nulls()
        assert curve.trades == len(curve.ts_ns) == len(pnl)
        assert curve.total_ticks[-1] == pytest.approx(pnl.sum())
        assert curve.ts_ns == sorted(curve.ts_ns)
    few = exactly(get(url, f"{RUNS}/{lake[2]}/equity?threshold=0.2&most=3").content, Equity)
    for thin, whole in zip(few.curves, answer.curves, strict=True):
        assert len(thin.ts_ns) <= 3
        assert (thin.ts_ns[-1], thin.total_ticks[-1], thin.trades) == (
            whole.ts_ns[-1], whole.total_ticks[-1], whole.trades
        )  # fmt: skip
    assert get(url, f"{RUNS}/{lake[2]}/equity?threshold=0.3").json()["code"] == "unknown_threshold"
    assert get(url, f"{RUNS}/{lake[2]}/equity").json()["parameter"] == "threshold"


def test_a_run_says_what_its_signal_knows(url: str, lake: tuple[Lake, Path, str]) -> None:
    detail = exactly(get(url, f"{RUNS}/{lake[2]}/detail").content, RunDetail)
    stored = ResultsStore(lake[0]).information([lake[2]])
    assert len(detail.information) == stored.height > 0
    assert detail.information[0].part == "choose"
    for row in detail.information:
        found = stored.filter(stored["part"] == row.part, stored["horizon_ms"] == row.horizon_ms).row(0, named=True)
        assert (row.ic, row.partial_ic, row.decile_ticks) == (found["ic"], found["partial_ic"], found["decile_ticks"])


def test_trades_of_a_dataset_that_is_gone_are_503(lake: tuple[Lake, Path, str], tmp_path: Path) -> None:
    copy = Lake(tmp_path / "lake")
    shutil.copytree(lake[0].root, copy.root)
    shutil.rmtree(copy.datasets_dir)
    with start_in_background(StreamSettings(lake_root=copy.root, config_root=lake[1], port=0)) as server:
        response = get(server.url, f"{RUNS}/{lake[2]}/trades")
    assert response.status_code == 503
    assert str(tmp_path) not in response.text


def test_an_unknown_run_is_404(url: str) -> None:
    response = get(url, f"{RUNS}/{'f' * 16}/detail")
    assert response.status_code == 404
    assert response.json() == {"type": "error", "code": "unknown_run", "message": "no finished run has this id"}


@pytest.mark.parametrize(
    ("query", "parameter", "problem"),
    [
        (
            "limit=3",
            "limit",
            "limit='3': there is no such parameter; allowed: experiment, signal, dataset_id, date, verdict, sort, ",
        ),
        ("top_n=3&top_n=4", "top_n", "top_n='4': is given more than once; give it once"),
        ("top_n=0", "top_n", "top_n=0: must be a whole number from 1 to 1000"),
        ("top_n=1001", "top_n", "top_n=1001: must be a whole number from 1 to 1000"),
        ("top_n=many", "top_n", "top_n='many': must be a whole number from 1 to 1000"),
        ("min_signals=-1", "min_signals", "min_signals=-1: must be a whole number from 0 to 1000000000"),
        ("min_signals=nan", "min_signals", "min_signals=nan: must be a whole number from 0 to 1000000000"),
        ("date=yesterday", "date", "date='yesterday': must be a date as YYYY-MM-DD"),
        ("verdict=lucky", "verdict", "verdict='lucky': must be one of proven, refuted, unproven"),
        ("order=up", "order", "order='up': must be one of ascending, best, descending"),
        ("first=-1", "first", "first=-1: must be a whole number from 0 to 1000000000"),
        ("sort=luck", "sort", "sort='luck': must be one of alias, confirm_n_signals, "),
        ("signal=", "signal", "signal='': must be text of 1 to 128 characters"),
        (f"signal={'x' * 129}", "signal", "…: must be text of 1 to 128 characters"),
    ],
)
def test_a_bad_parameter_is_named(url: str, query: str, parameter: str, problem: str) -> None:
    response = get(url, f"{RUNS}?{query}")
    assert response.status_code == 422
    assert response.json()["parameter"] == parameter
    assert problem in response.json()["message"]
    assert response.json()["message"].startswith(f"{parameter}=")


def test_an_empty_lake_has_no_runs(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    with start_in_background(StreamSettings(lake_root=tmp_path / "lake", config_root=tmp_path, port=0)) as server:
        answer = get(server.url, RUNS).json()
        assert (answer["runs"], answer["choices"]["signal"]) == ([], [])
        assert get(server.url, f"{RUNS}/{'f' * 16}/detail").status_code == 404


def test_a_damaged_store_is_503_without_a_path_of_the_server(lake: tuple[Lake, Path, str], tmp_path: Path) -> None:
    copy = Lake(tmp_path / "lake")
    shutil.copytree(lake[0].root, copy.root)
    part = next((copy.results_dir / "runs.parquet").glob("*.parquet"))
    part.chmod(0o644)
    part.write_bytes(part.read_bytes()[:-1])
    with start_in_background(StreamSettings(lake_root=copy.root, config_root=lake[1], port=0)) as server:
        response = get(server.url, RUNS)
    assert response.status_code == 503
    assert "vp verify lake" in response.json()["message"]
    assert str(tmp_path) not in response.text


def test_results_that_cannot_be_read_are_503_and_not_an_empty_list(
    lake: tuple[Lake, Path, str], tmp_path: Path
) -> None:
    copy = Lake(tmp_path / "lake")
    shutil.copytree(lake[0].root, copy.root)
    table = copy.results_dir / "runs_meta.parquet"
    table.rename(tmp_path / "elsewhere")
    table.symlink_to(table)  # a circle, which nobody can read
    with start_in_background(StreamSettings(lake_root=copy.root, config_root=lake[1], port=0)) as server:
        response = get(server.url, RUNS)
        assert response.status_code == 503
        assert str(tmp_path) not in response.text
        table.unlink()
        (tmp_path / "elsewhere").rename(table)
        assert len(get(server.url, f"{RUNS}?min_signals=0").json()["runs"]) == 4


def test_methods_and_routes_there_are_not(url: str) -> None:
    posted = httpx.post(url + RUNS, timeout=30)
    assert (posted.status_code, set(posted.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert posted.json()["type"] == "error"
    assert get(url, "/v1/experiments/walks").json() == {"type": "error", "code": "not_found", "message": NO_ROUTE}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([RUNS, "/v1/servings", "/v1/servings/x/history"]), query=st.binary(max_size=60))
def test_any_query_is_an_answer_or_a_named_refusal(url: str, path: str, query: bytes) -> None:
    quoted = "".join(f"%{byte:02x}" if byte < 0x21 or byte > 0x7E or byte in b"#%" else chr(byte) for byte in query)
    response = get(url, f"{path}?{quoted}")
    assert response.status_code in (200, 404, 422)
    body: dict[str, Any] = response.json()
    assert response.status_code == 200 or {"type", "code", "message"} <= set(body)


def test_the_document_that_is_kept_is_the_one_that_is_served(url: str) -> None:
    assert (ROOT / "docs" / "openapi.json").read_bytes() == document_bytes(), REGENERATE
    assert get(url, "/openapi.json").content == document_bytes()


@pytest.mark.slow
def test_schemathesis_finds_nothing(url: str, tmp_path: Path) -> None:
    """Every documented route, with what the document allows and what it does not: status, shape, no 5xx."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--max-examples", "20"]
    done = subprocess.run(
        [*command, "--seed", "20260206", "--checks", "all"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    # What nobody plays has no links, and nothing is called what is made up here: test_links.py and test_research.py ask
    # for what is there.
    missing = done.stdout.partition("Missing test data: ")[2].partition("\n\n")[0]
    assert "1 warning in" in done.stdout, done.stdout
    assert {line.strip(" -") for line in missing.splitlines() if line.strip().startswith("- ")} <= {
        "GET /v1/servings/{serving_id}/links",
        "GET /v1/datasets/{dataset_id}/detail",
        "GET /v1/servings/{name}/detail",
        "POST /v1/servings/{alias}/promote",
        "POST /v1/servings/{alias}/rollback",
    }, done.stdout
