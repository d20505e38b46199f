"""Research and serving show the same numbers: what the stream sends is, to the bit, what the dataset holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.packages import ROOT
from support.real_session import real_session

from vp_book.synthetic import write_market
from vp_contract import RuntimeConfig, decode_grid, grid_columns, load_chain
from vp_harness import Dataset, generate
from vp_harness.execution.pipeline import scored_bins
from vp_stream.servings.feed import ReplayFeed


def resolved(monkeypatch: pytest.MonkeyPatch, instrument: str, pipeline: str, **changes: object) -> RuntimeConfig:
    monkeypatch.setenv("VP_INSTRUMENT_CONFIG_PATH", str(ROOT / "configs" / instrument))
    return load_chain(ROOT / "configs", pipeline=pipeline).config.replace(**changes)


def assert_same(config: RuntimeConfig, source: Path, lake: Path) -> None:
    dataset = Dataset.open(lake, generate(config, lake, source=source))
    names = list(dataset.columns)
    assert set(names) == {field.name for field in grid_columns(config.projection_horizons_ms)} - {"k"}
    streamed = {name: hashlib.sha256() for name in names}
    dtypes: dict[str, np.dtype] = {}
    feed = ReplayFeed(config, source)
    times = []
    for item in feed.bins():
        sent = feed.encode(item)
        grid = decode_grid(sent.frame.grid)
        for name in names:
            dtypes[name] = grid[name].dtype
            # + 0 makes a stored zero and a minus zero the same, which no comparison of numbers tells apart either
            streamed[name].update(np.ascontiguousarray(grid[name] + 0).tobytes())
        times.append(int(msgspec.json.decode(sent.frame.update)["ts_ns"]))
    assert times == dataset.bins["ts_ns"].to_list()
    for name in names:
        stored = np.ascontiguousarray(dataset.grid(name).astype(dtypes[name]) + 0)
        assert streamed[name].hexdigest() == hashlib.sha256(stored.tobytes()).hexdigest(), name


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.dbn.zst"
    write_market(path, seed=11, minutes=6, start="09:24")
    return path


def test_a_synthetic_day_through_a_clear(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolved(monkeypatch, "instrument.yaml", "demo", start_time="09:28", end_time="09:30")
    assert_same(config, market, tmp_path)


def test_a_synthetic_day_with_recenterings(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the smallest range there is recenters whenever spot has moved by a few ticks
    config = resolved(
        monkeypatch, "instrument.yaml", "demo", start_time="09:25", end_time="09:28", n_absolute_ticks=618
    )
    moves = [scored.shift_cells for scored in scored_bins(config, market)]
    assert any(moves)
    assert_same(config, market, tmp_path)


@pytest.mark.real_data
def test_the_real_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolved(monkeypatch, "instruments/esh4.yaml", "esh4_reopen", start_time="17:55", end_time="18:10")
    assert_same(config, real_session(), tmp_path)


def test_bins_after_a_time_never_change_those_before(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(end: str) -> list[tuple[Mapping[str, Any], bytes]]:
        config = resolved(monkeypatch, "instrument.yaml", "demo", start_time="09:26", end_time=end)
        pairs = []
        for scored in scored_bins(config, market):
            pairs.append((scored.fields, b"".join(column.tobytes() for column in scored.cells.values())))
        return pairs

    short, long = first("09:27"), first("09:28")
    for (fields_a, scores_a), (fields_b, scores_b) in zip(short, long[: len(short)], strict=True):
        assert fields_a == fields_b
        assert scores_a == scores_b
