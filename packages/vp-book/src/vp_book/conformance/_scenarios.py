"""What the digest is made of: one scenario after the other, each exercising rules that the others do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from vp_book.bins.reader import Bin
from vp_book.bins.replay import replay
from vp_book.book.engine import EVENT_ENDS, BookEngine
from vp_book.errors import EventEndError
from vp_book.instrument import Instrument
from vp_book.physics.parameters import Physics
from vp_book.records import F_BAD_TS_RECV, F_SNAPSHOT

from ._market import Market
from ._oddities import contradictions, crossings, doubts, fills, top_of_book, unended
from ._plain import fixed_input
from ._tape import ASK, BID, INSTRUMENT, MS, SECOND, Tape, add, cancel, clear, fill, modify, trade

Values = Iterator[object]
"""What a scenario gives: numbers, arrays, and mappings and sequences of them. Words are left out of the digest."""

_FUTURE: Final = Instrument("CONF", "0.25")
_SPREAD: Final = Instrument("CONF-CONF", "0.05")
_SHARE: Final = Instrument("CONFX", "0.01", "equity_mbo", "0.05")
_PHYSICS: Final = Physics(
    tau_velocity=0.4,
    tau_acceleration=1.1,
    tau_jerk=2.7,
    tau_rest_decay=6.0,
    c1_v_add=0.9,
    c2_v_rest_pos=0.45,
    c3_a_add=0.35,
    c4_v_pull=1.1,
    c5_v_fill=1.6,
    c6_v_rest_neg=0.55,
    c7_a_pull=0.25,
)
"""Every constant differs from every other one and from its default."""
_RADIUS: Final = 8
_FRIDAY: Final = date(2026, 2, 6)
_NEW_YORK: Final = ZoneInfo("America/New_York")
_FAR: Final = (
    (401, BID, 1_100, 2),
    (402, BID, 1_090, 3),
    (403, BID, 1_095, 4),
    (404, ASK, 2_900, 5),
    (405, ASK, 2_910, 6),
    (406, ASK, 2_905, 7),
)


def _at(clock: str, day: date = _FRIDAY) -> int:
    """ns UTC of a time in New York."""
    moment = datetime.combine(day, datetime.strptime(clock, "%H:%M:%S").time(), _NEW_YORK)
    return int(moment.astimezone(UTC).timestamp()) * SECOND


def _seen(bin_: Bin) -> tuple[object, ...]:
    return bin_.fields, bin_.cells, bin_.pressure, bin_.vacuum, bin_.window_lo, bin_.shift_cells


def _book(engine: BookEngine) -> tuple[object, ...]:
    return (
        engine.bbo(),
        engine.levels("bid"),
        engine.levels("ask"),
        engine.flow_totals(),
        (engine.order_count, engine.event_count, engine.clock_ns, engine.book_valid),
        engine.certificate(),
    )


def plain() -> Values:
    """A book of forty levels, and what usually happens to it."""
    run = replay([fixed_input()], _FUTURE, cell_width_ms=50, grid_radius_ticks=20, n_absolute_ticks=1024)
    for bin_ in run:
        yield _seen(bin_)
    yield run.certificate()


def future() -> Values:
    """A future from its opening snapshot on: warm-up, every kind of event, oddities, and a range that moves twice."""
    start = _at("09:30:00")
    tape = Tape(start - 2 * SECOND, _FUTURE.tick_int)
    market = Market(tape, 20260206, 2_000)
    tape.write(*(r._replace(flags=F_SNAPSHOT, venue=-(10**13)) for r in market.opening()))
    tape.write(*(add(*order, flags=F_SNAPSHOT) for order in _FAR))
    while tape.now < start + SECOND:  # 1 s before the warm-up, 1 s of it, 1 s of bins
        market.step(11.7)
    contradictions(tape, market.middle, _FUTURE.tick_int, 9)
    fills(tape, market.middle, _FUTURE.tick_int, 9)
    tape.wait(450)  # bins without an event
    for ticks in (45, 2, -90):
        # the event begins in one bin and ends in the next one
        tape.now += 100 * MS - tape.now % (100 * MS) - 20_000
        market.jump(ticks)
        tape.event(*(modify(i, side, tick + ticks, size) for i, side, tick, size in _FAR if ticks == 2))
        for _ in range(9):
            market.step(23.1)
    doubts(market, 112)  # so that each state of the book stands at the end of a bin
    for order_id, side, tick, size in _FAR[:4]:
        tape.wait(7)
        tape.event(cancel(order_id, side, tick + 2, size))
    unended(tape, market.middle, 13)
    tape.wait(1)
    tape.write(add(499, BID, market.middle - 3, 2))  # of an event that does not end
    records = tape.records()
    chunks = np.split(records, [1, 30, 31, len(records) // 2])
    run = replay(
        chunks,
        _FUTURE,
        _PHYSICS,
        cell_width_ms=100,
        grid_radius_ticks=_RADIUS,
        n_absolute_ticks=2 * (_RADIUS + 256) + 40,
        start_ns=start,
        warmup_s=1,
    )
    for bin_ in run:
        yield _seen(bin_)
    yield run.certificate(), _book(run.engine)


def _share_records() -> np.ndarray:
    tape = Tape(_at("00:00:00"), _SHARE.tick_int)
    market = Market(tape, 7, 1_002, depth=17)
    tape.event(clear())
    tape.now = _at("01:30:00")
    tape.event(*(r._replace(flags=F_SNAPSHOT) for r in market.opening()))
    tape.event(add(501, BID, 1_001, 90))  # before the session: not taken
    tape.now = _at("02:00:00") - 5 * MS
    tape.event(add(502, ASK, 1_002, 90))
    tape.wait(5)
    for _ in range(60):
        market.step(11)
    tape.now = _at("09:29:59")
    for _ in range(60):
        market.step(33)
    tape.now = _at("15:59:59") + 500 * MS
    for _ in range(60):
        market.step(9.9)
    return tape.records()


def share() -> Values:
    """A share in cells of five price ticks, at the begin and the end of its session and over its open."""
    records = _share_records()
    for clock, seconds in (("02:00:00", 1), ("09:29:59", 2), ("15:59:59", 2)):
        start = _at(clock)
        run = replay(
            [records],
            _SHARE,
            _PHYSICS,
            cell_width_ms=250,
            grid_radius_ticks=_RADIUS,
            n_absolute_ticks=2 * (_RADIUS + 256) + 2,
            start_ns=start,
            end_ns=start + seconds * SECOND + 100 * MS,
            warmup_s=0.5,
            max_silence_s=86_400,
        )
        for bin_ in run:
            yield _seen(bin_)
        yield run.certificate(), _book(run.engine)


def best_prices() -> Values:
    """A top-of-book feed around a price of 0."""
    tape = Tape(_at("10:00:00"), _SPREAD.tick_int)
    top_of_book(tape, _SPREAD.tick_int, 40)
    run = replay([tape.records()], _SPREAD, _PHYSICS, grid_radius_ticks=_RADIUS, n_absolute_ticks=600)
    for bin_ in run:
        yield _seen(bin_)
    yield run.certificate(), _book(run.engine)


def phases() -> Values:
    """A locked and a crossed book just before and just after every bound of a week of sessions."""
    for instrument, clocks in (
        (_FUTURE, ("16:00:00", "17:00:00", "18:00:00")),
        (_SHARE, ("02:00:00", "09:30:00", "16:00:00", "20:00:00")),
    ):
        tape = Tape(_at("00:10:00", _FRIDAY - timedelta(1)), instrument.tick_int)
        tape.event(add(1, BID, 990, 5), add(2, ASK, 1_000, 5), add(3, BID, 991, 2))
        engine = BookEngine(instrument, n_absolute_ticks=64, edge_margin_ticks=8)
        seen = []
        for days in range(5):  # Thursday to Monday
            for clock in clocks:
                bound = _at(clock, _FRIDAY + timedelta(days - 1))
                tape.now = bound - 1_000_000
                crossings(tape, 3, 1_000)
                tape.now = bound
                tape.event(modify(3, BID, 1_001, 2, venue=-2_000))  # received after the bound, sent before it
                crossings(tape, 3, 1_000)
        records = tape.records()
        for at in range(len(records)):
            engine.apply(records[at : at + 1])
            certificate = engine.certificate()
            seen.append((engine.book_valid, certificate["crossed_boundaries"], certificate["locked_boundaries"]))
        yield seen, _book(engine)


def clocks() -> Values:
    """Times that cannot be true: the first, one ahead, one far ahead that is, some behind, undefined ones."""
    for first in ("good", "early", "outlier", "snapshot"):
        tape = Tape(_at("11:00:00"), _FUTURE.tick_int)
        far = {"absolute": tape.now + 7_200 * SECOND, "venue": -1_000}
        opening = {"good": {}, "early": {"absolute": 0}, "outlier": far, "snapshot": {"flags": F_SNAPSHOT}}[first]
        tape.event(add(1, BID, 1_999, 5, **opening))
        tape.wait(10)
        tape.event(add(2, ASK, 2_001, 5))
        for n, more in enumerate(
            (
                {"recv": -3 * MS},
                {"absolute": 2**63, "venue": 0},
                {"recv": 59 * SECOND, "venue": 0},  # ahead, and near enough
                {"recv": 30 * SECOND, "flags": F_BAD_TS_RECV},
                {"recv": 3_600 * SECOND, "venue": 0},  # ahead, and nothing confirms it
                {"recv": 60 * SECOND},
                {"recv": 70 * SECOND, "venue": -(10**12)},
                {"recv": 400 * SECOND, "venue": 0},  # ahead, and the next one confirms it
                {"recv": 401 * SECOND, "venue": 0},
                {"recv": 402 * SECOND},
            )
        ):
            tape.event(modify(1, BID, 1_999, 6 + n % 5, **more))
        records = tape.records()
        engine = BookEngine(_FUTURE, _PHYSICS, n_absolute_ticks=64, edge_margin_ticks=8)
        for at in range(len(records)):
            engine.apply(records[at : at + 1])
            yield engine.clock_ns, engine.tick_state(1_999 * _FUTURE.tick_int, engine.clock_ns)
        yield _book(engine)


def small_range() -> Values:
    """A range of a few cells that moves time and again: what leaves it is lost, what enters is rebuilt."""
    for instrument, edge in ((_FUTURE, 12), (_SHARE, 9)):
        tape = Tape(_at("12:00:00"), instrument.tick_int)
        market = Market(tape, 99, 3_000, depth=20)
        engine = BookEngine(instrument, _PHYSICS, n_absolute_ticks=48, edge_margin_ticks=edge)
        tape.event(*(r._replace(flags=F_SNAPSHOT) for r in market.opening()))
        tape.event(*(add(400 + n, BID, 2_979 - 2 * n, 1 + n) for n in range(4)))  # stay where they are
        done = 0
        bucket = instrument.bucket_ticks
        for ticks in (5, 9, 30, 4, 0, -26, 3, -14, -61, 2, *(-1,) * 24):
            for _ in range(6 if ticks != -1 else 0):
                market.step(35)
            if ticks == 0:
                tape.event(*(cancel(400 + n, BID, None, 9) for n in (1, 3)))
            if ticks == -26:
                tape.event(*(cancel(400 + n, BID, None, 9) for n in (0, 2)))
            market.jump(ticks * bucket)
            records = tape.records()
            engine.apply(records[done:])
            done = len(records)
            yield engine.bbo(), engine.levels("bid"), engine.levels("ask"), engine.certificate()["recenterings"]
            for distance in range(-30, 31, 2) if ticks != -1 else ():
                price = (market.middle + distance * bucket) * instrument.tick_int
                yield engine.tick_state(price, tape.now + SECOND)
        engine.reanchor()
        yield _book(engine)


def far_away() -> Values:
    """Best prices far outside of the range, on either side, that come and go: the range goes after them."""
    tape = Tape(_at("12:30:00"), _FUTURE.tick_int)
    tape.event(add(1, BID, 1_999, 5), add(2, ASK, 2_001, 5))
    tape.event(*(add(10 + n, BID, 1_000 + 7 * (n * 5 % 11), 1 + n) for n in range(11)))
    tape.event(*(add(30 + n, ASK, 3_000 - 7 * (n * 4 % 11), 1 + n) for n in range(11)))
    tape.event(cancel(1, BID, 1_999, 5))
    tape.event(cancel(2, ASK, 2_001, 5))
    for n in (9, 7, 0, 5, 3):
        tape.event(cancel(10 + n, BID, None, 99))
        tape.event(cancel(30 + 10 - n, ASK, None, 99))
    tape.event(add(50, BID, 2_500, 3))
    tape.event(cancel(50, BID, 2_500, 3))
    records = tape.records()
    engine = BookEngine(_FUTURE, n_absolute_ticks=64, edge_margin_ticks=8)
    for at in range(len(records)):
        engine.apply(records[at : at + 1])
        yield engine.bbo(), engine.levels("bid"), engine.levels("ask"), engine.certificate()["recenterings"]
    yield _book(engine)


def long_decay() -> Values:
    """Time constants so far apart that the origin of the decay moves while most of what was there is still felt."""
    physics = Physics(tau_velocity=0.05, tau_acceleration=6.0, tau_jerk=15.0, tau_rest_decay=25.0)
    tape = Tape(_at("13:00:00"), _FUTURE.tick_int)
    market = Market(tape, 5, 4_000, depth=6)
    tape.event(*market.opening())
    engine = BookEngine(_FUTURE, physics, n_absolute_ticks=64, edge_margin_ticks=12)
    done = 0
    for wait_ms in (10, 12_700, 200, 20_000, 10):
        tape.wait(wait_ms)
        for _ in range(8):
            market.step(3)
        records = tape.records()
        engine.apply(records[done:])
        done = len(records)
        for distance in range(-7, 8):
            yield engine.tick_state((market.middle + distance) * _FUTURE.tick_int, tape.now + 40 * MS)


def crowded_map() -> Values:
    """Order ids that compete for the same places of the order map, over its end too."""
    tape = Tape(_at("14:00:00"), _FUTURE.tick_int)
    tape.event(add(1, BID, 1_999, 5), add(2, ASK, 2_001, 5))
    ids = _CROWDED
    tape.event(*(add(order_id, BID, 1_990 - n, 3 + n) for n, order_id in enumerate(ids)))
    engine = BookEngine(_FUTURE, n_absolute_ticks=64, edge_margin_ticks=8)
    for order_id in (ids[0], ids[1], ids[5], ids[3], ids[7]):
        tape.event(cancel(order_id, BID, 0, 99))
    for n, order_id in enumerate(ids):
        tape.event(modify(order_id, BID, 1_980 - n, 4 + n))
    engine.apply(tape.records())
    yield _book(engine)


def silence() -> Values:
    """A silence longer than is allowed: what ends in it is not valid."""
    tape = Tape(_at("14:10:00"), _FUTURE.tick_int)
    market = Market(tape, 3, 2_000, depth=5)
    tape.event(*market.opening())
    market.step(50)
    tape.wait(1_300)
    for _ in range(5):
        market.step(50)
    run = replay(
        [tape.records()], _FUTURE, grid_radius_ticks=4, n_absolute_ticks=600, cell_width_ms=200, max_silence_s=0.5
    )
    for bin_ in run:
        yield bin_.fields


def event_ends() -> Values:
    """A venue that flags no event end: events by its time; and the same records where flags are awaited."""
    tape = Tape(_at("14:20:00"), _FUTURE.tick_int)
    same = {"venue": -5_000}
    tape.write(add(1, BID, 1_999, 5, **same), add(2, ASK, 2_001, 5, **same))
    for written in (
        [modify(1, BID, 2_001, 5), modify(2, ASK, 2_003, 5)],  # locked between the two, which nobody is to see
        [trade(BID, 2_003, 2), fill(2, ASK, 2_003, 2), cancel(2, ASK, 2_003, 2)],
        [fill(1, BID, 2_001, 1)],
        [modify(1, BID, 2_000, 4, sequence=3)],  # out of sequence
        [modify(2, ASK, 2_002, 6)],
    ):
        tape.wait(20)
        tape.write(*(r._replace(recv=n * 2_000, venue=-9_000) for n, r in enumerate(written)))
    tape.wait(150)
    tape.write(modify(1, BID, 1_998, 4, venue=0))
    records = tape.records()
    for ends in EVENT_ENDS:
        engine = BookEngine(_FUTURE, _PHYSICS, n_absolute_ticks=64, edge_margin_ticks=8, event_ends=ends)
        for at in range(len(records)):
            engine.apply(records[at : at + 1])
            yield engine.book_valid, engine.event_count, engine.flow_totals()
        with suppress(EventEndError):
            engine.finish()
        yield _book(engine)


def others() -> Values:
    """Records of another instrument among those of the book's own."""
    tape = Tape(_at("14:30:00"), _FUTURE.tick_int)
    tape.event(add(1, BID, 1_999, 5), add(2, ASK, 2_001, 5), add(3, BID, 2_000, 5, instrument=INSTRUMENT + 1))
    tape.event(cancel(1, BID, 1_999, 1, instrument=INSTRUMENT + 1), modify(2, ASK, 2_002, 6))
    engine = BookEngine(_FUTURE, n_absolute_ticks=64, edge_margin_ticks=8, instrument_id=INSTRUMENT)
    engine.apply(tape.records())
    yield _book(engine)


_CROWDED: Final = (1010828, 1020271, 1031855, 1046888, 1224501, 1226642, 1254653, 1256119)
"""Ids whose places in a map of 16384 are 16382, 16383, 16383, 0, 16382, 16383, 1 and 0."""
_SCENARIOS: Final[tuple[Callable[[], Values], ...]] = (
    best_prices,
    others,
    event_ends,
    clocks,
    crowded_map,
    silence,
    phases,
    share,
    long_decay,
    future,
    small_range,
    far_away,
    plain,
)
SCENARIOS: Final = {scenario.__name__: scenario for scenario in _SCENARIOS}
"""Name -> scenario, in the order of the digest."""
