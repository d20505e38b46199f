"""`depth` and `snapshots`: the best levels, at a moment and at regular ones, against books of dictionaries."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.book_oracle import OracleBook
from support.real_session import real_session
from support.records import nonsense, orderly, record, stream

from vp_book import BookEngine, Instrument, ParameterError, open_dbn, snapshots
from vp_book.tables import snapshot_dtype

ES = Instrument("ESH4", "0.25")
TICK = ES.tick_int
SIDES = (("bid", "B"), ("ask", "A"))


def chunks(records: np.ndarray, cuts: list[int]) -> Iterator[np.ndarray]:
    """The records cut at these places."""
    yield from np.split(records, sorted(cut % (len(records) + 1) for cut in cuts))


def expected(records: np.ndarray, moments: np.ndarray, levels: int) -> np.ndarray:
    """The same by one call of the engine for each moment, all levels read and the orders counted one by one."""
    engine = BookEngine(ES)
    table = np.zeros(len(moments), snapshot_dtype(levels, orders=True))
    at = 0
    for row, moment in zip(table, moments, strict=True):
        at = engine.apply_until(records, at, int(moment))
        row["ts_ns"], row["book_valid"] = moment, engine.book_valid
        for side, _ in SIDES:
            found = engine.levels(side)  # type: ignore[arg-type]
            for name, values in zip(("price_int", "size"), found, strict=True):
                row[f"{side}_{name}"][: len(values)] = values[:levels]
            resting = engine.arrays.orders
            mine = resting[resting[:, 2] > 0] if side == "bid" else resting[resting[:, 2] < 0]
            for i, price in enumerate(found[0][:levels]):
                row[f"{side}_orders"][i] = np.count_nonzero(mine[:, 1] * TICK == price)
    return table


@pytest.mark.parametrize("kind", [orderly, nonsense])
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 10_000), max_size=4), levels=st.integers(1, 12))
def test_a_row_is_the_book_at_its_moment(kind, seed, cuts, levels):
    records = kind(seed, 400)
    every_ns = 7_000_000
    table = snapshots(chunks(records, cuts), ES, every_ns=every_ns, levels=levels, orders=True)
    assert (np.diff(table["ts_ns"]) == every_ns).all()
    assert not (table["ts_ns"] % every_ns).any()
    assert table.tobytes() == expected(records, table["ts_ns"], levels).tobytes()
    plain = snapshots([records], ES, every_ns=every_ns, levels=levels)
    assert plain.dtype == snapshot_dtype(levels)
    for name in plain.dtype.names or ():
        assert (plain[name] == table[name]).all()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 20))
def test_depth_is_that_of_the_dictionaries(seed, n):
    records = orderly(seed, 300)
    engine, oracle = BookEngine(ES), OracleBook()
    engine.apply(records)
    for r in records:
        oracle.apply(r)
    orders: dict[tuple[str, int], int] = defaultdict(int)
    for order in oracle.orders.values():
        orders[order.side, order.tick] += 1
    for side, letter in SIDES:
        best = oracle.levels(letter)[:n]
        prices, sizes, counts = engine.depth(n)[side]  # type: ignore[index]
        assert [(p // TICK, s) for p, s in zip(prices.tolist(), sizes.tolist(), strict=True)] == best
        assert counts.tolist() == [orders[letter, tick] for tick, _ in best]


def test_levels_outside_of_the_range_are_among_them():
    records = stream(
        record("A", "B", 20_000, 1, 1),
        record("A", "A", 20_002, 2, 2),
        record("A", "B", 5_000, 3, 3),
        record("A", "B", 5_000, 4, 4),
        record("A", "A", 60_000, 5, 5),
        record("A", "B", 50_000, 6, 6, ts=1),  # crosses, above the range
        record("C", "B", 50_000, 6, 6, ts=2_500_000),
        record("A", "B", 19_000, 1, 7, ts=3_000_000),
    )
    engine = BookEngine(ES)
    engine.apply(records[:-2])
    prices, sizes, orders = engine.depth(5)["bid"]
    assert (prices // TICK).tolist() == [50_000, 20_000, 5_000]
    assert (sizes.tolist(), orders.tolist()) == ([6, 1, 7], [1, 1, 2])
    assert (engine.depth(1)["ask"][0] // TICK).tolist() == [20_002]
    table = snapshots([records], ES, every_ns=1_000_000, levels=3, orders=True)
    assert (table["bid_price_int"][1] // TICK).tolist() == [50_000, 20_000, 5_000]
    assert (table["bid_orders"][-1].tolist(), table["ask_size"][-1].tolist()) == ([1, 2, 0], [2, 5, 0])
    assert table.tobytes() == expected(records, table["ts_ns"], 3).tobytes()


def test_start_and_end_are_included_and_the_arrays_grow(monkeypatch):
    monkeypatch.setattr(importlib.import_module("vp_book.tables.snapshots"), "_FIRST_ROWS", 4)
    records = orderly(3, 300)
    whole = snapshots([records], ES, every_ns=5_000_000, levels=2)
    first, last = int(whole["ts_ns"][7]), int(whole["ts_ns"][40])
    part = snapshots(chunks(records, [10, 20]), ES, every_ns=5_000_000, levels=2, start_ns=first - 1, end_ns=last)
    assert part.tobytes() == whole[7:41].tobytes()
    assert len(snapshots([records], ES, every_ns=5_000_000, levels=2, start_ns=first, end_ns=first)) == 1
    assert len(snapshots([], ES)) == 0
    assert snapshots([records], ES, every_ns=2**61).tolist() == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"every_ns": 0}, "every_ns=0"),
        ({"levels": 0}, "levels=0"),
        ({"start_ns": -1}, "start_ns=-1"),
        ({"start_ns": 5, "end_ns": 4}, "end_ns=4: must not be before start_ns=5"),
    ],
)
def test_bad_arguments_are_named(change, named):
    with pytest.raises(ParameterError, match=named):
        snapshots([orderly(1, 10)], ES, **change)
    with pytest.raises(ParameterError, match="n=0"):
        BookEngine(ES).depth(0)


@pytest.mark.real_data
def test_the_real_session_second_by_second():
    path = real_session()
    table = snapshots(open_dbn(path), ES, orders=True, every_ns=60_000_000_000)
    moments = table["ts_ns"].tolist()
    orders: dict[int, list] = {}
    depth: dict[str, dict[int, list[int]]] = {"B": defaultdict(lambda: [0, 0]), "A": defaultdict(lambda: [0, 0])}

    def put(side: str, price: int, size: int, count: int) -> None:
        level = depth[side][price]
        level[0] += size
        level[1] += count
        if level == [0, 0]:
            del depth[side][price]

    def take(order_id: int) -> None:
        side, price, size = orders.pop(order_id)
        put(side, price, -size, -1)

    row = compared = 0
    clock = 0
    for records in open_dbn(path):
        columns = [
            records[name].tolist() for name in ("action", "side", "order_id", "price", "size", "ts_recv", "flags")
        ]
        for action, side, order_id, price, size, ts_recv, flags in zip(*columns, strict=True):
            clock = max(clock, ts_recv if not flags & 32 else 0)
            while row < len(moments) and clock >= moments[row]:
                if table["book_valid"][row]:
                    for name, letter in SIDES:
                        best = sorted(depth[letter], reverse=letter == "B")[:10]
                        assert table[f"{name}_price_int"][row][: len(best)].tolist() == best
                        found = [table[f"{name}_{what}"][row][: len(best)].tolist() for what in ("size", "orders")]
                        assert found == [[depth[letter][price][i] for price in best] for i in (0, 1)]
                    compared += 1
                row += 1
            if action == b"R":
                orders.clear()
                depth["B"].clear()
                depth["A"].clear()
            elif action in (b"A", b"M"):
                if order_id in orders:
                    take(order_id)
                orders[order_id] = [side.decode(), price, size]
                put(side.decode(), price, size, 1)
            elif action == b"C" and order_id in orders:
                held = orders[order_id]
                if size >= held[2]:
                    take(order_id)
                else:
                    held[2] -= size
                    put(held[0], held[1], -size, 0)
    assert compared > 1_000
