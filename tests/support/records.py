"""Small market-by-order streams, written out by hand or drawn from a seed."""

from __future__ import annotations

import numpy as np

from vp_book import MBO_DTYPE

T0 = 1_770_000_000_000_000_000
TICK = 250_000_000
LAST = 128
SNAPSHOT = 32


def record(
    action: str,
    side: str = "B",
    tick: int | None = 20_000,
    size: int = 1,
    order_id: int = 1,
    ts: int = 0,
    flags: int = LAST,
    **columns: int,
) -> np.void:
    """One record; `ts` is ns after T0, `tick` None is an undefined price."""
    row = np.zeros(1, MBO_DTYPE)
    row["length"], row["rtype"], row["publisher_id"], row["instrument_id"] = 14, 160, 1, 17077
    row["action"], row["side"], row["size"], row["order_id"], row["flags"] = action, side, size, order_id, flags
    row["price"] = 2**63 - 1 if tick is None else tick * TICK
    row["ts_recv"] = row["ts_event"] = T0 + ts
    for name, value in columns.items():
        row[name] = value
    return row[0]


def stream(*records: np.void) -> np.ndarray:
    """An array of records."""
    return np.array(list(records), MBO_DTYPE)


def nonsense(
    seed: int,
    n: int,
    *,
    ids: int = 40,
    spread: int = 12,
    gap_ns: int = 3_000_000,
    wild: float = 0.02,
    clocks: bool = False,
) -> np.ndarray:
    """A stream with every kind of contradiction in it: unknown and duplicate ids, wrong sizes, sides and prices.

    `wild` is the share of prices far outside any range, which make the range move. `clocks`: with times that are
    damaged and silences of hours, which would be many bins.
    """
    out = _contradictions(seed, n, ids, spread, gap_ns, wild)
    # drawn apart, so that the rest of a stream does not change with what is added here
    rng = np.random.default_rng([seed, 1])
    out["size"][rng.random(n) < 0.01] = 2**32 - 1
    crossing = np.flatnonzero(rng.random(n) < 0.05)
    for at in crossing[
        (crossing > 0) & (crossing < n - 1)
    ]:  # an aggressor trades, and the feed fills its own order too
        out["action"][at - 1 : at + 2] = b"T", b"F", b"FC"[rng.integers(2) :][:1]
        out["flags"][at - 1 : at + 1] &= ~np.uint8(LAST)
        for name in ("order_id", "side", "size"):
            out[name][at] = out[name][at - 1]
    out["sequence"] = rng.integers(0, 2**32, n) if rng.random() < 0.3 else np.arange(n)
    if not clocks:
        return out
    hour, minute = 3600 * 10**9, 60 * 10**9
    if rng.random() < 0.2:  # a feed whose own times lie far from ours: a silence has to be seen from two records
        out["ts_event"] -= np.uint64(5 * hour)
    timed = out["ts_recv"] < 2**62
    for ahead, share in ((hour, 0.01), (minute + 1, 0.005), (2**60, 0.002), (minute - 1, 0.002)):
        out["ts_recv"][timed & (rng.random(n) < share)] += np.uint64(ahead)
    if n and rng.random() < 0.2:
        out["ts_recv"][0] = rng.choice(np.array([0, 5, T0 - hour, T0 + hour, T0 // 2], np.uint64))
    out["flags"][rng.random(n) < 0.02] |= 8
    return out


def orderly(seed: int, n: int, *, gap_ns: int = 2_000_000, first_id: int = 1) -> np.ndarray:
    """About `n` records of a well-behaved market: a quote, then adds, cancels, modifies and trades around it."""
    rng = np.random.default_rng(seed)
    rows: list[np.void] = []
    resting: dict[int, tuple[str, int, int]] = {}
    ts = next_id = 0
    while len(rows) < n:
        ts += int(rng.integers(1000, gap_ns))
        kind = rng.random() if len(resting) > 20 else 0.0
        side = "BA"[int(rng.integers(2))]
        if kind < 0.5:
            tick = 20_000 + int(rng.integers(1, 9)) * (-1 if side == "B" else 1)
            size, order_id = int(rng.integers(1, 9)), first_id + next_id
            next_id += 1
            resting[order_id] = (side, tick, size)
            rows.append(record("A", side, tick, size, order_id, ts, sequence=len(rows)))
            continue
        order_id = list(resting)[int(rng.integers(len(resting)))]
        side, tick, size = resting[order_id]
        if kind < 0.8:
            del resting[order_id]
            rows.append(record("C", side, tick, size, order_id, ts, sequence=len(rows)))
        else:
            taken = int(rng.integers(1, size + 1))
            number = len(rows)
            rows.append(record("T", "AB"[side == "A"], tick, taken, 10**9 + number, ts, flags=0, sequence=number))
            rows.append(record("F", side, tick, taken, order_id, ts, flags=0, sequence=number))
            rows.append(record("C", side, tick, taken, order_id, ts, sequence=number))
            resting[order_id] = (side, tick, size - taken)
            if taken == size:
                del resting[order_id]
    return stream(*rows)


def _contradictions(seed: int, n: int, ids: int, spread: int, gap_ns: int, wild: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = np.zeros(n, MBO_DTYPE)
    out["length"], out["rtype"], out["publisher_id"], out["instrument_id"] = 14, 160, 1, 17077
    out["action"] = rng.choice(np.array(list("ACMFTRN"), "S1"), n, p=[0.45, 0.2, 0.15, 0.15, 0.03, 0.01, 0.01])
    out["side"] = rng.choice(np.array(["B", "A", "N"], "S1"), n, p=[0.48, 0.48, 0.04])
    out["order_id"] = rng.integers(1, ids, n)
    out["size"] = rng.choice([0, 1, 2, 3, 10, 4_000_000_000], n, p=[0.03, 0.4, 0.3, 0.2, 0.06, 0.01])
    ticks = 20_000 + rng.integers(-spread, spread + 1, n)
    out["price"] = ticks * TICK
    out["price"][rng.random(n) < 0.03] += 100_000_000
    out["price"][rng.random(n) < 0.02] = 2**63 - 1
    out["price"][rng.random(n) < wild] //= 9
    out["flags"] = np.where(rng.random(n) < 0.6, LAST, 0)
    for flag, share in ((32, 0.03), (64, 0.02), (4, 0.005)):
        out["flags"][rng.random(n) < share] |= flag
    steps = np.cumsum(rng.integers(0, gap_ns, n))
    steps[rng.random(n) < 0.02] -= 50_000_000
    out["ts_recv"] = T0 + steps
    out["ts_recv"][rng.random(n) < 0.005] = 2**64 - 1
    out["ts_event"] = out["ts_recv"]
    return out
