"""Events, packets and records: how the venue's messages become MBO records.

An event is one thing that happened at the matching engine, at one `ts_event`. Its records travel in packets: all
records of a packet share `ts_recv`, `sequence` and `ts_in_delta`. Events that happen faster than packets arrive share
one packet. The last record of an event carries F_LAST.
"""

from __future__ import annotations

from typing import Final

from vp_book.records import F_BAD_TS_RECV, F_LAST, F_SNAPSHOT, MBO_WORDS, RTYPE_MBO, SIDE_ASK, SIDE_BID
from vp_book.synthetic.market.draws import below, one_in
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.model import TICK_INT
from vp_book.synthetic.market.state import BID, Sim

PUBLISHER_ID: Final = 1
"""GLBX.MDP3, CME Globex."""

FLAGS_LAST: Final = F_LAST | 2
"""What CME events end with: F_LAST and the publisher-specific bit."""
FLAGS_SNAPSHOT: Final = F_SNAPSHOT | F_BAD_TS_RECV
FLAGS_SNAPSHOT_LAST: Final = FLAGS_SNAPSHOT | F_LAST

_MAX_PACKED = 12
"""Events of one packet at most."""
_SENDING_NS = 12_000
_SENDING_SPREAD_NS = 6_000
"""From the exchange's sending of a packet to its receipt: the least, and how much longer it may be."""
_DELAY_NS = 80_000
_DELAY_SPREAD_NS = 40_000
"""From an event to its receipt."""
_LATE_ODDS = 200
_LATE_SPREAD_NS = 1_500_000
"""One event in so many is later by up to so much."""
_NEXT_PACKET_NS = 1_000
_NEXT_PACKET_SPREAD_NS = 3_000
"""From a full packet to the next."""


@called
def new_packet(sim: Sim, recv: int) -> None:
    """Begin a packet received at `recv` ns. Sequence numbers are of the channel, which carries others' packets too."""
    sim["recv"] = recv
    sim["sequence"] += 1 + (below(sim, 4) if one_in(sim, 8) else 0)
    sim["delta"] = _SENDING_NS + below(sim, _SENDING_SPREAD_NS)
    sim["packed"] = 0


@called
def begin_event(sim: Sim, now: int) -> None:
    """Begin an event at exchange time `now` ns."""
    sim["now"] = now
    sim["serial"] += 1
    recv = now + _DELAY_NS + below(sim, _DELAY_SPREAD_NS)
    if one_in(sim, _LATE_ODDS):
        recv += below(sim, _LATE_SPREAD_NS)
    if recv > sim["recv"]:
        new_packet(sim, recv)
    elif sim["packed"] >= _MAX_PACKED:
        new_packet(sim, sim["recv"] + _NEXT_PACKET_NS + below(sim, _NEXT_PACKET_SPREAD_NS))
    sim["packed"] += 1


@called
def record(sim: Sim, action: int, side: int, order_id: int, level: int, size: int) -> None:
    """Append a record of the current event."""
    n = sim["out_n"]
    out = sim["out"][n]
    out["length"] = MBO_WORDS
    out["rtype"] = RTYPE_MBO
    out["publisher_id"] = PUBLISHER_ID
    out["instrument_id"] = sim["instrument_id"]
    out["ts_event"] = sim["now"]
    out["order_id"] = order_id
    out["price"] = (sim["base_tick"] + level) * TICK_INT
    out["size"] = size
    out["flags"] = 0
    out["channel_id"] = 0
    out["action"] = action
    out["side"] = SIDE_BID if side == BID else SIDE_ASK
    out["ts_recv"] = sim["recv"]
    out["ts_in_delta"] = sim["delta"]
    out["sequence"] = sim["sequence"]
    sim["out_n"] = n + 1


@called
def end_event(sim: Sim) -> None:
    """Mark the last record written as the last of its event."""
    sim["out"][sim["out_n"] - 1]["flags"] = FLAGS_LAST
