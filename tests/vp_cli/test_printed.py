"""The schema of what commands print as JSON: committed, whole, in snake_case, and true of what is printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from support.dbn_files import metadata, write_dbn
from support.docs import run_examples
from support.packages import ROOT
from support.printed import check, running_command
from support.records import record, stream
from support.small_lake import import_market, promote_small, write_configs, write_small_market
from typer.testing import CliRunner

from vp_cli import output
from vp_cli.main import app, main
from vp_cli.output import json_text
from vp_cli.printed.schema import PRINTED, document_text, json_schema, name_of, schema_of_command
from vp_cli.typer_internals import whole
from vp_harness import Lake, ResultsStore

Run = Callable[..., Any]
DOCUMENT = json_schema()
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAPS = {
    "CaptureTaken": {"files"},
    "Doctor": {"anomalies", "by_action", "crossed_boundaries", "locked_boundaries"},
    "DryRun": {"left_out"},
    "ExperimentDone": {"left_out"},
    "GeneratedDays": {"left_out"},
    "OnlineReport": {"params"},
    "Origin": {"facts"},
    "PlannedDataset": {"overrides"},
    "Published": {"bytes"},
    "SpectrumHealth": {"flow_states", "states"},
    "VerifiedDataset": {"files"},
}
"""Members whose keys are data: names of files, dates, codes, actions, phases, parameters."""
ANYTHING = {"Parameter": {"default"}, "ResolvedField": {"value"}}
"""Members whose values are those of parameters and specs."""


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in DOCUMENT["$defs"].items():
        if "properties" in schema:
            yield name, schema


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if not getattr(command, "commands", None):
        yield " ".join(path), command
    for name, child in getattr(command, "commands", {}).items():
        yield from leaves(child, (*path, name))


def test_the_committed_document_is_not_stale() -> None:
    committed = (ROOT / "docs" / "json.schema.json").read_text(encoding="utf-8")
    assert committed == document_text(DOCUMENT), "stale; run: uv run vp schema > docs/json.schema.json"


def test_every_command_with_json_has_a_schema_and_no_other() -> None:
    with_json = {
        name
        for name, command in leaves(whole(app))
        if any({"--json", "--check"} & set(parameter.opts) for parameter in command.params)
    }
    assert set(PRINTED) == set(DOCUMENT["x-commands"]) == with_json


def test_every_key_is_snake_case() -> None:
    for name, schema in objects():
        for key in schema["properties"]:
            assert SNAKE_CASE.fullmatch(key), (name, key)


def test_keys_that_are_data_are_known() -> None:
    maps = {
        name: {key for key, of_key in schema["properties"].items() if '"object"' in json.dumps(of_key)}
        for name, schema in objects()
    }
    assert {name: keys for name, keys in maps.items() if keys} == MAPS
    anything = {name: {key for key, of_key in schema["properties"].items() if not of_key} for name, schema in objects()}
    assert {name: keys for name, keys in anything.items() if keys} == ANYTHING


def test_every_member_is_always_there_and_every_object_described() -> None:
    for name, schema in objects():
        assert schema["description"], name
        assert name == "Thresholds" or schema["required"] == list(schema["properties"]), name


def test_it_is_a_schema_and_so_is_that_of_each_command() -> None:
    assert jsonschema_rs.meta.is_valid(DOCUMENT)
    for command in PRINTED:
        own = schema_of_command(command)
        assert jsonschema_rs.meta.is_valid(own)
        jsonschema_rs.validator_for(own)  # finds all that it refers to
        assert f"#/$defs/{name_of(command)}" not in json.dumps(own)


def test_what_the_schema_does_not_have_fails() -> None:
    alias = {"alias": "desk", "serving_id": "one"}
    check("aliases move", alias)
    for wrong in (alias | {"more": 1}, {"alias": "desk"}, alias | {"alias": None}, alias | {"alias": "none"}, [alias]):
        with pytest.raises(AssertionError, match="aliases move"):
            check("aliases move", wrong)


def test_what_a_command_prints_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    arguments = ["aliases", "list", "--json", "--lake-root", str(tmp_path)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).stdout == "[]\n"
    checked = output.json_text
    monkeypatch.setattr(output, "json_text", lambda _: checked([{"alias": running_command()}]))
    with pytest.raises(AssertionError, match=r"aliases list.*serving_id.*is a required property"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_numbers_that_are_none_are_null_and_text_is_ascii() -> None:
    printed = json_text({"a": float("nan"), "b": [float("inf")], "c": Path("é"), "d": (1, 2.5), "e": "\x1b\u202e"})
    assert printed.isascii()
    assert json.loads(printed) == {"a": None, "b": [None], "c": "é", "d": [1, 2.5], "e": "\x1b\u202e"}


def test_vp_schema() -> None:
    done = CliRunner().invoke(app, ["schema"])
    assert (done.exit_code, done.stdout) == (0, document_text(DOCUMENT))
    done = CliRunner().invoke(app, ["schema", "aliases", "move"])
    assert json.loads(done.stdout) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vp aliases move",
        "$ref": "#/$defs/MovedAlias",
        "$defs": {"MovedAlias": DOCUMENT["$defs"]["MovedAlias"]},
    }
    done = CliRunner().invoke(app, ["schema", "serve"])
    assert done.exit_code == 1
    assert "command='serve': prints no JSON; these do: demo, doctor, import" in str(done.exception)


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    run_examples("docs/json.md", tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("printed")
    configs = write_configs(root / "configs")
    (configs / "campaigns").mkdir()
    campaign = "name: small\npipeline: small\naxes:\n  grid_radius_ticks: [5, 10]\n"
    (configs / "campaigns" / "small.yaml").write_text(campaign)
    import_market(Lake(root / "lake"), configs, write_small_market(root / "market.dbn.zst"))
    promote_small(Lake(root / "lake"), configs)
    return root


@pytest.fixture
def vp(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What a command prints with --json, read; in a copy of a lake with a promoted experiment."""
    for name in ("lake", "configs"):
        shutil.copytree(made / name, tmp_path / name)
        monkeypatch.setenv(f"VP_{'LAKE' if name == 'lake' else 'CONFIG'}_ROOT", str(tmp_path / name))
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)

    def run(*arguments: str, code: int = 0) -> Any:
        monkeypatch.setattr(sys, "argv", ["vp", *arguments, "--json"])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert (end.value.code or 0) == code, err
        return json.loads(out)

    return run


