"""`vp warm-cache`: built once, found afterwards, and no byte of a dataset or a frame depends on it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.packages import ROOT

from vp_book.synthetic import write_market
from vp_cli.main import main
from vp_contract import RuntimeConfig, load_instrument
from vp_harness import Lake, generate, import_file
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import checkpoint_path, scored_bins, warm_checkpoint
from vp_stream.servings.feed import ReplayFeed

Run = Callable[..., tuple[int, str, str]]

PIPELINE = """
name: short
capture: {product_type: future_mbo, symbol: SYNM6, dt: 2026-02-06, start_time: "09:27", end_time: "09:28"}
pipeline: {n_absolute_ticks: 1024, grid_radius_ticks: 10}
"""


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("specs") / "configs"
    shutil.copytree(ROOT / "configs", root)
    (root / "pipelines" / "short.yaml").write_text(PIPELINE, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "day.dbn.zst"
    write_market(path, seed=11, minutes=3, date="2026-02-06", start="09:26")
    return path


@pytest.fixture
def lake(tmp_path: Path, configs: Path, market: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    import_file(lake, market, load_instrument(configs / "instrument.yaml"))
    return lake


@pytest.fixture
def config(configs: Path) -> RuntimeConfig:
    return pipeline_config("short", configs, configs / "instrument.yaml")


@pytest.fixture
def vp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lake: Lake, configs: Path) -> Run:
    """Run `vp` with arguments in the test's lake: (exit code, stdout, stderr)."""
    monkeypatch.setenv("VP_LAKE_ROOT", str(lake.root))
    monkeypatch.setenv("VP_CONFIG_ROOT", str(configs))
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)

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


def raw_of(lake: Lake) -> Path:
    return next(lake.raw_dir("future_mbo", "SYN").glob("*.zst"))


def frames(config: RuntimeConfig, raw: Path, cache: Path | None) -> list[tuple[str | bytes, ...]]:
    feed = ReplayFeed(config, raw, cache)
    return [tuple(feed.encode(item).frame) for item in feed.bins()]


def dataset_bytes(lake: Lake, dataset_id: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in lake.dataset_dir(dataset_id).glob("*.parquet")}


def test_it_is_built_once_and_found_afterwards(vp: Run, lake: Lake, config: RuntimeConfig) -> None:
    code, out, err = vp("warm-cache", "short", "--json")
    assert (code, err) == (0, "")
    first = json.loads(out)
    path = checkpoint_path(config, raw_of(lake), lake.book_cache_dir)
    assert first["built"]
    assert first["checkpoint"] == str(path)
    assert first["bytes"] == path.stat().st_size
    assert path.name.startswith("SYNM6_2026-02-06_")
    written = path.stat().st_mtime_ns
    again = json.loads(vp("warm-cache", "short", "--json")[1])
    assert not again["built"]
    assert path.stat().st_mtime_ns == written
    assert [file.name for file in lake.book_cache_dir.iterdir()] == [path.name]
    assert str(path.name) in vp("warm-cache", "short")[1].replace("\n", "")


def test_no_byte_of_a_dataset_or_a_frame_depends_on_it(lake: Lake, config: RuntimeConfig, tmp_path: Path) -> None:
    raw = raw_of(lake)
    cold_lake = Lake(tmp_path / "cold")
    cold = generate(config, cold_lake, source=raw)  # writes the checkpoint
    assert [path.suffix for path in cold_lake.book_cache_dir.iterdir()] == [".book"]
    warm_checkpoint(config, raw, lake.book_cache_dir)
    warm = generate(config, lake)
    assert warm == cold
    assert dataset_bytes(lake, warm) == dataset_bytes(cold_lake, cold)
    manifests = [json.loads((a.dataset_dir(warm) / "manifest.json").read_text()) for a in (lake, cold_lake)]
    assert manifests[0]["certificate"] == manifests[1]["certificate"]
    without = frames(config, raw, None)
    assert len(without) == 600
    assert frames(config, raw, lake.book_cache_dir) == without


def test_another_pipeline_has_another_checkpoint(lake: Lake, config: RuntimeConfig) -> None:
    raw = raw_of(lake)
    others = [
        config.replace(tau_velocity=1.0),
        config.replace(n_absolute_ticks=2048),
        config.replace(grid_radius_ticks=12),
        config.replace(start_time="09:26"),
        config.replace(bucket_size_dollars="0.50"),
    ]
    paths = {checkpoint_path(other, raw, lake.book_cache_dir) for other in [config, *others]}
    assert len(paths) == 6
    # what the book does not depend on is shared
    assert checkpoint_path(config.replace(flow_tanh_scale=9.0), raw, lake.book_cache_dir) in paths
    assert checkpoint_path(config.replace(cell_width_ms=50, end_time="09:29"), raw, lake.book_cache_dir) in paths
    os.utime(raw, ns=(0, 1))
    assert checkpoint_path(config, raw, lake.book_cache_dir) not in paths


def test_the_wrong_checkpoint_at_the_right_place_is_made_again(
    lake: Lake, config: RuntimeConfig, caplog: pytest.LogCaptureFixture
) -> None:
    raw, cache = raw_of(lake), lake.book_cache_dir
    other = config.replace(tau_velocity=1.0)
    path, built = warm_checkpoint(config, raw, cache)
    assert built
    good = path.read_bytes()
    foreign, _ = warm_checkpoint(other, raw, cache)
    shutil.copyfile(foreign, path)
    with caplog.at_level(logging.WARNING):
        assert warm_checkpoint(config, raw, cache) == (path, True)
    assert "differs in physics" in caplog.text
    assert path.read_bytes() == good


def test_a_checkpoint_serves_every_cell_width(lake: Lake, config: RuntimeConfig) -> None:
    raw = raw_of(lake)
    warm_checkpoint(config, raw, lake.book_cache_dir)
    wide = config.replace(cell_width_ms=500)
    pairs = zip(scored_bins(wide, raw), scored_bins(wide, raw, book_cache_dir=lake.book_cache_dir), strict=True)
    assert sum(a.fields == b.fields for a, b in pairs) == 120
    assert len(list(lake.book_cache_dir.iterdir())) == 1


def test_a_file_that_ends_before_the_capture_is_told(vp: Run, configs: Path) -> None:
    late = PIPELINE.replace("name: short", "name: late").replace("09:27", "09:47").replace("09:28", "09:48")
    (configs / "pipelines" / "late.yaml").write_text(late, encoding="utf-8")
    code, out, err = vp("warm-cache", "late")
    assert (code, out) == (1, "")
    assert "knows the market only to 2026-02-06T14:29:00Z" in err
    assert err.count("\n") == 1


def test_without_the_raw_file_or_the_pipeline(vp: Run, lake: Lake) -> None:
    assert "no spec 'nothing'" in vp("warm-cache", "nothing")[2]
    raw_of(lake).unlink()
    code, _, err = vp("warm-cache", "short")
    assert code == 1
    assert "vp import" in err


def test_a_cache_that_cannot_be_written_stops_nothing_but_warming(
    vp: Run, lake: Lake, config: RuntimeConfig, caplog: pytest.LogCaptureFixture
) -> None:
    lake.book_cache_dir.parent.mkdir(parents=True)
    lake.book_cache_dir.write_text("a file where the directory should be")
    with caplog.at_level(logging.WARNING):
        assert next(scored_bins(config, raw_of(lake), book_cache_dir=lake.book_cache_dir)).fields["bin_seq"] == 0
    assert "cannot be written" in caplog.text
    code, _, err = vp("warm-cache", "short")
    assert code == 1
    assert "cannot be written" in err
