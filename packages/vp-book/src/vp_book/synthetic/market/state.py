"""The memory of a running market: one flat record that every kernel gets.

One record, and not a tuple of arrays, because compile time is a user's first minute: a record is passed as one
pointer, a tuple as a hundred scalars through every call. Measured on a chain of twelve small kernels: 1.1 s against
4.0 s.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_book.records import KERNEL_DTYPE
from vp_book.synthetic.market import tables as _tables

MAX_ORDERS: Final = 32_768
"""Resting orders the venue takes; an add beyond it is refused and leaves no record."""
MAX_ICEBERGS: Final = 256
N_LEVELS: Final = 16_384
"""Price levels, centred on the opening price: 2048 points either way."""
N_WALLS: Final = 12
MAX_FLEETING: Final = 256
MAX_SECONDS: Final = 24 * 3600 + 2
MAX_EPISODES: Final = 24 * 3600 // 8 + 4
RAW_BLOCK: Final = 1 << 18
"""Random words drawn at a time. What is left of a block is dropped, so the size is part of what a seed means."""
RAW_MARGIN: Final = 4_096
"""More random words than one step can use."""
OUT_BLOCK: Final = 1 << 18
OUT_MARGIN: Final = 1 << 17
"""More records than one step can write: two per order, a fill per refresh of an iceberg, a trade per level."""

BID: Final = 0
ASK: Final = 1
"""Sides; the other side is `1 - side`."""
NIL: Final = -1
"""End of a queue, or no order."""

KIND_PLAIN: Final = 0
KIND_WALL: Final = 1
KIND_FLEETING: Final = 2
"""Kinds of orders: pulls and changes pick plain ones only, the others answer to their owner alone."""

ORDER_DTYPE: Final = np.dtype(
    [
        ("id", "<i8"),
        ("level", "<i8"),
        ("side", "<i8"),
        ("size", "<i8"),  # displayed
        ("hidden", "<i8"),
        ("peak", "<i8"),  # display size of an iceberg, 0 for a plain order
        ("kind", "<i8"),
        ("prev", "<i8"),
        ("next", "<i8"),
        ("ts", "<i8"),  # of the latest change
        ("sequence", "<i8"),  # of the latest change
        ("serial", "<i8"),  # event that last filled it
        ("shown", "<i8"),  # displayed when that event began
    ]
)

LEVEL_DTYPE: Final = np.dtype(
    [
        ("head", "<i8"),
        ("tail", "<i8"),
        ("count", "<i8"),
        ("depth", "<i8"),  # displayed
        ("hidden", "<i8"),
        ("taste", "<i8"),  # what this price attracts, in 256ths of the profile
    ]
)

WALL_DTYPE: Final = np.dtype([("slot", "<i8"), ("id", "<i8"), ("until", "<i8"), ("shy", "<i8")])

FLEETING_DTYPE: Final = np.dtype([("slot", "<i8"), ("id", "<i8"), ("until", "<i8")])

SECOND_DTYPE: Final = np.dtype([("activity", "<f8"), ("step", "<i8")])
"""Activity of one second of the file, and the fair value's step in MICRO."""

EPISODE_DTYPE: Final = np.dtype([("ts", "<i8"), ("sign", "<i8")])

