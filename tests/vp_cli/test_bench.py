"""The tiled session that benchmarks run on is a sound one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vp_book import BookEngine, Instrument, open_dbn
from vp_book.synthetic import write_market
from vp_cli.bench.bin import measure as measure_bins
from vp_cli.bench.book import measure, tile


def test_every_id_of_every_tile_can_be_resolved(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn"
    write_market(path, seed=3, minutes=1)
    session = np.concatenate(list(open_dbn(path)))
    tiled = tile(session, 3 * len(session))
    assert len(tiled) == 3 * (len(session) + 1)
    engine = BookEngine(Instrument("SYNM6"))
    engine.apply(tiled)
    certificate = engine.certificate()
    assert certificate["ok"]
    assert certificate["anomalies"]["unknown_cancel"] == certificate["anomalies"]["unknown_modify"] == 0
    assert certificate["anomalies"]["clock_backwards"] == 0


def test_measure_reports_every_stage(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=3, minutes=1)
    result = measure(path, records=1000, repeat=1)
    assert [row["stage"] for row in result["rows"]] == [
        "decode .dbn",
        "decode .dbn.zst",
        "book + attribution",
        "book + attribution + physics",
    ]
    assert all(row["million records/s"] > 0 for row in result["rows"])
    assert result["certificate conserved"]


def test_bin_reports_every_stage_for_every_radius(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=3, minutes=1)
    result = measure_bins(bins=50, radii=[10, 20], file=path)
    assert list(result["tables"]) == ["market.dbn.zst, radius 10", "market.dbn.zst, radius 20"]
    for rows in result["tables"].values():
        assert [row["stage"] for row in rows] == ["close", "spectrum", "codes", "derivative", "whole bin"]
        assert all(0 < row["p50"] <= row["p99"] <= row["max"] for row in rows)
