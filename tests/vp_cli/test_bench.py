"""What `vp bench` measures: the tiled session is sound, every stage is there, and who has no checkout is told so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.printed import check
from typer.testing import CliRunner

from vp_bench import BenchError
from vp_bench.bin import measure as measure_bins
from vp_bench.book import measure, tile
from vp_bench.peers import INSTALL, PEERS
from vp_bench.plain_book import PlainBook
from vp_book import BookEngine, Instrument, open_dbn
from vp_book.records import F_LAST
from vp_book.synthetic import write_market
from vp_cli.commands import bench
from vp_cli.errors import CliError
from vp_cli.main import app


def test_every_id_of_every_tile_can_be_resolved(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn"
    write_market(path, seed=3, minutes=1)
    session = np.concatenate(list(open_dbn(path)))
    tiled = tile(session, 3 * len(session))
    assert len(tiled) == 3 * (len(session) + 1)
    engine = BookEngine(Instrument("SYNM6", "0.25"))
    engine.apply(tiled)
    certificate: Any = engine.certificate()
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
    assert all(row["million_records_per_s"] > 0 for row in result["rows"])
    assert result["certificate_conserved"]
    check("bench book", result)


def test_peers_stand_beside_our_book_or_say_how_to_install_them(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=3, minutes=1)
    result = measure(path, records=1000, repeat=1)
    check("bench book", result)
    rows = result["peers"]
    assert [row["peer"] for row in rows] == [peer.name for peer in PEERS]
    for peer, row in zip(PEERS, rows, strict=True):
        if peer.installed:
            assert row["million_records_per_s"] > 0
            assert row["speedup"] > 0
            assert row["same_bbo"] is (None if peer.stage.startswith("decode") else True)
            assert row["install"] is None
        else:
            assert row["install"] == INSTALL
    assert measure(path, records=1000, repeat=1, with_peers=False)["peers"] == []


def test_the_plain_book_has_our_quote_at_every_boundary(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn"
    write_market(path, seed=5, minutes=1)
    plain, engine = PlainBook(), BookEngine(Instrument("SYNM6", "0.25"))
    names = ("action", "side", "order_id", "price", "size", "flags")
    records = np.concatenate(list(open_dbn(path)))[:4000]
    for at, row in enumerate(zip(*(records[name].tolist() for name in names), strict=True)):
        plain.apply([row])
        engine.apply(records[at : at + 1])
        if row[5] & F_LAST:
            assert plain.bbo == engine.bbo(), at


def test_bin_reports_every_stage_for_every_radius(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=3, minutes=1)
    result = measure_bins(bins=50, radii=[10, 20], file=path)
    check("bench bin", result)
    found = [(table["session"], table["radius"]) for table in result["tables"]]
    assert found == [("market.dbn.zst", 10), ("market.dbn.zst", 20)]
    for table in result["tables"]:
        assert [row["stage"] for row in table["stages"]] == ["close", "spectrum", "codes", "derivative", "whole bin"]
        assert all(0 < row["p50_us"] <= row["p99_us"] <= row["max_us"] for row in table["stages"])


def test_the_command_prints_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=3, minutes=1)
    arguments = ["bench", "bin", str(path), "--bins", "50", "--radius", "10"]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    assert [table["radius"] for table in json.loads(done.stdout)["tables"]] == [10]
    shown = CliRunner().invoke(app, arguments).stdout
    assert "whole bin" in shown
    assert "market.dbn.zst, radius 10" in shown


def test_without_a_checkout_it_says_where_the_measuring_code_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_BENCHMARKS", tmp_path)
    with pytest.raises(CliError, match="folder benchmarks of a checkout; run `uv run vp bench` there"):
        CliRunner().invoke(app, ["bench", "bin"], catch_exceptions=False)


def test_a_session_that_is_too_short_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=3, minutes=1)
    monkeypatch.setattr("vp_bench.bin._WARM_BINS", 1000)
    with pytest.raises(BenchError, match="it has 599 bins of 100 ms; more than 1000 are needed"):
        measure_bins(bins=50, radii=[10], file=path)
    with pytest.raises(CliError, match="more than 1000 are needed"):
        CliRunner().invoke(app, ["bench", "bin", str(path)], catch_exceptions=False)
