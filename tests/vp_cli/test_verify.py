"""`vp verify` and `vp aliases` on a real lake: what is wrong is said by name, with exit code 1."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.forging import edit_prices
from support.small_lake import import_market, promote_small, write_configs, write_small_market

from vp_cli.main import main
from vp_harness import Lake, ResultsStore, open_registry, promote

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("original")
    lake, configs = Lake(root / "lake"), write_configs(root / "configs")
    import_market(lake, configs, write_small_market(root / "market.dbn.zst"))
    promote_small(lake, configs)
    return root


@pytest.fixture
def lake(original: Path, tmp_path: Path) -> Lake:
    shutil.copytree(original / "lake", tmp_path / "lake")
    shutil.copytree(original / "configs", tmp_path / "configs")
    return Lake(tmp_path / "lake")


@pytest.fixture
def vp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("VP_LAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("VP_CONFIG_ROOT", str(tmp_path / "configs"))

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


def dataset_of(lake: Lake) -> str:
    (directory,) = lake.datasets_dir.iterdir()
    return directory.name


def test_a_whole_lake(vp: Run, lake: Lake) -> None:
    code, out, _ = vp("verify", "lake", "--json", "--frames")
    found = json.loads(out)
    assert (code, found["damaged"], found["missing"], found["notable"]) == (0, 0, 0, [])
    assert found["registry"].startswith("1 events, the last is ")
    code, out, _ = vp("verify", "lake")
    assert code == 0
    assert found["registry"] in out
    code, out, _ = vp("verify", "dataset", dataset_of(lake), "--json")
    proof = json.loads(out)
    assert (code, proof["verified"], proof["frames"]) == (0, True, "recomputed")
    assert (proof["bins"], proof["in_ledger"], proof["runs"], proof["servings"]) == (1800, 1, 4, 1)


def test_what_is_missing_is_named_with_exit_code_1(vp: Run, lake: Lake, tmp_path: Path) -> None:
    """Each of these was exit code 0 and not a word."""
    taken: list[Path] = [
        sorted((lake.results_dir / "runs.parquet").iterdir())[0],
        lake.dataset_dir(dataset_of(lake)),
        next((lake.root / "raw").rglob("*.dbn.zst")),
        lake.registry_path,
        next((tmp_path / "configs" / "serving_versions").glob("*.yaml")),
    ]
    for path in taken:
        elsewhere = tmp_path / "taken"
        path.rename(elsewhere)
        code, out, err = vp("verify", "lake")
        assert code == 1
        name = path.stem if path.suffix == ".yaml" else path.name
        assert name in out
        assert name in err
        assert "missing" in out
        elsewhere.rename(path)
    assert vp("verify", "lake")[0] == 0


def test_an_edited_dataset(vp: Run, lake: Lake) -> None:
    dataset_id = dataset_of(lake)
    edit_prices(lake, dataset_id)
    code, out, err = vp("verify", "dataset", dataset_id)
    assert (code, out) == (1, "")
    assert "bins.parquet is not the one that its entry in the ledger was made with" in err
    run_id = ResultsStore(lake).runs()["run_id"][0]
    for arguments in (
        ("run", "small"),
        ("promote", "small", "--run-id", run_id, "--alias", "x", "--accept-unproven", "--reason", "test"),
        ("generate", "small"),
        ("verify", "serving", "small"),
        ("verify", "lake"),
    ):
        code, _, err = vp(*arguments)
        assert code == 1, arguments
        assert dataset_id in err


def test_reading_makes_nothing(vp: Run, tmp_path: Path) -> None:
    write_configs(tmp_path / "configs")
    for arguments in (("aliases", "list"), ("verify", "lake"), ("list-datasets",), ("compare",)):
        assert vp(*arguments)[0] == 0
    assert not (tmp_path / "lake").exists()


def test_every_command_that_asks_the_registry_takes_its_address(vp: Run, lake: Lake, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite"
    elsewhere.write_bytes(lake.registry_path.read_bytes())
    lake.registry_path.unlink()
    there = "--registry-url", f"sqlite:///{elsewhere.as_posix()}"
    dataset_id = dataset_of(lake)
    assert [row["aliases"] for row in json.loads(vp("list-datasets", "--json", *there)[1])] == [["small"]]
    assert json.loads(vp("verify", "dataset", dataset_id, "--json", *there)[1])["servings"] == 1
    assert vp("verify", "lake", *there)[0] == 0
    code, _, err = vp("verify", "lake")
    assert code == 1
    assert "serving_registry.sqlite" in err


def test_history_shows_what_the_clocks_said_in_the_order_of_events(
    vp: Run, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = tmp_path / "configs"
    with closing(open_registry(lake, configs)) as registry:
        one = registry.resolve("small")
        other = next(id_ for id_ in ResultsStore(lake).runs()["run_id"] if id_ != one.spec.source.run_id)
        two = promote(other, "other", lake, config_root=configs, accept_unproven=True, reason="test", threshold=0.05)
        ids: list[str | None] = [None, one.serving_id, two.serving_id, one.serving_id]
        times = ["2026-02-06T15:00:00.000000Z", "2099-01-01T00:00:00.000000Z", "2026-02-06T15:10:00.000000Z"]
        for before, to, clock in zip(ids, ids[1:], times, strict=False):
            monkeypatch.setattr("vp_registry.registry._now_text", lambda clock=clock: clock)
            registry.move("desk", str(to), expected=before, actor="[/ann]", reason="[/desk]")
    code, out, err = vp("aliases", "history", "desk")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[2:]] == times
    assert out.count("[/ann]") == out.count("[/desk]") == 3
    assert err == "event 4 is dated after event 5, which came after it: a clock was wrong\n"
    assert len(json.loads(vp("aliases", "history", "desk", "--at", "2026-02-06T15:05", "--json")[1])) == 1
    rows = json.loads(vp("aliases", "history", "desk", "--at", "2026-02-06T15:10", "--json")[1])
    assert [row["time"] for row in rows] == times
    assert [row["seq"] for row in rows] == [3, 4, 5]
    assert all(len(row["digest"]) == 64 for row in rows)