SIM_DTYPE: Final = np.dtype(
    [
        ("now", "<i8"),  # exchange time, ns
        ("recv", "<i8"),  # receive time of the packet being filled, ns
        ("delta", "<i8"),  # its ts_in_delta, ns
        ("sequence", "<i8"),
        ("packed", "<i8"),  # events in the packet
        ("serial", "<i8"),  # events so far
        ("next_id", "<i8"),
        ("raw_next", "<i8"),
        ("out_n", "<i8"),
        ("free_n", "<i8"),
        ("icebergs", "<i8"),
        ("base_tick", "<i8"),  # absolute tick of level 0
        ("ref_bid", "<i8"),  # level of the bid the market agrees on; its ask is one above
        ("fair", "<i8"),  # fair value in MICRO of a tick from level 0
        ("regime", "<i8"),  # volatility regime, per cent
        ("taker", "<i8"),  # side of the latest uninformed taker
        ("next_flow", "<i8"),
        ("next_fair", "<i8"),
        ("next_fleeting", "<i8"),  # the end when there is none
        ("fleeting_n", "<i8"),
        ("start", "<i8"),
        ("end", "<i8"),
        ("reset", "<i8"),  # time of the clear and new snapshot
        ("reset_done", "<i8"),  # 1 when it is past, or there is none
        ("pause", "<i8"),  # stop before what happens from here on, the end when nowhere
        ("paused", "<i8"),  # 1 when that has been reached
        ("episode", "<i8"),  # index of the episode that tilts the flow
        ("drift_episode", "<i8"),  # index of the episode that moves the price
        ("last_episode", "<i8"),
        ("moves", "<i8"),
        ("jumps", "<i8"),
        ("excited_micro", "<f8"),  # intensity above the base, events per second
        ("excited_fast", "<f8"),
        ("excited_slow", "<f8"),
        # Parameters.
        ("instrument_id", "<i8"),
        ("tilt", "<i8"),  # of 65536
        ("drift", "<i8"),  # MICRO per fair step
        ("lag", "<i8"),  # ns
        ("fair_step", "<i8"),  # ns
        ("jump_odds", "<i8"),  # one step in so many jumps
        ("base_rate", "<f8"),
        ("micro_tau", "<f8"),
        ("fast_tau", "<f8"),
        ("slow_tau", "<f8"),
        ("micro_kick", "<f8"),  # intensity added by an event
        ("fast_kick", "<f8"),
        ("slow_kick", "<f8"),
        ("rate_cap", "<f8"),
        # Tables, see `_tables`.
        ("quantiles", "<f8", (len(_tables.half_exponential_quantiles()),)),
        ("decays", "<f8", (len(_tables.decay_table()),)),
        ("distances", "<i8", (len(_tables.distance_table()),)),
        ("sizes", "<i8", (len(_tables.size_table()),)),
        ("profile", "<i8", (len(_tables.profile_table()),)),
        ("seconds", SECOND_DTYPE, (MAX_SECONDS,)),
        ("episodes", EPISODE_DTYPE, (MAX_EPISODES,)),
        # The book.
        ("orders", ORDER_DTYPE, (MAX_ORDERS,)),
        ("free", "<i8", (MAX_ORDERS,)),  # slots nobody uses
        ("touched", "<i8", (MAX_ORDERS,)),  # slots the present event has filled
        ("levels", LEVEL_DTYPE, (N_LEVELS,)),
        ("walls", WALL_DTYPE, (N_WALLS,)),
        ("fleeting", FLEETING_DTYPE, (MAX_FLEETING,)),
        # What comes in and what goes out.
        ("raw", "<i8", (RAW_BLOCK,)),
        ("out", KERNEL_DTYPE, (OUT_BLOCK,)),
    ]
)

Sim = np.void
"""A running market inside kernels: a record of `SIM_DTYPE`."""

Market = NDArray[np.void]
"""The same as Python holds it: an array of the one record."""


def allocate() -> Market:
    """An empty market, as an array of the one record, with an empty book and its tables filled in."""
    market = np.zeros(1, dtype=SIM_DTYPE)
    sim = market[0]
    sim["free"] = np.arange(MAX_ORDERS - 1, -1, -1)
    sim["free_n"] = MAX_ORDERS
    sim["levels"]["head"] = sim["levels"]["tail"] = NIL
    sim["walls"]["slot"] = NIL
    sim["quantiles"] = _tables.half_exponential_quantiles()
    sim["decays"] = _tables.decay_table()
    sim["distances"] = _tables.distance_table()
    sim["sizes"] = _tables.size_table()
    sim["profile"] = _tables.profile_table()
    return market
