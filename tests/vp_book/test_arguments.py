"""What the engine is given is what it has to be, or one clear error says what that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.records import LAST, TICK, orderly, record, stream

from vp_book import MBO_DTYPE, BookEngine, Instrument, ParameterError, replay
from vp_book.book.apply import apply_records

INSTRUMENT = Instrument("TEST", "0.25")


def engine_with(**options: Any) -> BookEngine:
    return BookEngine(INSTRUMENT, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.apply("records"), "records=str: must be a NumPy array of dtype MBO_DTYPE"),
        (lambda e: e.apply(None), "records=NoneType"),
        (lambda e: e.apply(stream(record("A"))[0]), "records=void: must be a NumPy array"),
        (lambda e: e.apply([record("A")]), "records=list"),
        (lambda e: e.apply(np.zeros((2, 3), MBO_DTYPE)), r"records of shape \(2, 3\): must have one dimension"),
        (lambda e: e.apply(np.zeros((), MBO_DTYPE)), r"records of shape \(\): must have one dimension"),
        (lambda e: e.apply(np.zeros(3, "u1")), "records of dtype uint8: must have dtype MBO_DTYPE"),
        (lambda e: e.apply_until(stream(record("A")), 2, 5), "start=2: out of range; allowed are integers from 0 to 1"),
        (lambda e: e.apply_until(stream(record("A")), -1, 5), "start=-1"),
        (lambda e: e.apply_until(stream(record("A")), 0.0, 5), "start=0.0: must be an integer from 0 to 1"),
        (lambda e: e.apply_until(stream(record("A")), 0, 2**70), f"stop_ns={2**70}: out of range"),
        (lambda e: e.apply_until(stream(record("A")), 0, float("nan")), "stop_ns=nan: must be an integer"),
        (lambda e: e.tick_state(1.5, 0), "price_int=1.5: must be an integer"),
        (lambda e: e.tick_state("1", 0), "price_int='1': must be an integer"),
        (lambda e: e.tick_state(True, 0), "price_int=True: must be an integer"),
        (lambda e: e.tick_state(2**70, 0), "price_int=.*: out of range"),
        (lambda e: e.tick_state(0, 2**70), "ts_ns=.*: out of range"),
        (lambda e: e.tick_state(0, None), "ts_ns=None: must be an integer"),
        (lambda e: e.levels("both"), "side='both': must be 'bid' or 'ask'"),
        (lambda e: e.levels(1), "side=1: must be 'bid' or 'ask'"),
        (lambda e: e.levels(["bid"]), r"side=\['bid'\]"),
        (lambda e: e.set_physics("off"), "on='off': must be True or False"),
    ],
)
def test_calls(call: Callable[[Any], object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call(engine_with())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_absolute_ticks": 10**10}, "n_absolute_ticks=10000000000: out of range; allowed are integers from 1 to"),
        ({"n_absolute_ticks": 2**70}, "n_absolute_ticks=.*: out of range"),
        ({"n_absolute_ticks": 8192.0}, "n_absolute_ticks=8192.0: must be an integer"),
        ({"n_absolute_ticks": -5}, "n_absolute_ticks=-5: out of range"),
        ({"n_absolute_ticks": 600}, "must be at least 614"),
        ({"edge_margin_ticks": "20"}, "edge_margin_ticks='20': must be an integer"),
        ({"edge_margin_ticks": -1}, "edge_margin_ticks=-1: out of range"),
        ({"instrument_id": -1}, "instrument_id=-1: out of range; allowed are integers from 0 to 4294967295"),
        ({"publisher_id": 2**16}, "publisher_id=65536: out of range; allowed are integers from 0 to 65535"),
        ({"publisher_id": "XNAS"}, "publisher_id='XNAS': must be an integer"),
        ({"event_ends": None}, "event_ends=None: must be 'flags' or 'time'"),
        ({"physics": {}}, "physics={}: must be a Physics"),
    ],
)
def test_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        engine_with(**options)


def test_an_instrument_is_no_name() -> None:
    with pytest.raises(ParameterError, match="instrument='ESH4': must be an Instrument"):
        BookEngine("ESH4")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="instrument='ESH4': must be an Instrument"):
        replay([], "ESH4")  # type: ignore[arg-type]


def test_a_range_of_huge_buckets_is_refused_before_it_is_made() -> None:
    with pytest.raises(ParameterError, match="n_absolute_ticks=8192: 1000000 price ticks a cell"):
        BookEngine(Instrument("TEST", "0.01", "equity_mbo", "10000"))


def test_integers_of_numpy_are_integers() -> None:
    engine = engine_with(
        n_absolute_ticks=np.int32(1024), edge_margin_ticks=np.uint8(20), instrument_id=np.uint32(17077)
    )
    assert engine.apply_until(orderly(1, 30), np.int64(3), np.uint64(2**61)) >= 30  # type: ignore[arg-type]
    assert engine.tick_state(np.int64(20_000 * TICK), np.int64(engine.clock_ns))["rest_depth"] >= 0  # type: ignore[arg-type]


# --- arrays as they come ---


def test_arrays_of_every_kind_give_the_same_book_and_one_compiled_kernel() -> None:
    records = orderly(2, 400)
    expected = engine_with()
    expected.apply(records)
    frozen = records.copy()
    frozen.flags.writeable = False
    spread = np.zeros(2 * len(records), MBO_DTYPE)
    spread[::2] = records
    odd = np.frombuffer(b"\0" + records.tobytes(), MBO_DTYPE, offset=1)
    table = np.zeros(len(records), np.dtype([("more", "u1"), ("record", MBO_DTYPE)]))
    table["record"] = records
    for given in (frozen, spread[::2], records[::-1][::-1], odd, table["record"], records.view(np.recarray)):
        engine = engine_with()
        engine.apply(given)
        assert engine.certificate() == expected.certificate()
    assert len(apply_records.signatures) == 1  # type: ignore[attr-defined]
    assert records.flags.writeable
    assert records.dtype == MBO_DTYPE


def test_what_is_contiguous_is_not_copied() -> None:
    from vp_book._checked import kernel_view

    records = orderly(2, 40)
    assert np.shares_memory(kernel_view(records), records)
    records.flags.writeable = False
    assert np.shares_memory(kernel_view(records), records)


# --- one book, one instrument ---


def two_instruments() -> np.ndarray:
    ours, others = orderly(3, 300), orderly(4, 300, first_id=10**6)
    others["instrument_id"] = 5
    both = np.concatenate([ours, others])
    return both[np.argsort(both["ts_recv"], kind="stable")]


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_a_second_instrument_is_refused_with_both_names(cut: int) -> None:
    records = two_instruments()
    first = int(records["instrument_id"][0])
    at = int(np.flatnonzero(records["instrument_id"] != first)[0])
    engine = engine_with()
    message = f"instrument id {17077 + 5 - first} of publisher 1 in a book of instrument id {first} of publisher 1"
    with pytest.raises(ParameterError, match=message):
        list(map(engine.apply, np.split(records, range(cut, len(records), cut))))
    assert engine.certificate()["records"] == at


def test_a_second_publisher_is_refused() -> None:
    records = orderly(3, 300)
    records["publisher_id"][100:] = 2
    with pytest.raises(ParameterError, match=r"instrument id 17077 of publisher 2 in a book of .* of publisher 1"):
        engine_with().apply(records)
    with pytest.raises(ParameterError, match="of publisher 2 in a book"):
        engine_with(instrument_id=17077).apply(records)
    with pytest.raises(ParameterError, match="instrument id 17077 of publisher 2"):
        list(replay([records], INSTRUMENT))


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_others_are_skipped_when_it_is_said_whose_the_book_is(cut: int) -> None:
    records = two_instruments()
    alone = engine_with()
    alone.apply(records[records["instrument_id"] == 17077])
    for options in ({"instrument_id": 17077}, {"instrument_id": 17077, "publisher_id": 1}):
        engine = engine_with(**options)
        for piece in np.split(records, range(cut, len(records), cut)):
            engine.apply(piece)
        skipped = int((records["instrument_id"] != 17077).sum())
        assert engine.certificate() == {**alone.certificate(), "foreign_records": skipped}
    nothing = engine_with(publisher_id=9)
    nothing.apply(records)
    assert nothing.certificate()["foreign_records"] == len(records)
    assert nothing.certificate()["records"] == nothing.clock_ns == 0


def test_a_checkpoint_remembers_whose_the_book_is(tmp_path: Any) -> None:
    records = two_instruments()
    ours = records[records["instrument_id"] == 17077]
    for options in ({}, {"instrument_id": 17077}):
        engine = engine_with(**options)
        engine.apply(ours[:100])
        engine.save_checkpoint(tmp_path / "e.book")
        engine = BookEngine.load_checkpoint(tmp_path / "e.book")
        if options:
            engine.apply(records[100:])
            assert engine.certificate()["foreign_records"]
        else:
            with pytest.raises(ParameterError, match="instrument id 5 of publisher 1"):
                engine.apply(records[100:])


# --- sizes, adds, levels ---


def test_a_duplicate_add_at_an_unchanged_price_is_one_net_change() -> None:
    engine = engine_with()
    engine.apply(stream(record("A", "B", 20_000, 5, 1), record("A", "B", 20_000, 8, 1, ts=1)))
    assert engine.flow_totals() == {"add": 8, "pull": 0, "fill": 0}
    engine.apply(stream(record("A", "B", 20_000, 2, 1, ts=2)))
    assert engine.flow_totals() == {"add": 8, "pull": 6, "fill": 0}
    engine.apply(stream(record("A", "B", 20_001, 2, 1, ts=3)))
    assert engine.flow_totals() == {"add": 10, "pull": 8, "fill": 0}
    found: Any = engine.certificate()
    assert found["anomalies"]["duplicate_add"] == 3


@pytest.mark.parametrize("action", ["A", "C", "M", "T", "F"])
def test_an_undefined_size_is_an_anomaly_and_nothing_more(action: str) -> None:
    engine = engine_with()
    engine.apply(stream(record("A", "B", 19_999, 5, 1), record("A", "A", 20_001, 5, 2)))
    before = (engine.bbo(), engine.flow_totals(), engine.order_count)
    engine.apply(stream(record(action, "B", 20_000, 2**32 - 1, 1, ts=1), record("N", "N", ts=2)))
    assert (engine.bbo(), engine.flow_totals(), engine.order_count) == before
    found: Any = engine.certificate()
    assert {name: n for name, n in found["anomalies"].items() if n} == {"undefined_size": 1}
    assert found["traded_volume"] == found["filled_volume"] == 0
    assert found["records"] == 4
    assert sum(found["records_by_action"].values()) == 4


def test_a_top_of_book_side_is_emptied_without_a_size() -> None:
    engine = engine_with()
    engine.apply(stream(record("A", "B", 19_999, 5, 0, flags=LAST | 64)))
    engine.apply(stream(record("A", "B", None, 2**32 - 1, 0, ts=1, flags=LAST | 64)))
    assert engine.order_count == 0
    found: Any = engine.certificate()
    assert not any(found["anomalies"].values())


def far_levels(n: int, seed: int = 1) -> np.ndarray:
    """`n` adds far outside the range, each at a price of its own, in no order; then every second one goes."""
    rng = np.random.default_rng(seed)
    adds = np.repeat(stream(record("A", "B", ts=1)), n)
    adds["order_id"] = 100 + np.arange(n)
    adds["side"] = np.where(np.arange(n) % 2 == 0, b"B", b"A").astype("S1")
    ticks = np.where(adds["side"] == b"B", 15_000 - np.arange(n), 25_000 + np.arange(n))
    adds["price"] = ticks * TICK
    adds = adds[rng.permutation(n)]
    gone = adds[rng.permutation(n)[: n // 2]].copy()
    gone["action"] = b"C"
    return np.concatenate([stream(record("A", "B", 19_999, 5, 1), record("A", "A", 20_001, 5, 2)), adds, gone])


def test_levels_outside_the_range_are_exact_however_many() -> None:
    from support.book_oracle import OracleBook

    records = far_levels(6_000)
    engine, oracle = engine_with(), OracleBook()
    engine.apply(records)
    for r in records:
        oracle.apply(r)
    for side, letter in (("bid", "B"), ("ask", "A")):
        prices, sizes = engine.levels(side)  # type: ignore[arg-type]
        assert list(zip((prices // TICK).tolist(), sizes.tolist(), strict=True)) == oracle.levels(letter)
    # without the quote inside the range the best of a side lies outside of it, and goes level by level
    engine.apply(stream(record("C", "B", 19_999, 5, 1, ts=2), record("C", "A", 20_001, 5, 2, ts=2)))
    by_id = {int(r["order_id"]): r for r in records[2:6_002]}
    for side, initial, sign in (("bid", b"B", -1), ("ask", b"A", 1)):
        for price in (engine.levels(side)[0] // TICK).tolist():  # type: ignore[arg-type]
            bbo = engine.bbo()
            best = bbo.bid_price_int if side == "bid" else bbo.ask_price_int
            assert best == price * TICK
            order_id = 100 + (15_000 - price if sign < 0 else price - 25_000)
            assert by_id[order_id]["side"] == initial
            engine.apply(stream(record("C", initial.decode(), price, 1, order_id, ts=3)))
    assert engine.order_count == 0
    assert not engine.arrays.scalars[0].far_used.any()


def test_room_for_levels_outside_the_range_grows_with_them_and_not_with_what_is_gone() -> None:
    many = engine_with()
    many.apply(far_levels(20_000))
    assert many.arrays.far.shape[2] <= 8 * 20_000
    engine = engine_with()
    engine.apply(stream(record("A", "B", 19_999, 5, 1), record("A", "A", 20_001, 5, 2)))
    for round_ in range(20):  # 20,000 prices, of which 1,000 at a time
        adds = np.repeat(stream(record("A", "B", ts=1 + round_)), 1_000)
        adds["order_id"] = 100 + np.arange(1_000)
        adds["price"] = (15_000 - 1_000 * round_ - np.arange(1_000)[::-1]) * TICK
        gone = adds.copy()
        gone["action"] = b"C"
        engine.apply(np.concatenate([adds, gone]))
    assert engine.arrays.far.shape[2] <= 8_192
    assert engine.certificate()["conserved"]
