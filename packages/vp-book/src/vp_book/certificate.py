"""The integrity certificate: what a replay met, and whether its books balance."""

from __future__ import annotations

import numpy as np

from . import _state as st
from ._orders import O_SIZE
from ._state import COUNTERS, Arrays
from .sessions import PHASES

_ANOMALIES = (
    "unknown_cancel",
    "unknown_modify",
    "duplicate_add",
    "over_cancel",
    "off_grid_price",
    "null_price",
    "no_side",
    "zero_size",
    "side_change",
    "clock_backwards",
    "bad_clock",
    "clock_outlier",
    "fill_over_displayed",
    "hidden_fill",
    "maybe_bad_book",
    "record_unknown_action",
)
_ACTIONS = {
    "A": "record_add",
    "C": "record_cancel",
    "M": "record_modify",
    "R": "record_clear",
    "T": "record_trade",
    "F": "record_fill",
    "N": "record_none",
}


def certify(a: Arrays) -> dict[str, object]:
    """Build the certificate of an engine's state: plain values, ready for JSON.

    `conservation` holds what must be equal if no contract was lost: per side, the displayed size that flow and
    snapshots add up to, that of the levels, and that of the resting orders. `ok` is that check together with a book
    that was never crossed in the regular session.
    """
    counts = {name: int(a.counts[index]) for name, index in COUNTERS.items()}
    s = a.scalars
    if s[st.S_SUSPECT] >= 0 and s[st.S_SUSPECT_BARE] == 0:  # no record came that could have agreed with it
        counts["clock_outlier"] += 1
    conservation: dict[str, dict[str, int]] = {}
    sound = True
    for side, name in ((st.BID, "bid"), (st.ASK, "ask")):
        sizes = a.orders[:, O_SIZE]
        far = int(a.far[side, st.SIZE, : int(s[st.S_FAR_BIDS + side])].sum())
        row = {
            "add": counts[f"add_{name}"],
            "pull": counts[f"pull_{name}"],
            "fill": counts[f"fill_{name}"],
            "flow_change": counts[f"depth_flow_{name}"],
            "state_change": counts[f"depth_state_{name}"],
            "in_levels": int(a.ladder[side].sum()) + far,
            "in_orders": int(np.abs(sizes[sizes > 0 if side == st.BID else sizes < 0]).sum()),
        }
        sound &= row["add"] - row["pull"] - row["fill"] == row["flow_change"]
        sound &= row["flow_change"] + row["state_change"] == row["in_levels"] == row["in_orders"]
        conservation[name] = row
    crossed = {phase: counts[f"crossed_{phase}"] for phase in PHASES}
    locked = {phase: counts[f"locked_{phase}"] for phase in PHASES}
    return {
        "ok": bool(sound and crossed["regular"] == 0),
        "conserved": bool(sound),
        "records": sum(counts[name] for name in _ACTIONS.values()) + counts["record_unknown_action"],
        "records_by_action": {action: counts[name] for action, name in _ACTIONS.items()},
        "snapshot_records": counts["snapshot_records"],
        "snapshots": counts["snapshots"],
        "events": int(s[st.S_EVENTS]),
        "anomalies": {name: counts[name] for name in _ANOMALIES},
        "crossed_boundaries": crossed,
        "locked_boundaries": locked,
        "traded_volume": counts["traded_volume"],
        "traded_without_aggressor": counts["traded_without_aggressor"],
        "filled_volume": counts["filled_volume"],
        "iceberg_refreshes": counts["iceberg_refreshes"],
        "conservation": conservation,
        "resting_orders": int(s[st.S_BID_ORDERS] + s[st.S_ASK_ORDERS]),
        "recenterings": max(counts["recentered"] - 1, 0),
        "first_clock_ns": int(s[st.S_FIRST_CLOCK]),
        "last_clock_ns": int(s[st.S_CLOCK]),
        "longest_gap_ns": int(s[st.S_MAX_GAP]),
    }
