"""The engine's state: flat arrays, and records whose fields have names.

One kernel call runs over a chunk of records without touching Python, so all of the state is NumPy arrays. `Arrays`
holds them:

- `orders`     int64 (capacity, 6): open-addressing map of resting orders, see `orders`
- `ladder`     int64 (2, price ticks): displayed size per side and price tick of the range
- `far`        int64 (2, 3, capacity): price levels outside the range, see `far`
- `physics`    float64 (cells, 18): modes and masses per cell, see `physics.flow`
- `touched`    int64 (cells,): event that last changed the cell, 0 for never
- `traded`     int64 (2, cells): volume of the open bin by aggressor and cell, 0 outside of `stats.traded_from` to
  `stats.traded_to`
- `scalars`    `SCALARS` (1,)
- `counts`     `COUNTS` (1,): counters
- `stats`      `STATS` (1,): statistics of the open bin
- `weights`    `WEIGHTS` (1,): weights of an impulse at the current clock
- `params`     `PARAMS` (1,): physics constants, see `physics.parameters`
- `pending`    int64 (capacity,): ids of orders with fills announced and not yet accounted for in this event
- `aggressors` int64 (capacity, 6): who traded as aggressor in this event, see `aggressors`
- `marks`      int64 (16, 5): marks of the open bin, `stats.marks` of them, see `vp_book.marks`

The records are arrays of one element: `s = a.scalars[0]` is a view, and `s.clock = now` writes to it, in compiled code
and in Python. (A record by itself would do for compiled code too, but takes 2 us more to hand over.)
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from vp_book._fields import record_dtype

BID: Final = 0
ASK: Final = 1
NO_SIDE: Final = 2
"""Flow whose side the venue does not say: fills of hidden quantity, which change no depth."""

NO_LEVEL: Final = -(2**62)
"""Tick of the best price of an empty side."""

TURNOVER_BITS: Final = 26
"""Turnovers are summed in two parts of a price, so that no sum of a session overflows and none is rounded."""

NO_RANGE: Final = 0
PROVISIONAL: Final = 1
ANCHORED: Final = 2
"""Where the range lies: nowhere yet, around the first order, around a valid BBO."""

_I: Final = "<i8"
_F: Final = "<f8"
_SIDES: Final = (2,)
_SIDES_AND_NONE: Final = (3,)
_PHASES: Final = (4,)

SCALARS: Final = record_dtype(
    "Scalars",
    (
        ("range_lo", _I),  # price tick of ladder index 0
        ("range_cell", _I),  # price cell of index 0 of the range
        ("best", _I, _SIDES),  # ladder index of the best price inside the range; -1 and number of ticks for none
        ("resting", _I, _SIDES),  # resting orders
        ("turns", _I),  # places in the queues that were given so far
        ("far_used", _I, _SIDES),  # places in use in `far`
        ("pending_fills", _I),  # entries in use in `pending`
        ("clock", _I),  # ts_recv of the newest record, ns, never backwards
        ("venue_clock", _I),  # ts_event at which the phase has to be looked up
        ("first_clock", _I),
        ("max_gap", _I),  # longest time between two records, ns
        ("weights_at", _I),  # clock for which `weights` were computed, -1 for none
        ("origin", _I),  # t0 of the forward decay, ns
        ("physics_on", _I),  # 0 while only the book is built
        ("in_event", _I),
        ("in_snapshot", _I),
        ("anchored", _I),  # NO_RANGE, PROVISIONAL or ANCHORED
        ("events", _I),  # event boundaries so far
        ("bad_book", _I),  # a F_MAYBE_BAD_BOOK waits for a clear or snapshot
        ("phase", _I),  # session phase, an index of `sessions.PHASES`
        ("next_phase_ns", _I),  # clock at which the phase must be looked up again
        ("bid_tick", _I),  # BBO as of the last event boundary
        ("bid_size", _I),
        ("ask_tick", _I),
        ("ask_size", _I),
        ("valid", _I),  # the BBO of the last event boundary is valid
        ("spot", _I),  # price cell nearest the last valid mid, half up
        ("last_trade", _I),  # price_int of the last trade
        ("bought", _I),  # volume with a buying aggressor since the first record
        ("sold", _I),
        ("priced_volume", _I),  # volume of all trades with a price that can be one, since the first record
        ("turnover_high", _I),  # sum of their volumes times price_int, in units of 2**TURNOVER_BITS, and the rest of it
        ("turnover_low", _I),
        ("edge_margin", _I),  # cells of spot to an edge at which the range recenters
        ("tick_int", _I),  # price_int of one price tick
        ("bucket", _I),  # price ticks per cell
        ("suspect", _I),  # ts_recv of a record that was not believed, while the next one is awaited; see `clock`
        ("suspect_untimed", _I),  # that record had no ts_event to be compared with
        ("by_time", _I),  # events end where the venue's time changes, not at F_LAST
        ("event_clock", _I),  # clock at which the open event began
        ("event_time", _I),  # the venue's time of the open event, kept only with `by_time`
        ("event_end_seen", _I),  # a live record has carried F_LAST
        ("event_traded", _I),  # volume of the T records of the open event
        ("event_filled", _I),  # volume of its F records, those of aggressors left out
        ("event_sideless", _I),  # one of its T records names no aggressor side
        ("aggressors_noted", _I),  # entries of the open event in `aggressors`
        ("event_levels", _I),  # most prices at which one of them traded
        ("sequence", _I),  # sequence of the newest live record
        ("ids", _I),  # publisher << 32 | instrument of the book, -1 before its first record
        ("only_instrument", _I),  # records of another instrument id are skipped; -1 for none that was named
        ("only_publisher", _I),
        ("large_size", _I),  # trades and orders of this size or more are marks
    ),
)

STATS: Final = record_dtype(
    "Stats",
    (
        ("events", _I),
        ("trades", _I),
        ("buy", _I),
        ("sell", _I),
        ("quoted", _I),  # a valid BBO was seen at an event boundary of the bin
        ("bid_high", _I),  # price ticks
        ("bid_low", _I),
        ("ask_high", _I),
        ("ask_low", _I),
        ("traded_from", _I),  # cells of the range in which there was a trade lie between these, the second excluded
        ("traded_to", _I),
        ("marks", _I),  # rows in use in `marks`
    ),
)

WEIGHTS: Final = record_dtype(
    "Weights",
    (
        ("m1", _F),  # g1 * exp((clock - origin) / tau_v)
        ("m2", _F),
        ("m3", _F),
        ("mass", _F),
    ),
)

COUNTS: Final = record_dtype(
    "Counts",
    (  # everything an input does that contradicts the book is counted under its own name
        ("record_add", _I),
        ("record_cancel", _I),
        ("record_modify", _I),
        ("record_clear", _I),
        ("record_trade", _I),
        ("record_fill", _I),
        ("record_none", _I),
        ("record_unknown_action", _I),
        ("snapshot_records", _I),
        ("snapshots", _I),
        ("added", _I, _SIDES_AND_NONE),  # flow attribution, contracts
        ("pulled", _I, _SIDES_AND_NONE),
        ("filled", _I, _SIDES_AND_NONE),
        ("depth_flow", _I, _SIDES_AND_NONE),  # change of displayed depth by flow
        ("depth_state", _I, _SIDES),  # change of displayed depth by snapshots and clears
        ("traded_volume", _I),
        ("traded_without_aggressor", _I),  # volume
        ("filled_volume", _I),  # what F records announced, those of aggressors left out
        ("iceberg_refreshes", _I),  # modifies after which more is displayed than the fills left
        ("unknown_cancel", _I),
        ("unknown_modify", _I),
        ("duplicate_add", _I),
        ("over_cancel", _I),
        ("off_grid_price", _I),
        ("null_price", _I),
        ("no_side", _I),
        ("zero_size", _I),
        ("side_change", _I),
        ("clock_backwards", _I),
        ("bad_clock", _I),
        ("fill_over_displayed", _I),
        ("hidden_fill", _I),  # fills of an order that is not resting, or that no cancel or modify followed
        ("maybe_bad_book", _I),
        ("recentered", _I),
        ("crossed", _I, _PHASES),  # crossed event boundaries, by session phase
        ("locked", _I, _PHASES),
        ("clock_outlier", _I),  # records whose ts_recv was not believed, see `clock`
        ("undefined_size", _I),
        ("aggressor_fill", _I),  # F records of aggressors, which fill nothing that rests
        ("aggressor_fill_volume", _I),
        ("trade_events", _I),  # events with T or F, in all of which the aggressor's side is known
        ("unequal_events", _I),  # of these, the ones whose T and passive F differ in volume
        ("unequal_volume", _I),  # by how much, summed without sign
        ("sideless_events", _I),  # events with a T without aggressor: auctions
        ("sideless_traded", _I),  # volume of all their T and of all their passive F
        ("sideless_filled", _I),
        ("unended_event", _I),  # events that were ended because the clock moved on
        ("sequence_backwards", _I),
        ("foreign_records", _I),  # records of other instruments or publishers, skipped because that was asked for
    ),
)


# --- why the apply kernel came back --------------------------------------------------------------------------------

DONE: Final = 0  # all the records were taken
BIN_END: Final = 1  # the next event starts at or after the stop time
GROW: Final = 2  # an array is nearly full: the caller enlarges it and calls again
RECENTER: Final = 3  # the range must move before the next record
PHASE: Final = 4  # the session phase must be looked up
FOREIGN: Final = 5  # the next record is of another instrument or publisher
NO_EVENT_ENDS: Final = 6  # many records, time goes by, and none ever carried F_LAST


class Arrays(NamedTuple):
    """The engine's whole state, in the form that compiled code takes."""

    orders: np.ndarray
    ladder: np.ndarray
    far: np.ndarray
    physics: np.ndarray
    touched: np.ndarray
    traded: np.ndarray
    scalars: np.ndarray
    counts: np.ndarray
    stats: np.ndarray
    weights: np.ndarray
    params: np.ndarray
    pending: np.ndarray
    aggressors: np.ndarray
    marks: np.ndarray


_NO_STATS: Final = np.zeros((), STATS)


def clear_statistics(a: Arrays) -> None:
    """Begin the statistics of the next bin."""
    last = a.stats["traded_to"][0]
    if last:
        a.traded[:, a.stats["traded_from"][0] : last] = 0
    a.stats[0] = _NO_STATS
