"""`vp warm-stream`, `vp bench stream` and the fleet, on a small lake with a promoted serving."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.packages import ROOT
from support.printed import check
from support.small_lake import import_market, promote_small, write_configs, write_small_market
from typer.testing import CliRunner

from vp_bench.stream import measure
from vp_cli.main import app
from vp_harness import Lake, ResultsStore, compare, promote
from vp_stream import Refusal
from vp_stream.servings.published import LakeCatalogue

BINS = 3 * 60 * 10


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("stream")
    lake, configs = Lake(folder / "lake"), write_configs(folder / "configs")
    import_market(lake, configs, write_small_market(folder / "market.dbn.zst"))
    promote_small(lake, configs)
    return lake.root, configs


def warm(roots: tuple[Path, Path]) -> dict[str, object]:
    arguments = ["warm-stream", "small", "--lake-root", str(roots[0]), "--config-root", str(roots[1]), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def test_a_log_is_made_once(roots: tuple[Path, Path]) -> None:
    LakeCatalogue(Lake(roots[0]), roots[1]).open("small").run.path.unlink(missing_ok=True)
    first, second = warm(roots), warm(roots)
    assert (first["built"], second["built"]) == (True, False)
    assert (first["bins"], first["alias"]) == (BINS, "small")
    assert first["bytes"] == second["bytes"] == Path(str(first["frame_log"])).stat().st_size


def test_an_unknown_serving_is_named(roots: tuple[Path, Path]) -> None:
    arguments = ["warm-stream", "smal", "--lake-root", str(roots[0]), "--config-root", str(roots[1])]
    with pytest.raises(Refusal, match="'smal', known aliases: small"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_bench_stream_reports_encoding_and_every_kind_of_start(roots: tuple[Path, Path]) -> None:
    result = measure(*roots, "small", bins=50, repeat=1)
    assert [row["stage"] for row in result["encoding"]] == ["JSON", "Arrow IPC", "whole frame"]
    check("bench stream", result)
    assert all(0 < row["p50_us"] <= row["p99_us"] <= row["max_us"] for row in result["encoding"])
    assert result["bytes_per_bin"] > 1000
    kinds = ["nothing kept", "warm book checkpoint", "finished frame log"]
    assert [row["state"] for row in result["start"]] == kinds
    assert all(0 < row["runtime_config_ms"] <= row["first_bin_ms"] for row in result["start"])


@pytest.mark.slow
def test_a_small_fleet_gets_every_bin(roots: tuple[Path, Path]) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "fleet"), "--serving", "small", "--seconds", "6", "--cold"]
    command += ["--lake-root", str(roots[0]), "--config-root", str(roots[1])]
    command += ["--good", "10", "--stalled", "4", "--churn", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["good"]["clients"], seen["good"]["alive_at_the_end"]) == (10, 10)
    assert (seen["good"]["missing"], seen["good"]["torn"]) == (0, 0)
    assert seen["good"]["fewest_bins_of_a_client"] + seen["good"]["skipped"] > 20
    assert (seen["stalled"]["missing"], seen["stalled"]["torn"]) == (0, 0)
    assert seen["churn"]["connections"] >= 3
    assert (seen["churn"]["missing"], seen["churn"]["torn"], seen["churn"]["failed"]) == (0, 0, [])
    assert seen["server"]["rss_mb"]["most"] > 50


@pytest.mark.slow
def test_a_short_soak_leaves_the_server_as_it_was(roots: tuple[Path, Path]) -> None:
    lake, configs = Lake(roots[0]), roots[1]
    served = LakeCatalogue(lake, configs).published("small").source.run_id
    rows = compare(ResultsStore(lake), experiment="small", min_signals=0).iter_rows(named=True)
    other = next(row for row in rows if row["run_id"] != served)
    promote(
        other["run_id"],
        "visited",
        lake,
        config_root=configs,
        threshold=other["threshold"],
        accept_unproven=True,
        reason="test",
    )
    command = [sys.executable, str(ROOT / "benchmarks" / "fleet" / "soak.py"), "--minutes", "0.1", "--every", "6"]
    command += ["--before", "1", "--settle", "1", "--clients", "20", "--serving", "small", "--serving", "visited"]
    command += ["--lake-root", str(roots[0]), "--config-root", str(roots[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["exit_code"] == 0
    assert (seen["missing"], seen["torn"]) == (0, 0)
    assert seen["streams"]["steady"] == 18
    assert seen["streams"]["visits_with_an_engine"] >= 1
    assert seen["streams"]["came_and_went"] > 1
    for name, held in seen["held"].items():
        assert held["end"] <= held["start"] < seen["most_held"][name] or name == "threads", seen
    assert seen["held"]["threads"]["end"] <= seen["held"]["threads"]["start"], seen
