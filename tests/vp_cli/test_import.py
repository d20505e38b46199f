"""`vp import --from`: from another feed's file to a dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.itch_day import OWN, ItchDay
from typer.testing import CliRunner

from vp_book.errors import ConversionError
from vp_cli.errors import CliError
from vp_cli.main import app
from vp_contract import SpecError
from vp_harness import Dataset, Lake

LOCK = """
product_type: equity_mbo
symbol: AAPL
symbol_root: AAPL
tick_size: 0.01
bucket_size_dollars: 0.05
contract_multiplier: 1
qty_unit: shares
price_decimals: 2
n_absolute_ticks: 2048
"""
PIPELINE = """
name: noon
description: A minute of a made-up day.
capture: {product_type: equity_mbo, symbol: AAPL, dt: "2026-01-30", start_time: "12:00", end_time: "12:01"}
pipeline: {}
"""


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    configs = tmp_path / "configs"
    (configs / "pipelines").mkdir(parents=True)
    (configs / "instrument.yaml").write_text(LOCK)
    (configs / "pipelines" / "noon.yaml").write_text(PIPELINE)
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)
    return ["--lake-root", str(tmp_path / "lake"), "--config-root", str(configs)]


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_from_a_day_of_itch_to_a_dataset(tmp_path: Path, roots: list[str]) -> None:
    day = tmp_path / "day.itch"
    day.write_bytes(ItchDay(1, 6000).data)
    asked = ["import", str(day), "--from", "itch50", "--symbol", OWN, "--date", "2026-01-30", "--json", *roots]
    facts = run(*asked)
    assert facts["origin"]["feed"] == "itch50"
    assert facts["origin"]["facts"]["complete"] is True
    assert facts["dataset"] == "XNAS.ITCH"
    place = Path(str(facts["path"]))
    assert place.name == "aapl-20260130.mbo.dbn.zst"
    assert sorted(path.name for path in place.parent.iterdir()) == [place.name, f"{place.name}.json"]
    assert json.loads(place.with_name(f"{place.name}.json").read_text())["origin"]["feed"] == "itch50"
    assert run(*asked) == facts
    made = run("generate", "noon", "--json", *roots)
    dataset = Dataset.open(Lake(tmp_path / "lake"), str(made["dataset_id"]))
    assert len(dataset.bins) == 600
    assert dataset.sound


def test_a_pair_of_lobster_files(tmp_path: Path, roots: list[str]) -> None:
    messages, book = tmp_path / "messages.csv", tmp_path / "book.csv"
    messages.write_text("34200.5,1,7,100,1800000,1\n34201.25,1,8,50,1800300,-1\n34202.5,4,7,40,1800000,1\n")
    book.write_text("9999999999,0,1800000,100\n1800300,50,1800000,100\n1800300,50,1800000,60\n")
    asked = ["import", str(messages), "--from", "lobster", "--book", str(book), "--date", "2026-01-30", "--json"]
    facts = run(*asked, *roots)
    assert facts["dataset"] == "LOBSTER.1"
    assert facts["records"] == 2 + 1 + 3
    assert len(facts["origin"]["sha256"]) == 2


def test_a_table_of_order_events(tmp_path: Path, roots: list[str]) -> None:
    table, mapping = tmp_path / "events.csv", tmp_path / "map.yaml"
    table.write_text("id,at,price,size,side,what\nx1,1769792400,180,5,b,new\ny2,1769792401.5,180.05,7,s,new\n")
    mapping.write_text(
        "time: at\ntime_unit: s\norder_id: id\naction: what\nbuy: b\nsell: s\nevents: {add: new}\ndataset: MINE\n"
    )
    facts = run("import", str(table), "--from", "csv", "--map", str(mapping), "--json", *roots)
    assert (facts["dataset"], facts["records"]) == ("MINE", 2)
    assert (facts["origin"]["feed"], facts["origin"]["facts"]["rows"]) == ("csv", 2)
    mapping.write_text(mapping.read_text().replace("time_unit: s", "time_unit: h"))
    with pytest.raises(SpecError, match=r"map\.yaml:2: time_unit"):
        run("import", str(table), "--from", "csv", "--map", str(mapping), "--json", *roots)
    mapping.write_text("events: {change: new}\n")
    with pytest.raises(SpecError, match=r"map\.yaml: events=change: must have add"):
        run("import", str(table), "--from", "csv", "--map", str(mapping), "--json", *roots)


def test_what_fails_leaves_no_lake(tmp_path: Path, roots: list[str]) -> None:
    day = tmp_path / "day.itch"
    day.write_bytes(ItchDay(1, 100).data[:-5])
    with pytest.raises(ConversionError, match="ends inside a message"):
        run("import", str(day), "--from", "itch50", "--date", "2026-01-30", *roots)
    assert not (tmp_path / "lake").exists()
    with pytest.raises(CliError, match=r"symbol=MSFT: the instrument lock is of AAPL"):
        run("import", str(day), "--from", "itch50", "--date", "2026-01-30", "--symbol", "MSFT", *roots)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "itch50"],
        ["--symbol", "AAPL"],
        ["--book", "book.csv"],
        ["--from", "lobster", "--date", "2026-01-30"],
        ["--from", "itch50", "--date", "2026-01-30", "--pipeline", "noon"],
        ["--from", "itch50", "--date", "2026-01-30", "--book", "book.csv"],
        ["--from", "csv"],
        ["--from", "csv", "--map", "map.yaml", "--date", "2026-01-30"],
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    tmp_path: Path, roots: list[str], arguments: list[str]
) -> None:
    assert CliRunner().invoke(app, ["import", str(tmp_path / "day.itch"), *arguments, *roots]).exit_code == 2