def test_doctor_of_a_pipeline(vp: Run, made: Path) -> None:
    found = vp("doctor", str(made / "market.dbn.zst"), "--pipeline", "small")
    assert found["capture"]["covered"]
    assert list(found["capture"]["files"]) == ["market.dbn.zst"]
    assert found["best_bid"]["price"] < found["best_ask"]["price"]
    assert found["longest_silence"]["s"] > 0
    assert len(found["ticks"]) == 2
    assert found["capture"]["window"][0].endswith("Z")


def test_doctor_of_a_book_without_a_side(vp: Run, made: Path) -> None:
    records = stream(record("A", "B", 100, 5, order_id=1), record("A", "B", 104, 6, order_id=2))
    path = write_dbn(made / "bids.dbn", records, metadata({"NEWZ9": 17077}))
    found = vp("doctor", str(path), "--tick-size", "0.25")
    assert (found["best_ask"], found["best_bid"]) == ({"price": None, "size": 0}, {"price": 26.0, "size": 6})


def test_datasets_and_campaigns(vp: Run, tmp_path: Path) -> None:
    found = vp("generate", "small")
    assert (found["made"], found["unsound_reasons"], found["ended_early"]) == (False, [], None)
    planned = vp("campaign", "small", "--dry-run")
    assert (planned["datasets"], planned["to_make"]) == (2, len([row for row in planned["plan"] if not row["exists"]]))
    assert [row["overrides"] for row in planned["plan"]] == [{"grid_radius_ticks": 5}, {"grid_radius_ticks": 10}]
    done = vp("campaign", "small")
    assert (done["datasets"], done["made"]) == (2, planned["to_make"])
    copied = vp("publish", found["dataset_id"], str(tmp_path / "copy"))
    assert "README.md" in copied["bytes"]
    manifest = Lake(tmp_path / "lake").dataset_dir(found["dataset_id"]) / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_text("{}")
    row = next(row for row in vp("list-datasets") if row["dataset_id"] == found["dataset_id"])
    assert (row["status"], row["pipeline"], row["bins"], row["created_utc"]) == ("damaged", None, None, None)
    assert row["problem"]


def test_specs_and_runs(vp: Run, tmp_path: Path) -> None:
    resolved = vp("config", "show", "small")
    assert {"field", "value", "from"} == set(resolved["fields"][0])
    assert vp("run", "small", "--dry-run")["runs"] == 4
    done = vp("run", "small")
    assert (done["computed"], done["mlflow"], done["left_out"], done["walk_forward"]) == (0, None, {}, None)
    run_id = ResultsStore(Lake(tmp_path / "lake")).runs()["run_id"][0]
    written = vp("trades", run_id, "--out", str(tmp_path / "trades.csv"))
    assert written["trades"] == len(vp("trades", run_id)) > 0
    assert all(row["days"] == [] for row in vp("compare", "--min-signals", "0"))
    assert vp("retire", run_id, "--reason", "test") == {"retired": [run_id], "reason": "test"}


def test_things_that_are_not_whole(vp: Run, tmp_path: Path) -> None:
    next((tmp_path / "lake" / "raw").rglob("*.dbn.zst")).unlink()
    found = vp("verify", "lake", code=1)
    assert found["missing"] == len([row for row in found["notable"] if row["state"] == "missing"]) > 0
