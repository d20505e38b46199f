"""The book that is there before the file begins, and snapshots of a book as records."""

from __future__ import annotations

from typing import Final

from vp_book._jit import kernel
from vp_book.records import ACTION_ADD, ACTION_CLEAR, NS_PER_S, SIDE_NONE, UNDEF_PRICE
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
_ROUND_TICKS: Final = 20
_LEAST_AT_ROUND: Final = 2
_ROUND_SPREAD: Final = 25
"""Beyond the profile one price in so many ticks has orders: the least contracts, and so many numbers from there on."""
_SENT_OVER_NS: Final = 3 * 3600 * NS_PER_S
"""Time before the file in which the orders of the first book were sent."""
_SEQUENCE_SPREAD: Final = 4
"""Sequence numbers from one of them to the next: 1 to this."""
_SIZE_BITS: Final = 12
"""Bits of a planned order's size: below its side (one bit) and its distance."""

_USUAL_REGIME: Final = 100
"""Volatility at the start, in hundredths of the usual one."""
_FIRST_FLOW_NS: Final = 1_000_000
_FIRST_FLOW_SPREAD_NS: Final = 1_000_000
_FIRST_FAIR_NS: Final = 5_000_000
_FIRST_FAIR_SPREAD_NS: Final = 10_000_000
"""When flow and the fair value begin to move after the start: the least, and how much later it may be."""


@called
def _first_depth(sim: Sim, distance: int, level: int) -> int:
    """Contracts to put at a level of the first book; beyond the profile only round prices have any."""
    if distance <= MAX_DISTANCE:
        return int(sim["profile"][distance] * sim["levels"][level]["taste"] >> 8)
    if (sim["base_tick"] + level) % _ROUND_TICKS == 0:
        return int(_LEAST_AT_ROUND + below(sim, _ROUND_SPREAD))
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
                plan[n] = ((distance * 2 + side) << _SIZE_BITS) + size
                left -= size
                n += 1
    for i in range(n - 1, 0, -1):
        j = below(sim, i + 1)
        plan[i], plan[j] = plan[j], plan[i]
    gap = _SENT_OVER_NS // (n + 1)
    for i in range(n):
        sim["now"] = sim["start"] - gap * (n - i) + below(sim, gap // 2)
        sim["sequence"] += 1 + below(sim, _SEQUENCE_SPREAD)
        side = (plan[i] >> _SIZE_BITS) & 1
        level, size = level_at(sim, side, plan[i] >> (_SIZE_BITS + 1)), plan[i] & ((1 << _SIZE_BITS) - 1)
        new_order(sim, new_id(sim), side, level, size, 0, KIND_PLAIN)
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
    sim["regime"] = _USUAL_REGIME
    sim["next_flow"] = sim["start"] + _FIRST_FLOW_NS + below(sim, _FIRST_FLOW_SPREAD_NS)
    sim["next_fleeting"] = sim["end"]
    sim["next_fair"] = sim["start"] + _FIRST_FAIR_NS + below(sim, _FIRST_FAIR_SPREAD_NS)
