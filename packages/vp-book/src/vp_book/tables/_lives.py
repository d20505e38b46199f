"""The loop over records that writes down what happens to every order.

Each record is applied to the book, and what it did to the order that it names is read off the order map before and
after it. So the rules of the book are in one place, and a life is what the book saw.

- `lives`   `LIFE` (capacity,): a row for every order that came, in order of time
- `rows`    int64 (capacity, 5): order id -> row, a map as in `book.orders` with the row as the tick
- `levels`  int64 (capacity, 5): side and price tick -> the orders there, with their number as the size, what they
  display as the fill, and the row plus 1 of the first of their list as the turn
- `fresh`   int64 (capacity,): rows that came or moved since the last event boundary
- `seen`    int64 (SEEN,): see below
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from vp_book._fields import record_dtype
from vp_book._jit import called, kernel
from vp_book.book.apply import apply_records
from vp_book.book.orders import O_FILL, O_ID, O_SIZE, O_TICK, O_TURN, find, insert, remove
from vp_book.book.state import ASK, BID, DONE, NO_LEVEL, Arrays
from vp_book.records import ACTION_CLEAR, ACTION_FILL, ACTION_NONE, ACTION_TRADE, F_SNAPSHOT, F_TOB

NO_ROOM: Final = 200
TOP_OF_BOOK: Final = 201

RESTING: Final = 0
FILLED: Final = 1
PULLED: Final = 2
CLEARED: Final = 3

SEEN: Final = 4
S_ROWS: Final = 0  # rows in use
S_FRESH: Final = 1
S_BEST: Final = 2  # price ticks of the best bid and ask at the last event boundary

_UNDEFINED_SIZE: Final = 2**32 - 1
_FOREVER: Final = 2**62
_I: Final = "<i8"

LIFE: Final = record_dtype(
    "Life",
    (
        ("order_id", _I),
        ("side", _I),
        ("first_tick", _I),
        ("tick", _I),
        ("first_size", _I),
        ("displayed", _I),  # now, 0 when it is gone
        ("gained", _I),
        ("filled", _I),
        ("pulled", _I),
        ("unsettled", _I),  # filled, with no cancel or modify yet
        ("began", _I),  # ns UTC
        ("touched", _I),  # ns UTC, -1 for not yet
        ("ended", _I),  # ns UTC, -1 while it rests
        ("orders_ahead", _I),
        ("size_ahead", _I),
        ("moves", _I),
        ("requeued", _I),
        ("place", _I),  # its turn in the order map
        ("outcome", _I),
        ("snapshot", _I),
        ("following", _I),  # row plus 1 of the next one at its level, 0 for none
        ("previous", _I),
    ),
)


class Lives(NamedTuple):
    """The whole state, in the form that compiled code takes."""

    lives: np.ndarray
    rows: np.ndarray
    levels: np.ndarray
    fresh: np.ndarray
    seen: np.ndarray


@kernel
def follow_orders(records: np.ndarray, start: int, a: Arrays, f: Lives) -> tuple[int, int]:
    """Apply `records[start:]` one by one, and note what each does to its order.

    Returns (index of the first record not applied, status), as `apply_records` does.
    """
    s = a.scalars[0]
    counts = a.counts[0]
    for i in range(start, records.shape[0]):
        r = records[i]
        if r.flags & F_TOB != 0:
            return i, TOP_OF_BOOK
        if _full(f):
            return i, NO_ROOM
        _settle_before(np.int64(r.order_id), a, f)
        events, foreign, own_fills = s.events, counts.foreign_records, counts.aggressor_fill
        at, status = apply_records(records[: i + 1], i, _FOREVER, a)
        if at == i:
            return i, status
        if counts.foreign_records == foreign:
            ended_by_it = s.in_event == 0 and s.in_snapshot == 0
            ended_before = s.events - events > (1 if ended_by_it else 0)
            _note(r, ended_before, counts.aggressor_fill != own_fills, a, f)
            if ended_by_it:
                _look(s, f)
        if status != DONE:
            return at, status
    return records.shape[0], DONE


@kernel
def rehash_lives(old: np.ndarray, new: np.ndarray) -> None:
    """Copy every entry into an empty, larger map."""
    for i in range(old.shape[0]):
        if old[i, O_SIZE] != 0:
            insert(new, old[i, O_ID], old[i, O_TICK], old[i, O_SIZE], old[i, O_TURN])
            new[find(new, old[i, O_ID]), O_FILL] = old[i, O_FILL]


@called
def _full(f: Lives) -> bool:
    """Whether one more order might not fit; a map is kept at most half full, also if every order has its own level."""
    n = f.seen[S_ROWS]
    return bool(n >= f.lives.shape[0] or 2 * (n + 1) > f.rows.shape[0] or f.seen[S_FRESH] >= f.fresh.shape[0])


@called
def _note(r: Any, ended_before: bool, own_fill: bool, a: Arrays, f: Lives) -> None:
    action = r.action
    now = a.scalars[0].clock
    if action == ACTION_CLEAR:
        _clear(now, f)
        return
    if action in (ACTION_TRADE, ACTION_NONE):
        return
    order_id = np.int64(r.order_id)
    known = find(f.rows, order_id)
    slot = find(a.orders, order_id)
    if known < 0:
        if slot >= 0:
            _begin(a.orders[slot], now, r.flags & F_SNAPSHOT != 0, f)
        return
    row = f.rows[known, O_TICK]
    life = f.lives[row]
    if ended_before:
        _settle(life)
    if action == ACTION_FILL:
        if not own_fill and np.int64(r.size) != _UNDEFINED_SIZE:
            life.filled += np.int64(r.size)
            life.unsettled += np.int64(r.size)
    else:
        tick, signed = (a.orders[slot, O_TICK], a.orders[slot, O_SIZE]) if slot >= 0 else (life.tick, 0)
        settled = life.unsettled != 0 and (slot < 0 or a.orders[slot, O_FILL] == 0)
        if settled or signed != _signed(life) or tick != life.tick:
            _change(row, known, tick, signed, now, f)
        if slot >= 0 and a.orders[slot, O_TURN] != life.place:
            life.place = a.orders[slot, O_TURN]
            life.requeued += 1
    if slot >= 0 and a.orders[slot, O_FILL] == 0:
        _settle(life)  # the event is over


@called
def _signed(life: Any) -> int:
    return life.displayed if life.side == BID else -life.displayed  # type: ignore[no-any-return]


@called
def _settle(life: Any) -> None:
    """Fills that nothing followed were of hidden quantity: what is displayed has not changed."""
    life.gained += life.unsettled
    life.unsettled = 0


@called
def _settle_before(order_id: int, a: Arrays, f: Lives) -> None:
    """The event in which an order was filled is over, and nothing followed."""
    known = find(f.rows, order_id)
    if known >= 0:
        life = f.lives[f.rows[known, O_TICK]]
        if life.unsettled != 0 and a.orders[find(a.orders, order_id), O_FILL] == 0:
            _settle(life)


@called
def _begin(order: np.ndarray, now: int, snapshot: bool, f: Lives) -> None:
    row = f.seen[S_ROWS]
    f.seen[S_ROWS] += 1
    life = f.lives[row]
    life.order_id = order[O_ID]
    life.side = BID if order[O_SIZE] > 0 else ASK
    life.first_tick = order[O_TICK]
    life.tick = order[O_TICK]
    life.first_size = abs(order[O_SIZE])
    life.displayed = abs(order[O_SIZE])
    life.began = now
    life.touched = -1
    life.ended = -1
    life.place = order[O_TURN]
    life.snapshot = snapshot
    level = find(f.levels, _key(life.side, life.tick))
    if level >= 0:
        life.orders_ahead = f.levels[level, O_SIZE]
        life.size_ahead = f.levels[level, O_FILL]
    insert(f.rows, order[O_ID], row, 1, 0)
    _join(row, f)


@called
def _change(row: int, known: int, tick: int, signed: int, now: int, f: Lives) -> None:
    """What a cancel or a modify has left of an order."""
    life = f.lives[row]
    difference = abs(signed) - life.displayed + life.unsettled
    outcome = PULLED if difference < 0 or life.unsettled == 0 else FILLED
    if difference < 0:
        life.pulled -= difference
    else:
        life.gained += difference
    life.unsettled = 0
    side = life.side if signed == 0 else BID if signed > 0 else ASK
    moved = tick != life.tick or side != life.side
    _leave(row, f)
    life.displayed = abs(signed)
    if signed == 0:
        life.ended = now
        life.outcome = outcome
        remove(f.rows, known)
        return
    life.tick = tick
    life.side = side
    if moved:
        life.moves += 1
    _join(row, f)


@called
def _clear(now: int, f: Lives) -> None:
    for slot in range(f.rows.shape[0]):
        if f.rows[slot, O_SIZE] != 0:
            life = f.lives[f.rows[slot, O_TICK]]
            _settle(life)
            life.ended = now
            life.outcome = CLEARED
    f.rows[:, O_SIZE] = 0
    f.levels[:, O_SIZE] = 0
    f.seen[S_FRESH] = 0


@called
def _key(side: int, tick: int) -> int:
    return 2 * tick + side


@called
def _join(row: int, f: Lives) -> None:
    """The order is at its level from now on."""
    life = f.lives[row]
    key = _key(life.side, life.tick)
    level = find(f.levels, key)
    if level < 0:
        insert(f.levels, key, 0, 1, 0)
        level = find(f.levels, key)
        f.levels[level, O_FILL] = life.displayed
    else:
        f.levels[level, O_SIZE] += 1
        f.levels[level, O_FILL] += life.displayed
    first = f.levels[level, O_TURN]
    life.following = first
    life.previous = 0
    if first > 0:
        f.lives[first - 1].previous = row + 1
    f.levels[level, O_TURN] = row + 1
    if life.touched < 0:
        f.fresh[f.seen[S_FRESH]] = row
        f.seen[S_FRESH] += 1


@called
def _leave(row: int, f: Lives) -> None:
    """The order is at its level no longer."""
    life = f.lives[row]
    level = find(f.levels, _key(life.side, life.tick))
    if life.following > 0:
        f.lives[life.following - 1].previous = life.previous
    if life.previous > 0:
        f.lives[life.previous - 1].following = life.following
    else:
        f.levels[level, O_TURN] = life.following
    if f.levels[level, O_SIZE] == 1:
        remove(f.levels, level)
    else:
        f.levels[level, O_SIZE] -= 1
        f.levels[level, O_FILL] -= life.displayed


@called
def _look(s: Any, f: Lives) -> None:
    """An event boundary: the orders at the best prices have been touched, those that were there before included."""
    now = s.clock
    for side in range(2):
        best = s.bid_tick if side == BID else s.ask_tick
        size = s.bid_size if side == BID else s.ask_size
        if size == 0:
            best = NO_LEVEL
        if best != f.seen[S_BEST + side]:
            f.seen[S_BEST + side] = best
            level = find(f.levels, _key(side, best))
            row = f.levels[level, O_TURN] if level >= 0 else 0
            while row > 0:
                if f.lives[row - 1].touched < 0:
                    f.lives[row - 1].touched = now
                row = f.lives[row - 1].following
    for i in range(f.seen[S_FRESH]):
        life = f.lives[f.fresh[i]]
        if life.ended < 0 and life.touched < 0 and life.tick == f.seen[S_BEST + life.side]:
            life.touched = now
    f.seen[S_FRESH] = 0
