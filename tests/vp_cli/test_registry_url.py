"""A registry elsewhere: whatever says where it is, every command means that one, and the lake has none of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.small_lake import import_market, write_configs, write_small_market
from typer.testing import CliRunner

from vp_cli.main import app
from vp_harness import Lake, ResultsStore, compare, run_experiment


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("elsewhere")
    lake, configs = Lake(folder / "lake"), write_configs(folder / "configs")
    import_market(lake, configs, write_small_market(folder / "market.dbn.zst"))
    run_experiment("small", lake, config_root=configs)
    return lake.root, configs


@pytest.mark.parametrize("by", ["variable", "option"])
def test_every_command_takes_the_registry_it_is_told(
    roots: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    lake, configs = roots
    for published in (configs / "serving_versions").iterdir():
        published.unlink()
    url = f"sqlite:///{(tmp_path / 'registry.sqlite').as_posix()}"
    if by == "variable":
        monkeypatch.setenv("VP_REGISTRY_URL", url)

    def vp(*arguments: str, told: bool = True) -> Any:
        options = ["--lake-root", str(lake), "--config-root", str(configs), "--json"]
        options += ["--registry-url", url] if by == "option" and told else []
        done = CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert vp("aliases", "list") == []
    rows = compare(ResultsStore(Lake(lake)), experiment="small", min_signals=0).to_dicts()
    first = rows[0]
    other = next(row for row in rows if row["run_id"] != first["run_id"])
    for row in (first, other):
        promoted = [
            "promote",
            "small",
            "--run-id",
            row["run_id"],
            "--alias",
            "desk",
            "--accept-unproven",
            "--reason",
            "test",
        ]
        vp(*promoted, "--threshold", str(row["threshold"]))
    (listed,) = vp("aliases", "list")
    events = vp("aliases", "history", "desk")
    assert [event["to"] for event in events] == [events[1]["from"], listed["serving_id"]]
    assert vp("aliases", "rollback", "desk")["serving_id"] == events[0]["to"]
    vp("aliases", "move", "desk", events[1]["to"], "--expected", events[0]["to"])
    assert vp("verify", "serving", "desk")["serving_id"] == events[1]["to"]
    assert not Lake(lake).registry_path.exists()
    if by == "variable":  # what reads a whole lake is told by the variable alone
        assert {"kind": "serving", "count": 2} in vp("verify", "lake", told=False)["whole"]
        assert vp("list-datasets", told=False)[0]["aliases"] == ["desk"]
