"""The book that is there before the file begins, and snapshots of a book as records."""

from __future__ import annotations

from typing import Final

from vp_book._jit import kernel
from vp_book.records import ACTION_ADD, ACTION_CLEAR, SIDE_NONE, UNDEF_PRICE
from vp_book.synthetic.market.draws import below, draw
from vp_book.synthetic.market.fair import fresh_taste
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import ASK, BID, KIND_PLAIN, MAX_ORDERS, N_LEVELS, NIL, Market, Sim
from vp_book.synthetic.market.tables import MAX_DISTANCE
from vp_book.synthetic.orders.emit import FLAGS_SNAPSHOT, FLAGS_SNAPSHOT_LAST, record
from vp_book.synthetic.orders.flow import level_at, order_size
from vp_book.synthetic.orders.queues import new_id, new_order

_DEEPEST: Final = 600
"""Farthest order of the first book, in ticks from the touch."""


@called
def _first_depth(sim: Sim, distance: int, level: int) -> int:
    """Contracts to put at a level of the first book; beyond the profile only round prices have any."""
    if distance <= MAX_DISTANCE:
        return int(sim["profile"][distance] * sim["levels"][level]["taste"] >> 8)
    if (sim["base_tick"] + level) % 20 == 0:
        return int(2 + below(sim, 25))
    return 0


@called
def populate(sim: Sim) -> None:
    """Fill an empty book with orders that were sent, in random order, over the three hours before the file begins."""
    for level in range(N_LEVELS):
        sim["levels"][level]["taste"] = fresh_taste(sim, level)
    n = 0
    total = MAX_ORDERS // 2
    plan = sim["touched"]
    for distance in range(_DEEPEST + 1):
        for side in (BID, ASK):
            left = _first_depth(sim, distance, level_at(sim, side, distance))
            while left > 0 and n < total:
                size = min(order_size(sim, distance), left)
                plan[n] = (distance * 2 + side) * 4096 + size
                left -= size
                n += 1
    for i in range(n - 1, 0, -1):
        j = below(sim, i + 1)
        plan[i], plan[j] = plan[j], plan[i]
    gap = 3 * 3_600_000_000_000 // (n + 1)
    for i in range(n):
        sim["now"] = sim["start"] - gap * (n - i) + below(sim, gap // 2)
        sim["sequence"] += 1 + below(sim, 4)
        side = (plan[i] >> 12) & 1
        new_order(sim, new_id(sim), side, level_at(sim, side, plan[i] >> 13), plan[i] & 4095, 0, KIND_PLAIN)
    sim["now"] = sim["start"]


@called
def _snapshot_side(sim: Sim, side: int, recv: int) -> None:
    step = -1 if side == BID else 1
    level = level_at(sim, side, 0)
    while 0 <= level < N_LEVELS:
        slot = sim["levels"][level]["head"]
        while slot != NIL:
            order = sim["orders"][slot]
            record(sim, ACTION_ADD, side, order["id"], level, order["size"])
            out = sim["out"][sim["out_n"] - 1]
            out["flags"] = FLAGS_SNAPSHOT
            out["ts_event"] = order["ts"]
            out["ts_recv"] = recv
            out["ts_in_delta"] = 0
            out["sequence"] = order["sequence"]
            slot = order["next"]
        level += step


@called
def write_snapshot(sim: Sim, ts: int) -> None:
    """Write a clear and every resting order as the venue shows it, in order of priority, received at `ts` ns or later.

    As in Databento's snapshots, each order carries the time and the sequence of its own latest change.
    """
    recv = max(ts, sim["recv"])
    sim["now"] = max(ts, sim["now"])
    sim["recv"] = recv
    record(sim, ACTION_CLEAR, BID, 0, 0, 0)
    out = sim["out"][sim["out_n"] - 1]
    out["side"] = SIDE_NONE
    out["price"] = UNDEF_PRICE
    out["flags"] = FLAGS_SNAPSHOT
    out["ts_event"] = ts
    out["ts_recv"] = recv
    out["ts_in_delta"] = 0
    _snapshot_side(sim, BID, recv)
    _snapshot_side(sim, ASK, recv)
    sim["out"][sim["out_n"] - 1]["flags"] = FLAGS_SNAPSHOT_LAST


@kernel
def open_market(market: Market) -> None:
    """Populate the book and write the opening snapshot."""
    sim = market[0]
    populate(sim)
    write_snapshot(sim, sim["start"])
    sim["taker"] = draw(sim) & 1
    sim["regime"] = 100
    sim["next_flow"] = sim["start"] + 1_000_000 + below(sim, 1_000_000)
    sim["next_fleeting"] = sim["end"]
    sim["next_fair"] = sim["start"] + 5_000_000 + below(sim, 10_000_000)
