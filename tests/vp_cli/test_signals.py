"""`vp list-signals`, `vp online-sim` and `vp analyze`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.small_lake import import_market, write_configs, write_small_market

from vp_cli.main import main
from vp_harness import Dataset, Lake, generate, signals
from vp_harness.analysis import directional_regimes, projection_tries, spectrum_health


class Command:
    """`vp` in a lake that holds a dataset."""

    def __init__(self, folder: Path) -> None:
        configs = write_configs(folder / "configs")
        lake = Lake(folder / "lake")
        import_market(lake, configs, write_small_market(folder / "session.mbo.dbn.zst"))
        self.root = lake.root
        self.dataset_id = generate("small", lake, config_root=configs)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("cli"))


@pytest.fixture
def vp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: Command) -> Any:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("VP_LAKE_ROOT", str(there.root))
        monkeypatch.setattr(sys, "argv", ["vp", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_every_signal_is_listed_with_what_it_reads_and_takes(vp: Any) -> None:
    code, out, _ = vp("list-signals", "--json")
    assert code == 0
    rows = {row["signal"]: row for row in json.loads(out)}
    assert set(rows) == set(signals.names())
    ofi = rows["ofi"]
    assert (ofi["group"], ofi["kind"], ofi["package"]) == ("baseline", "signed", "vp-harness")
    assert ofi["columns"] == ["bid_depth", "ask_depth"]
    assert ofi["fields"] == ["best_bid_price_int", "best_ask_price_int", "spot_ref_price_int"]
    window = next(parameter for parameter in ofi["parameters"] if parameter["name"] == "window_bins")
    assert window == {
        "name": "window_bins",
        "type": "int",
        "default": 10,
        "unit": "bins",
        "meaning": "bins whose flow is summed",
        "allowed": ">= 1, <= 100000",
    }
    assert ofi["thresholds"] == {"values": [0.2, 0.35, 0.5, 0.65, 0.8]}
    assert [part["name"] for part in ofi["detail"]] == ["flow", "z"]
    assert rows["msd"]["thresholds"] == {"quantiles": [0.5, 0.7, 0.8, 0.9, 0.95, 0.99], "calibration_share": 0.1}
    assert rows["derivative"]["group"] == "statistical"


def test_the_list_as_a_person_reads_it(vp: Any) -> None:
    code, out, _ = vp("list-signals")
    assert code == 0
    for name in signals.names():
        assert name in out
    assert "window_bins" in out
    assert "quantiles 0.5, 0.7, 0.8, 0.9, 0.95, 0.99 of the first 10%" in out


def test_a_plug_in_that_cannot_be_imported_leaves_the_others(vp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    entry = EntryPoint("broken", "no_such_module:Signal", signals.ENTRY_POINT_GROUP)
    monkeypatch.setattr(signals, "entry_points", lambda group: [entry])
    code, out, _ = vp("list-signals", "--json")
    assert code == 0
    row = next(row for row in json.loads(out) if row["signal"] == "broken")
    assert "no_such_module" in row["about"]
    assert vp("list-signals")[0] == 0


def test_what_lacks_its_extra_is_listed_with_what_to_install(vp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    code, out, _ = vp("list-signals", "--json")
    assert code == 0
    rows = {row["signal"]: row for row in json.loads(out)}
    assert set(rows) == set(signals.names())
    assert rows["svm_sp"]["group"] == rows["gbm_mf"]["group"] == "learned"
    assert "pip install 'vp-harness[ml]'" in rows["svm_sp"]["about"]
    assert rows["gbm_mf"]["kind"] == "probability"
    code, out, err = vp("online-sim", "--signal", "svm_sp", "--dataset-id", "any")
    assert (code, out) == (1, "")
    assert "pip install 'vp-harness[ml]'" in err
    assert err.count("\n") == 1


def test_online_sim_measures_refits_apart(vp: Any, there: Command) -> None:
    arguments = ("online-sim", "--signal", "knn_cl", "--dataset-id", there.dataset_id, "--param", "tp_ticks=1")
    code, out, _ = vp(*arguments, "--param", "sl_ticks=1", "--param", "train_from_bins=600", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["refits"]["bins"] == 5
    assert report["steps"]["bins"] == 1795


def test_online_sim_measures_every_bin(vp: Any, there: Command) -> None:
    code, out, _ = vp("online-sim", "--signal", "ads", "--dataset-id", there.dataset_id, "--json")
    assert code == 0
    report = json.loads(out)
    assert report["dataset_id"] == there.dataset_id
    assert (report["rows"], report["bin_budget_ms"]) == (21, 100.0)
    steps = report["steps"]
    assert steps["bins"] == 1800
    assert 0 < steps["p50_ms"] <= steps["p95_ms"] <= steps["p99_ms"] <= steps["p99_9_ms"] <= steps["max_ms"]
    assert report["refits"] == dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms")) | {"bins": 0}
    assert report["first_step_ms"] > 0
    assert report["peak_rss_mb"] > 10


def test_online_sim_counts_the_bins_over_budget(vp: Any, there: Command) -> None:
    arguments = ("online-sim", "--signal", "msd", "--dataset-id", there.dataset_id, "--param", "variant=sum")
    code, out, _ = vp(*arguments, "--bin-budget-ms", "1e-6", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["over_budget"] == 1800
    assert report["params"] == {"variant": "sum"}
    code, out, _ = vp(*arguments, "--bin-budget-ms", "60000")
    assert code == 0
    assert "bins over budget" in out
    assert "p99_9_ms" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--signal", "adz"), "no signal 'adz'"),
        (("--signal", "ads", "--param", "windw=3"), "no parameter 'windw'"),
        (("--signal", "ads", "--param", "fast_window_bins"), "NAME=VALUE"),
        (("--signal", "ads", "--param", "fast_window_bins=x"), "fast_window_bins"),
        (("--signal", "ads", "--bin-budget-ms", "0"), "bin_budget_ms=0.0: must be above 0"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_a_line(
    vp: Any, there: Command, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = vp("online-sim", "--dataset-id", there.dataset_id, *arguments)
    assert (code, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1
    code, out, err = vp("online-sim", "--dataset-id", "absent", "--signal", "ads")
    assert (code, out) == (1, "")
    assert "no dataset 'absent'" in err


def test_analyze_says_what_the_library_finds(vp: Any, there: Command) -> None:
    dataset = Dataset.open(there.root, there.dataset_id)
    code, out, _ = vp("analyze", "spectrum", there.dataset_id, "--json")
    assert (code, json.loads(out)) == (0, msgspec.to_builtins(spectrum_health(dataset)))
    code, out, _ = vp("analyze", "regimes", there.dataset_id, "--json")
    assert (code, json.loads(out)) == (0, msgspec.to_builtins(directional_regimes(dataset)))
    code, out, _ = vp("analyze", "projection", there.dataset_id, "--json")
    assert (code, json.loads(out)) == (0, msgspec.to_builtins(projection_tries(dataset)))


def test_analyze_in_words(vp: Any, there: Command) -> None:
    code, out, _ = vp("analyze", "spectrum", there.dataset_id)
    assert code == 0
    assert "projected scores against those that came" in out
    code, out, _ = vp("analyze", "regimes", there.dataset_id, "--band", "4", "--window", "50")
    assert code == 0
    assert len(out.strip().splitlines()) == 3
    code, out, _ = vp("analyze", "projection", there.dataset_id)
    assert code == 0
    assert out.count("served") == 1
    assert "no change" in out


def test_analyze_refuses_in_a_line(vp: Any, there: Command) -> None:
    for arguments, says in (
        (("spectrum", "nothing__there__00000000"), "nothing__there__00000000"),
        (("regimes", there.dataset_id, "--band", "0"), "bands=0"),
        (("regimes", there.dataset_id, "--threshold", "7"), "threshold=7"),
    ):
        code, _, err = vp("analyze", *arguments)
        assert code == 1
        assert says in err
        assert len(err.strip().splitlines()) == 1
