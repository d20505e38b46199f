"""`vp trades` on a real lake: a table, JSON, CSV and Parquet with the same trades."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from support.small_lake import import_market, write_configs, write_small_market

from vp_cli.main import main
from vp_harness import Lake, ResultsStore, run_experiment

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("research")
    lake, configs = Lake(root / "lake"), write_configs(root / "configs")
    import_market(lake, configs, write_small_market(root / "market.dbn.zst"))
    run_experiment("small", lake, config_root=configs)
    return lake


@pytest.fixture
def vp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lake: Lake) -> Run:
    monkeypatch.setenv("VP_LAKE_ROOT", str(lake.root))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vp", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_trades_as_table_json_csv_and_parquet(vp: Run, lake: Lake, tmp_path: Path) -> None:
    store = ResultsStore(lake)
    run_id = store.runs()["run_id"][0]
    expected = store.trades(run_id, 0.05)
    code, out, err = vp("trades", run_id, "--threshold", "0.05", "--top-n", "3")
    assert (code, len(out.splitlines())) == (0, 5)
    assert f"{expected.height - 3} more" in err
    code, out, _ = vp("trades", run_id, "--threshold", "0.05", "--json")
    assert json.loads(out) == expected.to_dicts()
    for name in ("trades.csv", "trades.parquet"):
        code, out, _ = vp("trades", run_id, "--threshold", "0.05", "--out", str(tmp_path / name))
        assert (code, name in out) == (0, True)
    assert pl.read_parquet(tmp_path / "trades.parquet").equals(expected)
    read = pl.read_csv(tmp_path / "trades.csv", schema=expected.schema)
    assert read.equals(expected)


def test_what_is_wrong_is_said(vp: Run, lake: Lake, tmp_path: Path) -> None:
    run_id = ResultsStore(lake).runs()["run_id"][0]
    assert vp("trades", run_id, "--out", str(tmp_path / "trades.xlsx"))[0] == 2
    code, _, err = vp("trades", run_id, "--threshold", "0.3")
    assert (code, "it has 0.05, 0.2 (--threshold)" in " ".join(err.split())) == (1, True)
    assert vp("trades", "f" * 16)[0] == 1


def test_the_report_of_a_run(vp: Run, lake: Lake, tmp_path: Path) -> None:
    run_id = ResultsStore(lake).runs()["run_id"][0]
    code, out, _ = vp("report", run_id, "--config-root", str(tmp_path), "--out", str(tmp_path / "one.html"), "--json")
    assert (code, json.loads(out)) == (
        0, {"run_id": run_id, "report": str(tmp_path / "one.html"), "alias": None},
    )  # fmt: skip
    assert (tmp_path / "one.html").read_text().startswith("<!doctype html>")
    assert vp("report", "f" * 16)[0] == 1


def test_hansens_test_beside_the_corrected_p(vp: Run, lake: Lake) -> None:
    code, out, _ = vp("compare", "--spa", "--min-signals", "0", "--json")
    found = json.loads(out)
    assert (code, found["p_corrected"]) == (0, ResultsStore(lake).corrections()["p_corrected"].min())
    assert 0 <= found["p_lower"] <= found["p"] <= found["p_upper"] <= 1
    code, out, _ = vp("compare", "--spa", "--min-signals", "0")
    assert (code, "SPA p" in out) == (0, True)


def test_a_run_ends_with_its_report(vp: Run, lake: Lake) -> None:
    code, out, _ = vp("run", "small", "--config-root", str(lake.root.parent / "configs"), "--json")
    found = json.loads(out)
    assert (code, found["computed"]) == (0, 0)
    assert found["best"]["run_id"] in Path(found["report"]).read_text()
