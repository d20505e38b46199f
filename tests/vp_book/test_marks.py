"""Marks: hand-made events, and every bin of a stream against the plain oracle."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.mark_oracle import MarkOracle
from support.real_session import real_session
from support.records import LAST, SNAPSHOT, T0, TICK, nonsense, record, stream

from vp_book import Bin, BookEngine, Instrument, LiveBins, Mark, ParameterError, open_dbn, replay
from vp_book.bins import BinReader
from vp_book.synthetic import write_market

SECOND = 1_000_000_000
BIN = SECOND // 10
BID, ASK = 20_000, 20_001
OPEN_NS = 1_703_545_200 * SECOND
"""18:00 New York on 2023-12-25, when the real session opens."""


class Market:
    """A quote of 5 on 4, and the marks of one bin after the other."""

    def __init__(self) -> None:
        self.engine = BookEngine(Instrument("X", "0.25"))
        self.reader = BinReader(50, TICK, 1)
        quote = [record("A", "B", BID, 5, 1), record("A", "A", ASK, 4, 2), record("A", "A", ASK + 1, 4, 3)]
        assert self.bin(*quote, record("A", "A", ASK + 2, 4, 4)) == ()

    def bin(self, *records: np.void) -> tuple[Mark, ...]:
        """The records of a bin, and its marks."""
        self.engine.apply(stream(*records))
        return self.reader.read(self.engine.arrays, 0, T0, T0 + BIN).marks


def event(*records: np.void) -> list[np.void]:
    """Records of one event: the last one ends it."""
    out = [one.copy() for one in records]
    for one in out[:-1]:
        one["flags"] &= ~np.uint8(LAST)
    return out


def price(tick: int) -> int:
    return tick * TICK


def test_an_iceberg_says_what_it_has_shown_so_far() -> None:
    market = Market()
    sold = record("T", "A", BID, 5, 90), record("F", "B", BID, 5, 1)
    assert market.bin(*event(*sold, record("M", "B", BID, 5, 1))) == (Mark("iceberg", price(BID), 5, "buy", 10),)
    partly = record("T", "A", BID, 2, 91), record("F", "B", BID, 2, 1)
    assert market.bin(*event(*partly, record("M", "B", BID, 3, 1))) == ()  # what the fill left, and no more
    assert market.bin(*event(*partly, record("M", "B", BID, 5, 1))) == (Mark("iceberg", price(BID), 5, "buy", 14),)
    assert market.bin(record("M", "B", BID, 9, 1)) == ()  # more of an order that was not filled


def test_a_sweep_is_one_aggressor_at_three_prices_of_one_event() -> None:
    market = Market()
    three = [record("T", "B", ASK + i, 4, 90) for i in range(3)]
    assert market.bin(*event(*three)) == (Mark("sweep", price(ASK + 2), 12, "buy", 3),)
    assert market.bin(*event(*three[:2]), *event(*three[2:])) == ()
    assert market.bin(*event(*three[:2], record("T", "B", ASK + 2, 4, 91))) == ()
    assert market.bin(*event(three[0], three[0], three[1])) == ()
    falling = [record("T", "A", BID - i, 2, 92) for i in range(4)]
    assert market.bin(*event(*falling)) == (Mark("sweep", price(BID - 3), 8, "sell", 4),)


def test_large_trades_and_orders() -> None:
    market = Market()
    assert market.bin(record("T", "B", ASK, 49, 90), record("A", "A", ASK + 9, 49, 10)) == ()
    assert market.bin(record("T", "B", ASK, 50, 90)) == (Mark("large", price(ASK), 50, "buy", 0),)
    assert market.bin(record("T", "N", ASK, 60, 0)) == (Mark("large", price(ASK), 60, "none", 0),)
    assert market.bin(record("A", "B", BID - 40, 70, 11)) == (Mark("large", price(BID - 40), 70, "buy", 1),)
    assert market.bin(record("M", "A", ASK + 9, 50, 10)) == (Mark("large", price(ASK + 9), 50, "sell", 1),)
    assert market.bin(record("M", "A", ASK + 9, 55, 10)) == ()  # it was large before
    assert market.bin(record("M", "A", ASK + 8, 55, 10)) == (Mark("large", price(ASK + 8), 55, "sell", 1),)


def test_a_pull_is_near_the_touch_and_no_fill() -> None:
    market = Market()
    for i, tick in enumerate((BID - 5, BID - 6, BID, BID - 1, BID - 2)):
        market.bin(record("A", "B", tick, 80, 20 + i))
    assert market.bin(record("C", "B", BID - 5, 80, 20)) == (Mark("pull", price(BID - 5), 80, "buy", 5),)
    assert market.bin(record("C", "B", BID - 6, 80, 21)) == ()  # too far
    taken = event(record("T", "A", BID, 80, 90), record("F", "B", BID, 80, 22), record("C", "B", BID, 80, 22))
    assert [mark.kind for mark in market.bin(*taken)] == ["large"]
    assert market.bin(record("M", "B", BID - 1, 31, 23)) == ()  # 49 less
    assert market.bin(record("M", "B", BID - 2, 20, 24)) == (Mark("pull", price(BID - 2), 60, "buy", 2),)
    market.bin(record("A", "A", ASK + 2, 90, 30))
    assert [mark.kind for mark in market.bin(record("M", "A", ASK + 1, 90, 30))] == ["large"]  # to a better price
    away = market.bin(record("M", "A", ASK + 4, 90, 30))
    assert away == (Mark("large", price(ASK + 4), 90, "sell", 1), Mark("pull", price(ASK + 1), 90, "sell", 1))


def test_snapshots_and_feeds_of_the_best_prices_have_no_orders_to_mark() -> None:
    market = Market()
    assert market.bin(record("A", "B", BID - 1, 500, 40, flags=LAST | SNAPSHOT)) == ()
    assert market.bin(record("A", "B", BID, 500, 0, flags=LAST | 64)) == ()
    assert market.bin(record("A", "B", BID, 2, 0, flags=LAST | 64)) == ()


def test_the_sixteen_largest_are_kept_in_order() -> None:
    market = Market()
    sizes = [50 + 7 * i % 31 for i in range(40)]
    marks = market.bin(*[record("A", "B", BID - 10 - i, size, 100 + i) for i, size in enumerate(sizes)])
    assert [mark.size for mark in marks] == sorted(sizes, reverse=True)[:16]
    equal = [mark.price_int for mark in marks if mark.size == marks[3].size]
    assert equal == sorted(equal)
    assert market.bin() == ()


def test_room_is_made_for_the_aggressors_of_a_sweep() -> None:
    """The table of aggressors grows in the middle of the sweep of one of them."""
    market = Market()
    others = [record("T", "B", ASK, 1, 1_000 + i) for i in range(200)]
    parts = [record("T", "B", ASK + i, 4, 90) for i in range(3)]
    marks = market.bin(*event(parts[0], *others[:100], parts[1], *others[100:], parts[2]))
    assert marks == (Mark("sweep", price(ASK + 2), 12, "buy", 3),)


def compare(records: np.ndarray, bins: Iterable[Bin], oracle: MarkOracle) -> Counter[str]:
    """Hold every bin to the oracle, which has its start; how many marks of each kind there were."""
    for r in records:
        oracle.apply(r)
    kinds: Counter[str] = Counter()
    for closed in bins:
        assert [tuple(mark) for mark in closed.marks] == oracle.marks(int(closed.fields["bin_seq"])), closed
        kinds.update(mark.kind for mark in closed.marks)
    return kinds


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 400),
    ids=st.sampled_from([3, 12, 60]),
    spread=st.integers(1, 9),
    large=st.integers(1, 4),
    cuts=st.lists(st.integers(0, 400), max_size=4),
)
def test_marks_of_nonsense_are_the_oracles(
    seed: int, n: int, ids: int, spread: int, large: int, cuts: list[int]
) -> None:
    """Streams full of contradictions, replayed at once and pushed in pieces."""
    records = nonsense(seed, n, ids=ids, spread=spread, wild=0.0)
    whole = list(replay([records], Instrument("X", "0.25"), large_size=large))
    pushed = LiveBins(Instrument("X", "0.25"), large_size=large)
    pieces = np.split(records, sorted(min(cut, n) for cut in cuts))
    live = [closed for piece in pieces for closed in pushed.push(piece)]
    assert [closed.marks for closed in live] == [closed.marks for closed in whole[: len(live)]]
    if whole:
        start = int(whole[0].fields["bin_start_ns"])
        compare(records, whole, MarkOracle(large=large, start=start))


@pytest.mark.parametrize("seed", range(1, 9) if os.environ.get("VP_MARKS_ALL") else [1])
def test_marks_of_a_synthetic_day_are_the_oracles(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=seed, minutes=1, date="2026-02-06", start="09:35")
    records = np.concatenate(list(open_dbn(path)))
    bins = list(replay(open_dbn(path), Instrument("SYNM6", "0.25"), large_size=12))
    start = int(bins[0].fields["bin_start_ns"])
    kinds = compare(records, bins, MarkOracle(large=12, start=start))
    assert set(kinds) >= {"iceberg", "large", "pull"}
    assert seed != 1 or kinds["sweep"]


@pytest.mark.real_data
def test_marks_of_the_real_session_are_the_oracles() -> None:
    """Five minutes after its open, with a size that makes more of them; the hour after it with VP_MARKS_ALL=1."""
    source = real_session()
    whole = bool(os.environ.get("VP_MARKS_ALL"))
    records = np.concatenate(list(open_dbn(source)))
    minutes = 60 if whole else 5
    end = OPEN_NS + minutes * 60 * SECOND
    bins = replay(open_dbn(source), Instrument("ESH4", "0.25"), start_ns=OPEN_NS, end_ns=end, large_size=10)
    kinds = compare(records[records["ts_recv"] < end + BIN], bins, MarkOracle(large=10, start=OPEN_NS))
    assert set(kinds) == {"iceberg", "sweep", "large", "pull"}
    assert kinds["large"] > 500
    if whole:
        bins = replay(open_dbn(source), Instrument("ESH4", "0.25"), start_ns=OPEN_NS)
        assert Counter((m.kind, m.detail * (m.kind == "large")) for b in bins for m in b.marks) == {
            ("iceberg", 0): 83,
            ("sweep", 0): 3,
            ("large", 0): 13,
            ("large", 1): 32,
            ("pull", 0): 22,
        }


def test_a_resumed_replay_has_the_same_marks(tmp_path: Path) -> None:
    """From the checkpoint before the first bin; one of another size is not used."""
    path, kept = tmp_path / "market.dbn.zst", tmp_path / "state.book"
    write_market(path, seed=3, minutes=1, date="2026-02-06", start="09:35")
    first = next(iter(replay(open_dbn(path), Instrument("SYNM6", "0.25")))).fields["bin_start_ns"]
    asked = {"start_ns": int(first) + 20 * SECOND, "warmup_s": 10.0, "checkpoint": kept}

    def bins(large_size: int) -> tuple[bool, list[tuple[Mark, ...]]]:
        one = replay(open_dbn(path), Instrument("SYNM6", "0.25"), large_size=large_size, **asked)  # type: ignore[arg-type]
        return one.resumed, [closed.marks for closed in one]

    (fresh, marks), (resumed, again), (other, more) = bins(12), bins(12), bins(8)
    assert (fresh, resumed, other) == (False, True, False)
    assert marks == again
    assert sum(map(len, more)) > sum(map(len, marks)) > 20


def test_a_checkpoint_in_the_middle_of_a_sweep_keeps_it(tmp_path: Path) -> None:
    market, path = Market(), tmp_path / "state.book"
    parts = event(*[record("T", "B", ASK + i, 30, 90) for i in range(3)])
    market.engine.apply(stream(record("A", "B", BID - 9, 60, 8), *parts[:2]))
    market.engine.save_checkpoint(path)
    engine = BookEngine.load_checkpoint(path)
    engine.apply(stream(parts[2]))
    marks = BinReader(50, TICK, 1).read(engine.arrays, 0, T0, T0 + BIN).marks
    assert marks == (Mark("sweep", price(ASK + 2), 90, "buy", 3), Mark("large", price(BID - 9), 60, "buy", 1))


@pytest.mark.parametrize("size", [0, -1, 2**32 + 1, 1.5, True, "50"])
def test_sizes_that_are_none(size: object) -> None:
    with pytest.raises(ParameterError, match=r"large_size=.*: (must be|out of range)"):
        replay([], Instrument("X", "0.25"), large_size=size)  # type: ignore[arg-type]
