"""The real session the whole way: import, dataset, experiment, promotion, stream, page."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.browser import draws, need_browser
from support.packages import ROOT
from support.real_session import real_session

from vp_cli.main import main
from vp_cli.page import built_page
from vp_cli.probe import probe
from vp_harness import Dataset, ResultsStore, compare, list_datasets, open_lake
from vp_stream import StreamSettings, start_in_background

pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.browser]


def vp(*arguments: str) -> None:
    sys.argv = ["vp", *arguments]
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code, arguments


def test_from_the_file_to_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_browser()
    lake, configs = tmp_path / "lake", tmp_path / "configs"
    shutil.copytree(ROOT / "configs", configs)
    monkeypatch.setattr(sys, "argv", [])  # put back at the end
    monkeypatch.setenv("VP_LAKE_ROOT", str(lake))
    monkeypatch.setenv("VP_CONFIG_ROOT", str(configs))
    monkeypatch.setenv("VP_INSTRUMENT_CONFIG_PATH", str(configs / "instruments" / "esh4.yaml"))
    vp("import", str(real_session()))
    vp("generate", "esh4_reopen")
    (dataset_id,) = list_datasets(lake)
    vp("verify", "dataset", dataset_id)
    dataset = Dataset.open(lake, dataset_id)
    assert dataset_id.startswith("esh4_20231225_1745_1855__esh4_reopen__")
    assert dataset.sound
    bins = dataset.bins
    assert len(bins) == 42_000
    assert bins["trade_count"].sum() > 2_800
    # invalid exactly while the book is crossed before the open, and one auction later valid for good
    after_open = bins.filter(pl.col("bin_start_ns") >= 1703545201 * 10**9)
    assert after_open["book_valid"].all()
    mids: Any = after_open["mid_price"]
    assert mids.min() >= 4799
    assert mids.max() <= 4812
    vp("run", "esh4_reopen")
    best = compare(ResultsStore(open_lake(lake)), experiment="esh4_reopen").row(0, named=True)
    vp("promote", "esh4_reopen", "--run-id", best["run_id"], "--alias", "esh4", "--accept-unproven", "--reason", "test")
    vp("verify", "serving", "esh4")
    settings = StreamSettings(
        lake_root=lake, config_root=configs, web_root=built_page(ROOT / "configs"), port=0, speed=20.0
    )
    with start_in_background(settings) as server:
        page = draws(f"{server.url}/?serving=esh4", tmp_path / "real.png", bins=300, timeout_s=240)
    assert page["unreadable"] == 0
    assert page["invalid"] >= 300  # 17:45 is before the open: an invalid book, and drawn as one
    # without a schedule nothing is ever late, so no bin is skipped
    fast = StreamSettings(lake_root=lake, config_root=configs, web_root=settings.web_root, port=0, speed=math.inf)
    with start_in_background(fast) as server:
        seen = probe(server.url, "esh4", 9_500, lake, best["dataset_id"])
    assert seen.bins_valid > 0
    vp("verify", "lake")
