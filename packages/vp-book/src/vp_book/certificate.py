"""The integrity certificate: what a replay met, and whether its numbers can be trusted."""

from __future__ import annotations

from typing import Final

import numpy as np

from .book import state as st
from .book.far import far_levels
from .book.orders import O_SIZE
from .book.state import COUNTS, Arrays
from .sessions import CONTINUOUS, PHASES

MOST_WRONG_CLOCKS: Final = 0.01
"""Share of the records whose clock may run backwards, be undefined, or be an outlier."""
MOST_BACKWARD_SEQUENCES: Final = 0.01
"""Share of the live records whose sequence may be lower than that of the record before."""
MOST_OFF_GRID: Final = 0.001
"""Prices off the tick grid, as a share of the adds."""
MOST_UNENDED: Final = 0.001
"""Share of the events that may have lost their end."""
MOST_UNKNOWN_ORDERS: Final = 0.01
"""Share of the cancels and modifies of orders that nobody added, after a snapshot that should have had them."""
MOST_UNKNOWN_ACTIONS: Final = 0.001
"""Share of the records whose action is not one of DBN's."""

_ANOMALIES: Final = (
    "unknown_cancel",
    "unknown_modify",
    "duplicate_add",
    "over_cancel",
    "off_grid_price",
    "null_price",
    "undefined_size",
    "no_side",
    "zero_size",
    "side_change",
    "clock_backwards",
    "bad_clock",
    "clock_outlier",
    "sequence_backwards",
    "unended_event",
    "fill_over_displayed",
    "hidden_fill",
    "maybe_bad_book",
    "record_unknown_action",
)
_SIDES: Final = ("bid", "ask", "none")
_SPLIT: Final = {
    "added": ("add", _SIDES),
    "pulled": ("pull", _SIDES),
    "filled": ("fill", _SIDES),
    "depth_flow": ("depth_flow", _SIDES),
    "depth_state": ("depth_state", _SIDES[:2]),
    "crossed": ("crossed", PHASES),
    "locked": ("locked", PHASES),
}
"""Counters that are kept by side or phase: field -> the name in the certificate, and what its elements are of."""

_ACTIONS: Final = {
    "A": "record_add",
    "C": "record_cancel",
    "M": "record_modify",
    "R": "record_clear",
    "T": "record_trade",
    "F": "record_fill",
    "N": "record_none",
}


def certify(a: Arrays, product_type: str) -> dict[str, object]:
    """Build the certificate of an engine's state: plain values, ready for JSON.

    `conservation` holds what must be equal if no contract was lost: per side, the displayed size that flow and
    snapshots add up to, that of the levels, and that of the resting orders. `trades_and_fills` holds the volume of T
    against that of passive F, event by event. `reasons` says in words each thing that is wrong; `ok` is that there is
    none. What each of them means, and what a certificate cannot see, is described in docs/book.md.
    """
    counts = counted(a)
    s = a.scalars[0]
    if s.suspect >= 0 and s.suspect_untimed == 0:  # no record came that could have agreed with it
        counts["clock_outlier"] += 1
    conservation = {name: _conservation(a, counts, side, name) for side, name in ((st.BID, "bid"), (st.ASK, "ask"))}
    conserved = all(
        row["add"] - row["pull"] - row["fill"] == row["flow_change"]
        and row["flow_change"] + row["state_change"] == row["in_levels"] == row["in_orders"]
        for row in conservation.values()
    )
    crossed = {phase: counts[f"crossed_{phase}"] for phase in PHASES}
    records = sum(counts[name] for name in _ACTIONS.values()) + counts["record_unknown_action"]
    events = int(s.events)
    ends_seen = bool(s.by_time or s.event_end_seen)
    reasons = [] if conserved else ["flow, levels and orders do not add up to the same displayed size"]
    reasons += _wrong_book(counts, {phase: crossed[phase] for phase in CONTINUOUS[product_type]})
    reasons += _wrong_records(counts, records, events, ends_seen)
    return {
        "ok": not reasons,
        "reasons": reasons,
        "conserved": conserved,
        "records": records,
        "records_by_action": {action: counts[name] for action, name in _ACTIONS.items()},
        "snapshot_records": counts["snapshot_records"],
        "snapshots": counts["snapshots"],
        "foreign_records": counts["foreign_records"],
        "event_ends": "time" if s.by_time else "flags",
        "events": events,
        "anomalies": {name: counts[name] for name in _ANOMALIES},
        "crossed_boundaries": crossed,
        "locked_boundaries": {phase: counts[f"locked_{phase}"] for phase in PHASES},
        "traded_volume": counts["traded_volume"],
        "traded_without_aggressor": counts["traded_without_aggressor"],
        "filled_volume": counts["filled_volume"],
        "aggressor_fill": {"records": counts["aggressor_fill"], "volume": counts["aggressor_fill_volume"]},
        "trades_and_fills": {
            "events": counts["trade_events"],
            "unequal_events": counts["unequal_events"],
            "unequal_volume": counts["unequal_volume"],
            "without_aggressor": {
                "events": counts["sideless_events"],
                "traded_volume": counts["sideless_traded"],
                "filled_volume": counts["sideless_filled"],
            },
        },
        "iceberg_refreshes": counts["iceberg_refreshes"],
        "conservation": conservation,
        "resting_orders": int(s.resting.sum()),
        "recenterings": max(counts["recentered"] - 1, 0),
        "first_clock_ns": int(s.first_clock),
        "last_clock_ns": int(s.clock),
        "longest_gap_ns": int(s.max_gap),
    }


