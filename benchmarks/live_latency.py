"""From the gateway's socket to a client of `vp live`, at the pace of the market.

    PYTHONPATH=tests uv run python benchmarks/live_latency.py --seconds 60

A gateway on loopback speaks Databento's protocol to the official client in `vp live`. It sends a synthetic market at
its own pace, and then nothing. A client takes every bin. A bin can be closed when the first record of a later bin was
sent, or, when none was, `--hold-back-ms` after its end by the market's clock, which is that of the fastest record.
What comes later than that is the delay of the feed, the engine, the encoder, the server and the client together, or
with `--feed-only` that of the feed and the book alone, in this process. Prints the delays in ms, apart for bins that a
record closed and for those that the clock closed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from support.live_gateway import KEY, FakeGateway, Step, heartbeat, mapping, session_head
from support.small_lake import import_market, publish_small, write_configs
from websockets.asyncio.client import connect

from vp_book import Bin, Instrument, LiveBins, open_dbn
from vp_book.live import FeedRequest, FeedSession
from vp_book.synthetic import write_market
from vp_contract import STREAM_PATH
from vp_harness import Lake

NS = 1_000_000_000


@dataclass
class Sent:
    """What was sent when: the newest ts_recv of each piece (ns UTC) and its time of the monotonic clock (ns)."""

    newest: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def pieces(self, records: np.ndarray, silence_s: float) -> Iterator[Step]:
        """Records at their own pace, as soon as each is due, then heartbeats."""
        times = records["ts_recv"].astype(np.int64)
        begun, at = time.monotonic_ns(), 0
        while at < len(records):
            upto = int(np.searchsorted(times, times[0] + time.monotonic_ns() - begun, side="right"))
            if upto > at:
                self.newest.append(int(times[upto - 1]))
                self.at.append(time.monotonic_ns())
                yield records[at:upto].tobytes()
                at = upto
            else:
                yield min(0.02, max(0.0, (int(times[at] - times[0]) + begun - time.monotonic_ns()) / NS))
        for _ in range(int(silence_s)):
            yield 1.0
            yield heartbeat()
        self.over.set()


async def taken(url: str, sent: Sent) -> list[tuple[int, int]]:
    """(End of a bin in ns UTC, monotonic ns at which its frame was there) of every bin."""
    found: list[tuple[int, int]] = []
    address = url.replace("http", "ws") + f"{STREAM_PATH}?serving=small"
    async with connect(address, max_size=None, compression=None) as client:
        await client.recv()
        while not sent.over.is_set():
            text = await client.recv()
            await client.recv()
            now = time.monotonic_ns()
            found.append((int(json.loads(text)["ts_ns"]), now))
    return found


async def closed(address: tuple[str, int], hold_back_ms: int, sent: Sent) -> list[tuple[int, int]]:
    """The same of a feed in this process, of bins that are closed and not sent anywhere."""
    found: list[tuple[int, int]] = []

    def on_bins(_name: str, bins: list[Bin]) -> None:
        now = time.monotonic_ns()
        found.extend((int(one.fields["ts_ns"]), now) for one in bins)

    bins = LiveBins(Instrument("SYNM6", "0.25"), hold_back_ms=hold_back_ms)
    session = FeedSession({"SYNM6": bins}, None, on_bins)
    request = FeedRequest("GLBX.MDP3", ("SYNM6",), KEY, gateway=address[0], port=address[1])
    task = asyncio.ensure_future(session.run(request))
    while not sent.over.is_set():
        await asyncio.sleep(0.2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return found


def delays(found: list[tuple[int, int]], sent: Sent, hold_back_ns: int) -> dict[str, np.ndarray]:
    """Delays in ms of the bins that a record closed, and of those that the clock closed."""
    newest, at = np.array(sent.newest), np.array(sent.at)
    market_ns = int((at - newest).min())  # the monotonic clock less the market's, by the fastest record
    by_record, by_clock = [], []
    for end, there in found:
        index = int(np.searchsorted(newest, end))
        due = end + hold_back_ns + market_ns
        if index < len(at) and at[index] < due:
            by_record.append((there - int(at[index])) / 1e6)
        else:
            by_clock.append((there - due) / 1e6)
    return {"closed by a record": np.array(by_record), "closed by the clock": np.array(by_clock)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Delay of bins from the gateway's socket to a client.")
    parser.add_argument("--seconds", type=int, default=60, help="how long the market sends")
    parser.add_argument("--silence", type=int, default=20, help="how long nothing is sent after that")
    parser.add_argument("--hold-back-ms", type=int, default=20)
    parser.add_argument("--feed-only", action="store_true", help="the feed and the book in this process, no server")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_configs(root / "configs")
        market = write_market(root / "market-20260206.dbn", seed=7, minutes=8, date="2026-02-06", start="09:26").path
        lake = Lake(root / "lake")
        import_market(lake, root / "configs", market)
        publish_small(lake, root / "configs")
        records = np.concatenate(list(open_dbn(market)))
        first = int(np.searchsorted(records["ts_recv"], records["ts_recv"][0] + 270 * NS))  # past the opening
        last = int(np.searchsorted(records["ts_recv"], records["ts_recv"][0] + (270 + options.seconds) * NS))
        part, sent = records[first:last], Sent()
        begin = int(part["ts_recv"][0])
        opening = session_head(begin) + mapping("SYNM6", int(part["instrument_id"][0]), begin)
        started = threading.Event()

        def script() -> Iterator[Step]:
            yield opening
            started.wait()
            yield from sent.pieces(part, options.silence)

        with FakeGateway([script()]) as gateway:
            if options.feed_only:
                started.set()
                found = asyncio.run(closed(gateway.address, options.hold_back_ms, sent))
                report(found, sent, options, begin)
                return
            host, port = gateway.address
            command = [sys.executable, "-c", "from vp_cli.main import main; main()", "live", "--alias", "small"]
            command += ["--gateway", host, "--gateway-port", str(port), "--port", "0", "--web-root", str(root)]
            command += ["--lake-root", str(lake.root), "--config-root", str(root / "configs")]
            command += ["--hold-back-ms", str(options.hold_back_ms)]
            environment = {**os.environ, "DATABENTO_API_KEY": KEY, "PYTHONUNBUFFERED": "1"}
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
            try:
                assert process.stdout is not None
                url = next(m[1] for line in process.stdout if (m := re.match(r"open (http://[^/]+)/", line)))
                started.set()
                found = asyncio.run(taken(url, sent))
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
    report(found, sent, options, begin)


def report(found: list[tuple[int, int]], sent: Sent, options: argparse.Namespace, begin: int) -> None:
    """Print the delays of the bins after the first five seconds."""
    settled = [one for one in found if one[0] > begin + 5 * NS]
    shown = delays(settled, sent, options.hold_back_ms * 1_000_000)
    facts: dict[str, Any] = {"pieces": len(sent.at), "bins": len(settled)}
    for name, values in shown.items():
        quantiles = np.percentile(values, [50, 95, 99, 100]) if len(values) else np.full(4, np.nan)
        facts |= {
            name: {"bins": len(values), **dict(zip(("p50", "p95", "p99", "max"), quantiles.round(2), strict=True))}
        }
    if options.json:
        print(json.dumps(facts, indent=2, default=float))
        return
    print(f"{facts['pieces']} pieces, {facts['bins']} bins; ms")
    print(f"{'':>22} {'bins':>6} {'p50':>8} {'p95':>8} {'p99':>8} {'max':>8}")
    for name in shown:
        row = facts[name]
        print(
            f"{name:>22} {row['bins']:>6} {row['p50']:>8.2f} {row['p95']:>8.2f} {row['p99']:>8.2f} {row['max']:>8.2f}"
        )


if __name__ == "__main__":
    main()
