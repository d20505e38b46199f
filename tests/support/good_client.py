"""A client that does everything right, in a process of its own: `python -m support.good_client URL SECONDS`.

It prints one JSON object: bins received, bins that are missing or were declared as skipped, torn messages, connections
it needed, and by how many milliseconds bins came later than the schedule that the earliest of them suggests.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PERIOD_S = 0.1


class Seen:
    """What was received so far."""

    def __init__(self) -> None:
        self.bins = self.missing = self.skipped = self.torn = self.connections = 0
        self.closes: list[int | None] = []
        self.late_ms: list[float] = []

    def report(self) -> dict[str, Any]:
        ordered = sorted(self.late_ms) or [0.0]
        p50, p99 = (ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 99))
        return {
            "bins": self.bins,
            "missing": self.missing,
            "skipped": self.skipped,
            "torn": self.torn,
            "connections": self.connections,
            "closes": self.closes,
            "late_ms": {"p50": round(p50, 1), "p99": round(p99, 1), "max": round(ordered[-1], 1)},
        }


async def watch(url: str, seconds: float, seen: Seen) -> None:
    """Play until the time is over; a replay that ends before is played again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        async with connect(url, compression=None, max_size=None, open_timeout=60) as client:
            seen.connections += 1
            if seen.connections == 1:
                await client.recv()
                print("ready", flush=True)
                until = time.monotonic() + seconds
            try:
                await _play(client, until, seen)
            except ConnectionClosed:
                seen.closes.append(client.close_code)


async def _play(client: Any, until: float, seen: Seen) -> None:
    expected: int | None = None
    arrived: list[tuple[int, float]] = []
    try:
        while time.monotonic() < until:
            message = await client.recv()
            if isinstance(message, bytes):
                seen.torn += 1
                continue
            update = json.loads(message)
            if update["type"] != "grid_update":
                continue
            if not isinstance(await client.recv(), bytes):
                seen.torn += 1
            bin_seq = update["bin_seq"]
            arrived.append((bin_seq, time.monotonic()))
            seen.bins += 1
            seen.skipped += update.get("skipped_bins", 0)
            seen.missing += 0 if expected is None else bin_seq - expected
            expected = bin_seq + 1
    finally:
        if arrived:
            first = min(when - bin_seq * PERIOD_S for bin_seq, when in arrived)
            seen.late_ms += [(when - bin_seq * PERIOD_S - first) * 1000 for bin_seq, when in arrived]


if __name__ == "__main__":
    found = Seen()
    asyncio.run(watch(sys.argv[1], float(sys.argv[2]), found))
    print(json.dumps(found.report()), flush=True)