def counted(a: Arrays) -> dict[str, int]:
    """Every counter by its name; those of a side or a phase by both, `add_bid` and `crossed_regular` for instance."""
    record = a.counts[0]
    counts: dict[str, int] = {}
    for name in COUNTS.names or ():
        value = getattr(record, name)
        stem, parts = _SPLIT.get(name, (name, ()))
        if parts:
            counts.update({f"{stem}_{part}": int(number) for part, number in zip(parts, value, strict=True)})
        else:
            counts[name] = int(value)
    return counts


def _conservation(a: Arrays, counts: dict[str, int], side: int, name: str) -> dict[str, int]:
    sizes = a.orders[:, O_SIZE]
    return {
        "add": counts[f"add_{name}"],
        "pull": counts[f"pull_{name}"],
        "fill": counts[f"fill_{name}"],
        "flow_change": counts[f"depth_flow_{name}"],
        "state_change": counts[f"depth_state_{name}"],
        "in_levels": int(a.ladder[side].sum()) + int(far_levels(a.far, side)[1].sum()),
        "in_orders": int(np.abs(sizes[sizes > 0 if side == st.BID else sizes < 0]).sum()),
    }


def _wrong_book(counts: dict[str, int], crossed: dict[str, int]) -> list[str]:
    """What the book says about itself."""
    reasons = [
        f"the book was crossed at {n:,} event boundaries while the market trades continuously ({phase})"
        for phase, n in crossed.items()
        if n
    ]
    adds, off_grid = counts["record_add"], counts["off_grid_price"]
    if off_grid > MOST_OFF_GRID * adds:
        reasons.append(f"{off_grid:,} prices lie off the tick grid, with {adds:,} adds (more than 0.1 %)")
    if counts["snapshots"]:
        unknown = counts["unknown_cancel"] + counts["unknown_modify"]
        taken = counts["record_cancel"] + counts["record_modify"]
        reasons += _too_many(
            unknown, taken, MOST_UNKNOWN_ORDERS, "cancels and modifies are of orders that neither snapshot nor feed had"
        )
    return reasons


def _wrong_records(counts: dict[str, int], records: int, events: int, ends_seen: bool) -> list[str]:
    """What the records say about the file."""
    live = records - counts["snapshot_records"]
    reasons = []
    if live and not ends_seen:
        reasons.append(f"none of {live:,} live records ends an event (F_LAST), so the book was never observed")
    for name, what in (
        ("clock_backwards", "records have a clock that runs backwards"),
        ("bad_clock", "records have no clock"),
        ("clock_outlier", "records have a clock far from their neighbours'"),
    ):
        reasons += _too_many(counts[name], records, MOST_WRONG_CLOCKS, what)
    reasons += _too_many(
        counts["sequence_backwards"], live, MOST_BACKWARD_SEQUENCES, "live records have a sequence that goes back"
    )
    reasons += _too_many(counts["unended_event"], events, MOST_UNENDED, "events never ended and were cut off")
    reasons += _too_many(
        counts["record_unknown_action"], records, MOST_UNKNOWN_ACTIONS, "records have an action that is none of DBN's"
    )
    return reasons


def _too_many(n: int, of: int, most: float, what: str) -> list[str]:
    return [f"{n:,} of {of:,} {what} (more than {100 * most:g} %)"] if n > most * of else []
