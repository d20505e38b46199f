"""Bins: their clock, their warm-up, their windows, the moving range, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bin_oracle import oracle_bins, volumes_of_rows
from support.book_oracle import OracleBook, tick_state
from support.records import SNAPSHOT, T0, TICK, nonsense, record, stream

from vp_book import CELL_COLUMNS, BookEngine, Instrument, ParameterError, Physics, replay

MS = 1_000_000
INSTRUMENT = Instrument("TEST", "0.25")
SMALL: dict[str, Any] = {"n_absolute_ticks": 1024, "grid_radius_ticks": 10}


def two_sided(ts: int = 0, tick: int = 20_000, flags: int = 128) -> list[np.void]:
    return [
        record("A", "B", tick - 1, 5, order_id=1, ts=ts, flags=flags & ~128),
        record("A", "A", tick + 1, 7, order_id=2, ts=ts, flags=flags),
    ]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), width_ms=st.sampled_from([1, 7, 100]))
def test_bins_are_the_oracles(seed: int, width_ms: int) -> None:
    records = nonsense(seed, 300, wild=0)
    start, width = T0 + 100 * MS, width_ms * MS
    last = int(records["ts_recv"][records["ts_recv"] < 2**62].max())
    end = min(T0 + 800 * MS, start + (1 + (last - start) // width) * width)  # no bin beyond that of the last record
    oracle = OracleBook()
    expected = oracle_bins(records, oracle, start, width, end)
    bins = replay([records], INSTRUMENT, cell_width_ms=width_ms, start_ns=start, end_ns=end)
    for bin_, fields in zip(bins, expected, strict=True):
        assert {name: bin_.fields[name] for name in fields} == fields
        if spot := bin_.fields["spot_ref_price_int"]:
            for side, name in (("B", "buy_volume"), ("A", "sell_volume")):
                assert bin_.cells[name].tolist() == volumes_of_rows(oracle, side, int(spot) // TICK, 50), name


def test_trades_stand_at_their_price_whatever_the_range_does() -> None:
    """Buckets, a range that moves in the middle of the bin, prices off the grid and outside of the range."""
    instrument = Instrument("TEST", "0.25", bucket_size="0.75")
    records = stream(
        *two_sided(),
        record("T", "B", 20_001, 3, ts=10 * MS),
        record("T", "A", 19_999, 2, ts=11 * MS),
        record("T", "B", 20_000, 4, ts=12 * MS),
        record("T", "B", 90_000, 8, ts=13 * MS),
        record("T", "N", 20_000, 16, ts=14 * MS),
        record("M", "B", 20_600, 5, order_id=1, ts=20 * MS, flags=0),
        record("M", "A", 20_602, 7, order_id=2, ts=20 * MS),
        record("T", "A", 20_600, 32, ts=30 * MS),
        record("T", "B", 20_601, 64, ts=130 * MS),
    )
    records["price"][4] -= TICK // 2  # half a tick rounds up
    first, second = replay([records], instrument, n_absolute_ticks=1200, grid_radius_ticks=300)
    assert (first.shift_cells, second.shift_cells) == (0, 0)  # it moved before the first bin was closed
    rows = {name: np.flatnonzero(first.cells[name]) - 300 for name in ("buy_volume", "sell_volume")}
    cells = {name: first.cells[name][first.cells[name] > 0].tolist() for name in rows}
    spot = int(first.fields["spot_ref_price_int"]) // (3 * TICK)
    assert spot == 6867
    assert (rows["buy_volume"] + spot).tolist() == [6667]
    assert cells == {"buy_volume": [7], "sell_volume": [2, 32]}
    assert (rows["sell_volume"] + spot).tolist() == [6666, 6867]
    assert (first.fields["buy_volume"], first.fields["sell_volume"]) == (15, 34)
    assert (second.fields["cum_buy_volume"], second.fields["cum_sell_volume"]) == (79, 34)
    assert (second.cells["buy_volume"].sum(), second.cells["sell_volume"].sum()) == (64, 0)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_chunks_and_runs_give_the_same_bins(seed: int, cuts: list[int]) -> None:
    records = nonsense(seed, 300)
    whole = list(replay([records], INSTRUMENT, start_ns=T0 + 50 * MS, cell_width_ms=10))
    pieces = list(replay(np.split(records, sorted(cuts)), INSTRUMENT, start_ns=T0 + 50 * MS, cell_width_ms=10))
    assert [b.fields for b in whole] == [b.fields for b in pieces]
    for a, b in zip(whole, pieces, strict=True):
        assert a.window_lo == b.window_lo
        assert a.shift_cells == b.shift_cells
        for name in CELL_COLUMNS:
            np.testing.assert_array_equal(a.cells[name], b.cells[name])
            assert np.isfinite(a.cells[name]).all()
        np.testing.assert_array_equal(a.pressure, b.pressure)


def test_empty_bins_are_emitted_and_time_decays_the_masses() -> None:
    records = stream(*two_sided(), record("A", "B", 19_999, 4, order_id=3, ts=950 * MS))
    bins = list(replay([records], INSTRUMENT))
    assert [b.fields["bin_seq"] for b in bins] == list(range(10))
    assert [b.fields["bin_event_count"] for b in bins] == [1] + [0] * 8 + [1]
    assert all(b.fields["book_valid"] and b.fields["mid_price"] == 5000.0 for b in bins)
    mass = [b.cells["add_mass"][50 + 1] for b in bins]
    assert mass[5] == pytest.approx(mass[0] * np.exp(-0.5 / 30))


def test_an_event_that_straddles_belongs_to_the_bin_in_which_it_started() -> None:
    records = stream(
        *two_sided(),
        record("T", "A", 19_999, 2, ts=99 * MS, flags=0),
        record("F", "B", 19_999, 2, order_id=1, ts=100 * MS, flags=0),
        record("C", "B", 19_999, 2, order_id=1, ts=101 * MS),
        record("N", "N", ts=250 * MS),
    )
    first, second, third = replay([records], INSTRUMENT)
    assert (first.fields["bin_event_count"], first.fields["sell_volume"], first.fields["best_bid_size"]) == (2, 2, 3)
    assert (second.fields["bin_event_count"], second.fields["trade_count"]) == (0, 0)
    assert third.fields["bin_event_count"] == 1


def test_physics_runs_from_the_warm_up_and_bins_from_the_start() -> None:
    second = 1_000 * MS
    records = stream(
        *two_sided(),
        record("A", "B", 19_999, 11, order_id=3, ts=2 * second),
        record("A", "B", 19_999, 13, order_id=4, ts=6 * second),
        record("A", "B", 19_999, 17, order_id=5, ts=10 * second),
    )
    start = T0 + 10 * second
    bin_ = next(replay([records], INSTRUMENT, start_ns=start, warmup_s=5))
    oracle = OracleBook()
    for r in records:
        oracle.apply(r)
    expected = tick_state(oracle, 19_999, start + 100 * MS, since_ns=start - 5 * second)
    for name, value in expected.items():
        assert bin_.cells[name][49] == pytest.approx(value), name
    assert bin_.fields["bin_event_count"] == 1
    assert bin_.cells["bid_depth"][49] == 5 + 11 + 13 + 17


def test_a_given_end_is_reached_by_empty_bins_and_not_passed() -> None:
    records = stream(*two_sided(), record("A", "B", 19_990, 1, order_id=9, ts=700 * MS))
    assert len(list(replay([records], INSTRUMENT, start_ns=T0, end_ns=T0 + 550 * MS))) == 5
    assert len(list(replay([records], INSTRUMENT, start_ns=T0, end_ns=T0 + 750 * MS))) == 7


def test_no_bin_is_made_up_behind_the_last_record() -> None:
    """Nothing says what the market did after it: frozen bins would look like a market."""
    records = stream(*two_sided(), record("A", "B", 19_990, 1, order_id=9, ts=700 * MS))
    run = replay([records], INSTRUMENT, start_ns=T0, end_ns=T0 + 2000 * MS)
    assert len(list(run)) == 8
    assert run.certificate()["reasons"][-1].startswith("the source ends at 2026-02-02T02:40:00.700Z, bins were wanted")
    assert list(replay([records], INSTRUMENT, start_ns=T0 + 1000 * MS, end_ns=T0 + 1200 * MS)) == []


def test_no_records_no_bins() -> None:
    assert list(replay([], INSTRUMENT)) == []
    assert list(replay([], INSTRUMENT, start_ns=T0, end_ns=T0 + 300 * MS)) == []


def test_repricing_of_the_bbo() -> None:
    records = stream(
        *two_sided(),
        record("A", "B", 20_000, 1, order_id=3, ts=110 * MS),
        record("M", "A", 20_002, 7, order_id=2, ts=111 * MS),
        record("C", "B", 20_000, 1, order_id=3, ts=210 * MS),
        record("M", "A", 20_001, 7, order_id=2, ts=211 * MS),
        record("R", "N", ts=310 * MS),
        *two_sided(ts=410 * MS, tick=20_005),
        record("N", "N", ts=550 * MS),
    )
    bins = [b.fields for b in replay([records], INSTRUMENT)]
    moves = [(b["best_bid_move_ticks"], b["best_ask_move_ticks"], b["microstate_id"]) for b in bins]
    assert moves == [(0, 0, 4), (1, 1, 8), (-1, -1, 0), (0, 0, 4), (0, 0, 4), (0, 0, 4)]
    assert [b["chase_up_flag"] for b in bins] == [False, True, False, False, False, False]
    assert [b["chase_down_flag"] for b in bins] == [False, False, True, False, False, False]
    assert [b["book_valid"] for b in bins] == [True, True, True, False, True, True]
    assert bins[3]["mid_price"] == 0.0


def test_the_range_recenters_and_physics_moves_with_its_tick() -> None:
    records = [*two_sided(), record("A", "B", 19_990, 50, order_id=3, ts=1 * MS)]
    # spot walks up until it comes near the edge of 1024 cells
    for step in range(1, 400):
        ts = (1 + step) * 10 * MS
        records.append(record("M", "A", 20_001 + step, 7, order_id=2, ts=ts))
        records.append(record("M", "B", 19_999 + step, 5, order_id=1, ts=ts))
    data = stream(*records)
    bins = list(replay([data], INSTRUMENT, cell_width_ms=100, **SMALL))
    shifts = [b.shift_cells for b in bins]
    assert sum(s != 0 for s in shifts) == 1
    engine, oracle = BookEngine(INSTRUMENT, n_absolute_ticks=1024, edge_margin_ticks=266), OracleBook()
    engine.apply(data)
    for r in data:
        oracle.apply(r)
    for tick in (19_990, 20_001, 20_200, 20_399):
        expected = tick_state(oracle, tick, engine.clock_ns)
        got = engine.tick_state(tick * TICK, engine.clock_ns)
        for name, value in expected.items():
            assert got[name] == pytest.approx(value, rel=1e-9, abs=1e-11), (tick, name)
    # a bin's own window agrees with its range, before and after the move
    for bin_ in bins:
        window = bin_.pressure[bin_.window_lo : bin_.window_lo + 21]
        np.testing.assert_array_equal(window, bin_.cells["pressure_variant"])
    at = shifts.index(next(s for s in shifts if s))
    before, after, shift = bins[at - 1], bins[at], shifts[at]
    # the order at 19,990 is the lowest cell with any pressure, wherever the range lies
    assert np.flatnonzero(after.pressure)[0] == np.flatnonzero(before.pressure)[0] - shift


def test_snapshots_are_state_and_not_flow() -> None:
    records = stream(
        record("R", "N", flags=SNAPSHOT),
        *two_sided(flags=SNAPSHOT),
        record("A", "B", 19_998, 3, order_id=3, ts=10 * MS),
    )
    engine = BookEngine(INSTRUMENT)
    engine.apply(records)
    assert engine.flow_totals() == {"add": 3, "pull": 0, "fill": 0}
    assert engine.book_valid
    assert engine.certificate()["snapshots"] == 1


def test_a_gap_makes_the_book_invalid_until_it_is_rebuilt() -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(stream(*two_sided(), record("N", "N", ts=5, flags=128 | 4)))
    assert not engine.book_valid
    engine.apply(stream(record("A", "B", 19_990, 1, order_id=5, ts=6)))
    assert not engine.book_valid
    engine.apply(stream(record("R", "N", ts=7, flags=SNAPSHOT), *two_sided(ts=7, flags=SNAPSHOT | 128)))
    assert engine.book_valid


def test_equity_records_outside_the_session_are_left_out_but_the_book_is_whole() -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    def at(hour: int, minute: int = 0) -> int:
        moment = datetime(2026, 2, 3, hour, minute, tzinfo=ZoneInfo("America/New_York"))
        return int(moment.timestamp()) * 1_000_000_000 - T0

    records = stream(
        record("R", "N", ts=at(1), flags=SNAPSHOT),
        *two_sided(ts=at(1), flags=SNAPSHOT | 128),
        record("A", "B", 19_990, 100, order_id=5, ts=at(1, 30)),
        record("A", "B", 19_991, 10, order_id=6, ts=at(9, 45)),
        record("A", "B", 19_992, 1000, order_id=7, ts=at(16, 5)),
    )
    equity = Instrument("TEST", tick_size="0.25", product_type="equity_mbo")
    run = replay([records], equity, cell_width_ms=60_000)
    for _ in run:
        pass
    assert run.engine.flow_totals()["add"] == 10
    assert run.engine.order_count == 3


def test_the_engine_is_deterministic_to_the_bit() -> None:
    records = nonsense(11, 400)
    runs = [list(replay([records], INSTRUMENT, cell_width_ms=5)) for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        assert a.fields == b.fields
        np.testing.assert_array_equal(a.vacuum, b.vacuum)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell_width_ms": 0}, "cell_width_ms=0: must be at least 1"),
        ({"grid_radius_ticks": 0}, "grid_radius_ticks=0: must be at least 1"),
        ({"warmup_s": -1}, "warmup_s=-1: must not be negative"),
        ({"start_ns": 10, "end_ns": 10}, "end_ns=10: must be after start_ns=10"),
        ({"n_absolute_ticks": 500}, "must be at least 614"),
    ],
)
def test_arguments_outside_what_is_allowed(arguments: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        replay([], INSTRUMENT, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"tau_velocity": 5.0},
            "tau_velocity=5.0, tau_acceleration=5.0, tau_jerk=10.0: must rise strictly in this order",
        ),
        ({"tau_rest_decay": 0.0}, "tau_rest_decay=0.0: must be at least 0.001 seconds"),
        ({"c3_a_add": float("nan")}, "c3_a_add=nan: must be a finite number"),
    ],
)
def test_physics_outside_what_is_allowed(arguments: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Physics(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tick_size": "0"}, "tick_size='0': must be a positive whole number of 1e-9"),
        ({"tick_size": "a"}, "tick_size='a': must be a decimal number"),
        ({"tick_size": True}, "tick_size=True: must be a decimal number"),
        ({"tick_size": None}, "tick_size=None: must be a decimal number"),
        ({"tick_size": "1e99999999"}, "tick_size='1e99999999': must be below 1000000000"),
        ({"tick_size": "0.25", "bucket_size": "0.3"}, "must be an integer multiple of tick_size 0.25"),
        (
            {"tick_size": "0.25", "product_type": "option"},
            "product_type='option': must be one of future_mbo, equity_mbo",
        ),
    ],
)
def test_instruments_outside_what_is_allowed(arguments: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Instrument("TEST", **arguments)


def test_an_instrument_has_no_tick_of_its_own() -> None:
    with pytest.raises(TypeError, match="tick_size"):
        Instrument("CLM6")  # type: ignore[call-arg]
    with pytest.raises(ParameterError, match="symbol=5: must be a text"):
        Instrument(5, "0.25")  # type: ignore[arg-type]
