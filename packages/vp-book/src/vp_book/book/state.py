"""Names of the engine's array elements: compiled code reads and writes arrays, and these say what stands where.

The engine is a set of flat arrays so that one kernel call can run over a chunk of records without touching Python:

- `orders`  int64 (capacity, 4)        open-addressing map of resting orders, see `_orders`
- `ladder`  int64 (2, price ticks)     displayed size per side and price tick of the range
- `far`     int64 (2, 3, capacity)     price levels outside the range, see `_far`
- `physics` float64 (cells, 18)        modes and masses per cell, see `_flow`
- `touched` int64 (cells,)             event that last changed the cell, 0 for never
- `scalars` int64                      the names `S_*`
- `counts`  int64                      counters, the names `N_*`
- `stats`   int64                      per-bin statistics, the names `B_*`
- `clock`   float64                    weights of an impulse at the current clock, the names `W_*`
- `params`  float64                    physics constants, see `physics.Physics.to_array`
- `pending` int64 (capacity,)          ids of orders with fills announced and not yet accounted for in this event
- `aggressors` int64 (capacity, 3)     who traded as aggressor in this event, see `_aggressors`
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

BID: Final = 0
ASK: Final = 1
NO_SIDE: Final = 2
"""Flow whose side the venue does not say: fills of hidden quantity, which change no depth."""

NO_LEVEL: Final = -(2**62)
"""Tick of the best price of an empty side."""

# --- scalars -----------------------------------------------------------------------------------------------------

S_RANGE_LO: Final = 0  # price tick of ladder index 0
S_RANGE_CELL: Final = 1  # price cell of index 0 of the range
S_BEST_BID: Final = 2  # ladder index of the best bid inside the range, -1 if there is none
S_BEST_ASK: Final = 3  # ladder index of the best ask inside the range, number of ticks if there is none
S_BID_ORDERS: Final = 4  # resting orders
S_ASK_ORDERS: Final = 5
S_FAR_BIDS: Final = 6  # places in use in far[BID]
S_FAR_ASKS: Final = 7
S_PENDING: Final = 8  # entries in use in `pending`
S_CLOCK: Final = 9  # ts_recv of the newest record, ns, never backwards
S_VENUE_CLOCK: Final = 10  # ts_event at which the phase has to be looked up
S_FIRST_CLOCK: Final = 11
S_MAX_GAP: Final = 12  # longest time between two records, ns
S_WEIGHTS_AT: Final = 13  # clock for which `clock` weights were computed
S_ORIGIN: Final = 14  # t0 of the forward decay, ns
S_PHYSICS_ON: Final = 15  # 0 while only the book is built
S_IN_EVENT: Final = 16
S_IN_SNAPSHOT: Final = 17
S_ANCHORED: Final = 18  # 0 no range yet, 1 provisional (around the first order), 2 around the first valid BBO
S_EVENTS: Final = 19  # event boundaries so far
S_BAD_BOOK: Final = 20  # a F_MAYBE_BAD_BOOK waits for a clear or snapshot
S_PHASE: Final = 21  # session phase, an index of `sessions.PHASES`
S_NEXT_PHASE_NS: Final = 22  # clock at which the phase must be looked up again
S_BID_TICK: Final = 23  # BBO as of the last event boundary
S_BID_SIZE: Final = 24
S_ASK_TICK: Final = 25
S_ASK_SIZE: Final = 26
S_VALID: Final = 27  # the BBO of the last event boundary is valid
S_SPOT: Final = 28  # price cell nearest the last valid mid, half up
S_LAST_TRADE: Final = 29  # price_int of the last trade
S_EDGE_MARGIN: Final = 30  # cells of spot to an edge at which the range recenters
S_TICK_INT: Final = 31  # price_int of one price tick
S_BUCKET: Final = 32  # price ticks per cell
S_SUSPECT: Final = 33  # ts_recv of a record that was not believed, while the next one is awaited; see `_clock`
S_SUSPECT_BARE: Final = 34  # that record had no ts_event to be held against
S_BY_TIME: Final = 35  # events end where the venue's time changes, not at F_LAST
S_EVENT_CLOCK: Final = 36  # clock at which the open event began
S_EVENT_TIME: Final = 37  # the venue's time of the open event, kept only with S_BY_TIME
S_LAST_SEEN: Final = 38  # a live record has carried F_LAST
S_EVENT_TRADED: Final = 39  # volume of the T records of the open event
S_EVENT_FILLED: Final = 40  # volume of its F records, those of aggressors left out
S_EVENT_SIDELESS: Final = 41  # one of its T records names no aggressor side
S_AGGRESSORS: Final = 42  # entries of the open event in `aggressors`
S_SEQUENCE: Final = 43  # sequence of the newest live record
S_IDS: Final = 44  # publisher << 32 | instrument of the book, -1 before its first record
S_ONLY_INSTRUMENT: Final = 45  # records of another instrument id are skipped; -1 for none that was named
S_ONLY_PUBLISHER: Final = 46
S_COUNT: Final = 47

# --- per-bin statistics --------------------------------------------------------------------------------------------

B_EVENTS: Final = 0
B_TRADES: Final = 1
B_BUY: Final = 2
B_SELL: Final = 3
B_QUOTED: Final = 4  # a valid BBO was seen at an event boundary of the bin
B_BID_HIGH: Final = 5  # price ticks
B_BID_LOW: Final = 6
B_ASK_HIGH: Final = 7
B_ASK_LOW: Final = 8
B_COUNT: Final = 9

# --- weights of an impulse -----------------------------------------------------------------------------------------

W_M1: Final = 0  # g1 * exp((clock - origin) / tau_v)
W_M2: Final = 1
W_M3: Final = 2
W_MASS: Final = 3
W_COUNT: Final = 4


# --- counters of a replay: everything an input does that contradicts the book is counted under its own name ---------

N_RECORD_ADD: Final = 0
N_RECORD_CANCEL: Final = 1
N_RECORD_MODIFY: Final = 2
N_RECORD_CLEAR: Final = 3
N_RECORD_TRADE: Final = 4
N_RECORD_FILL: Final = 5
N_RECORD_NONE: Final = 6
N_RECORD_UNKNOWN_ACTION: Final = 7
N_SNAPSHOT_RECORDS: Final = 8
N_SNAPSHOTS: Final = 9
N_ADD_BID: Final = 10  # flow attribution, contracts
N_ADD_ASK: Final = 11
N_ADD_NONE: Final = 12
N_PULL_BID: Final = 13
N_PULL_ASK: Final = 14
N_PULL_NONE: Final = 15
N_FILL_BID: Final = 16
N_FILL_ASK: Final = 17
N_FILL_NONE: Final = 18
N_DEPTH_FLOW_BID: Final = 19  # change of displayed depth by flow
N_DEPTH_FLOW_ASK: Final = 20
N_DEPTH_FLOW_NONE: Final = 21
N_DEPTH_STATE_BID: Final = 22  # change of displayed depth by snapshots and clears
N_DEPTH_STATE_ASK: Final = 23
N_TRADED_VOLUME: Final = 24
N_TRADED_WITHOUT_AGGRESSOR: Final = 25  # volume
N_FILLED_VOLUME: Final = 26  # what F records announced, those of aggressors left out
N_ICEBERG_REFRESHES: Final = 27  # modifies after which more is displayed than the fills left
N_UNKNOWN_CANCEL: Final = 28
N_UNKNOWN_MODIFY: Final = 29
N_DUPLICATE_ADD: Final = 30
N_OVER_CANCEL: Final = 31
N_OFF_GRID_PRICE: Final = 32
N_NULL_PRICE: Final = 33
N_NO_SIDE: Final = 34
N_ZERO_SIZE: Final = 35
N_SIDE_CHANGE: Final = 36
N_CLOCK_BACKWARDS: Final = 37
N_BAD_CLOCK: Final = 38
N_FILL_OVER_DISPLAYED: Final = 39
N_HIDDEN_FILL: Final = 40  # fills of an order that is not resting, or that no cancel or modify followed
N_MAYBE_BAD_BOOK: Final = 41
N_RECENTERED: Final = 42
N_CROSSED_CLOSED: Final = 43  # crossed event boundaries, by session phase
N_CROSSED_PRE_OPEN: Final = 44
N_CROSSED_REGULAR: Final = 45
N_CROSSED_AFTER: Final = 46
N_LOCKED_CLOSED: Final = 47
N_LOCKED_PRE_OPEN: Final = 48
N_LOCKED_REGULAR: Final = 49
N_LOCKED_AFTER: Final = 50
N_CLOCK_OUTLIER: Final = 51  # records whose ts_recv was not believed, see `_clock`
N_UNDEFINED_SIZE: Final = 52
N_AGGRESSOR_FILL: Final = 53  # F records of aggressors, which fill nothing that rests
N_AGGRESSOR_FILL_VOLUME: Final = 54
N_TRADE_EVENTS: Final = 55  # events with T or F, in all of which the aggressor's side is known
N_UNEQUAL_EVENTS: Final = 56  # of these, the ones whose T and passive F differ in volume
N_UNEQUAL_VOLUME: Final = 57  # by how much, summed without sign
N_SIDELESS_EVENTS: Final = 58  # events with a T without aggressor: auctions
N_SIDELESS_TRADED: Final = 59  # volume of all their T and of all their passive F
N_SIDELESS_FILLED: Final = 60
N_UNENDED_EVENT: Final = 61  # events that were ended because the clock moved on
N_SEQUENCE_BACKWARDS: Final = 62
N_FOREIGN_RECORDS: Final = 63  # records of other instruments or publishers, skipped because that was asked for

COUNTERS: Final = {name[2:].lower(): value for name, value in list(globals().items()) if name.startswith("N_")}
"""Name of a counter, in lower case without its prefix -> index in `counts`."""
N_COUNT: Final = len(COUNTERS)


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
    scalars: np.ndarray
    counts: np.ndarray
    stats: np.ndarray
    clock: np.ndarray
    params: np.ndarray
    pending: np.ndarray
    aggressors: np.ndarray
