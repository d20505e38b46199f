"""A fleet of clients on real sockets against a real server: who gets what, how late, and what it costs.

    uv run python benchmarks/fleet --good 200 --stalled 20 --churn 10 --seconds 300

The server is a process of its own, the fleet this one; both run on the same machine. Good clients read everything.
Half of the stalled ones never read again after their first bin, the other half stops for five seconds in every fifteen.
The churning ones come, read a little and leave, politely or not. Those that look back ask for their last 500 bins
once a second. Those that seek go to a bin at random once a second, and ask for the bins that a map shows before it.
Those that open come for one map alone, at a bin at random, over a connection of their own, which is part of their time.
Lateness is measured at the client, for whole bins,
against the schedule its own earliest bin is on. With --lake-root, --config-root and --serving a serving of that lake is
streamed, else the synthetic market of the demo. With --cold the engine makes its bins while the clients are connecting.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from clients import SMALL_BUFFER, Client, churn, connect, looking_back, openings, seeking, stalling, stuck, whole
from server import Server, quantile_ms, value

from vp_cli.commands.demo import ALIAS, temporary_demo
from vp_harness import open_lake
from vp_stream.frames.warming import warm_log
from vp_stream.servings.published import LakeCatalogue

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
STALL_S, BETWEEN_S = 5.0, 10.0
NO_LONGER_NEW_BINS = 600
"""Pages are opened when those that seek have had so many: before, they are pages just opened themselves."""
SETTLE_S = 30.0
"""Memory is compared from here on: the block cache has filled, every client has begun."""


async def run(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    if options.seek or options.open:
        await whole(server.port, options.serving, options.bins)
    began = time.monotonic()
    good: list[Client] = []
    churned: list[Client] = []
    seekers: list[Client] = []
    restless = [
        asyncio.create_task(seeking(server.port, options.serving, options.bins, seed, seekers))
        for seed in range(options.seek)
    ]
    for _ in range(options.good):
        good.append(await connect(server.port, options.serving))
        await asyncio.sleep(min(5.0 / options.good, 0.05))  # spread, as people come
    half = options.stalled // 2
    stuck_ones = [asyncio.create_task(stuck(server.port, options.serving)) for _ in range(options.stalled - half)]
    stalled = [await connect(server.port, options.serving, receive_buffer=SMALL_BUFFER) for _ in range(half)]
    restless += [asyncio.create_task(stalling(client, STALL_S, BETWEEN_S)) for client in stalled]
    restless += [
        asyncio.create_task(churn(server.port, options.serving, seed, churned)) for seed in range(options.churn)
    ]
    back: list[Client] = []
    restless += [asyncio.create_task(looking_back(server.port, options.serving, back)) for _ in range(options.back)]
    while options.open and any(client.looked_at < NO_LONGER_NEW_BINS for client in seekers):
        await asyncio.sleep(0.1)
    for client in seekers:
        del client.filled_s[:]
    opened: list[Client] = []
    if options.open:
        coming = openings(server.port, options.serving, options.bins, options.open, opened)
        restless.append(asyncio.create_task(coming))
    before, cpu, own_cpu = await asyncio.to_thread(server.metrics), server.cpu_s(), time.process_time()
    measured_from = time.monotonic()
    memory: list[tuple[float, float]] = []
    fleet_lag: list[float] = []
    watching = asyncio.create_task(watch_loop(fleet_lag))
    while (elapsed := time.monotonic() - measured_from) < options.seconds:
        memory.append((elapsed, server.rss_mb()))
        await asyncio.sleep(1.0)
    after = await asyncio.to_thread(server.metrics)
    elapsed, cpu, own_cpu = time.monotonic() - measured_from, server.cpu_s() - cpu, time.process_time() - own_cpu
    watching.cancel()
    for task in restless:
        task.cancel()
    problems = await asyncio.gather(*restless, return_exceptions=True)
    failed = [repr(problem) for problem in problems if isinstance(problem, Exception)]
    ended = [task.done() and not task.cancelled() and task.result() for task in stuck_ones]
    for waiting in stuck_ones:
        waiting.cancel()
    await asyncio.gather(*stuck_ones, return_exceptions=True)
    late = sorted(s * 1000 for client in good for s in client.lateness_s(options.period_s))
    alive = sum(not client.ended.done() for client in good)
    for client in [*good, *stalled, *churned, *back, *seekers, *opened]:
        client.transport.abort()
    sent = value(after, "vp_stream_bytes_sent_total") - value(before, "vp_stream_bytes_sent_total")
    settled = [mb for at, mb in memory if at >= min(SETTLE_S, options.seconds / 2)]
    return {
        "seconds": round(elapsed, 1),
        "connecting_s": round(measured_from - began, 1),
        "good": {
            "clients": len(good),
            "alive_at_the_end": alive,
            "bins": len(late),
            "expected_bins_a_client": int(elapsed / options.period_s),
            "fewest_bins_of_a_client": min(len(client.bins) for client in good),
            "skipped": sum(client.told_skipped for client in good),
            "missing": sum(client.missing for client in good),
            "torn": sum(client.torn for client in good),
            "lateness_ms": {f"p{p:g}": round(percentile(late, p), 2) for p in (50, 95, 99, 99.9, 100)},
        },
        "stalled": {
            "never_reading_again": len(stuck_ones),
            "of_these_ended_by_the_server": sum(ended),
            "stopping_now_and_then": len(stalled),
            "told_of_skipped_bins": sum(client.told_skipped > 0 for client in stalled),
            "skipped": sum(client.told_skipped for client in stalled),
            "missing": sum(client.missing for client in stalled),
            "torn": sum(client.torn for client in stalled),
        },
        "churn": {
            "at_a_time": options.churn,
            "connections": len(churned),
            "torn": sum(client.torn for client in churned),
            "missing": sum(client.missing for client in churned),
            "failed": failed,
        },
        "looking_back": {
            "clients": len(back),
            "alive_at_the_end": sum(not client.ended.done() for client in back),
            "histories": sum(client.histories for client in back),
            "bins_a_second": round(sum(client.looked_at for client in back) / elapsed, 1),
            "torn": sum(client.torn for client in back),
            "missing": sum(client.missing for client in back),
        },
        "seeking": {
            "clients": len(seekers),
            **maps_of(seekers),
        },
        "opening": {
            "pages": len(opened),
            **maps_of(opened),
        },
        "server": {
            "cores": round(cpu / elapsed, 3),
            "rss_mb": {"settled": round(settled[0], 1), "end": round(settled[-1], 1), "most": round(max(settled), 1)},
            "rss_growth_percent": round((max(settled) / settled[0] - 1) * 100, 2),
            "loop_lag_ms_p50": quantile_ms(before, after, "vp_stream_loop_lag_seconds", 0.5),
            "loop_lag_ms_p99": quantile_ms(before, after, "vp_stream_loop_lag_seconds", 0.99),
            "megabytes_a_second": round(sent / elapsed / 1e6, 1),
        },
        "fleet": {
            "cores": round(own_cpu / elapsed, 3),
            "loop_lag_ms_p99": round(percentile(sorted(fleet_lag), 99) * 1000, 2),
            "loop_lag_ms_median": round(statistics.median(fleet_lag) * 1000, 2) if fleet_lag else None,
        },
    }


def maps_of(clients: list[Client]) -> dict[str, Any]:
    """The maps that clients were shown, and how long each took."""
    filled = sorted(s * 1000 for client in clients for s in client.filled_s)
    return {
        "maps": len(filled),
        "map_filled_ms": {f"p{p:g}": round(percentile(filled, p), 1) for p in (50, 99, 100)},
        "torn": sum(client.torn for client in clients),
        "refused": [client.refused.decode() for client in clients if client.refused is not None][:3],
    }


async def watch_loop(lag: list[float]) -> None:
    while True:
        asked = time.monotonic() + 0.05
        await asyncio.sleep(0.05)
        lag.append(max(time.monotonic() - asked, 0.0))


def percentile(ordered: list[float], p: float) -> float:
    """Nearest rank; nan of nothing."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] if ordered else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description="A fleet of stream clients, and what they see.")
    add = parser.add_argument
    add("--good", type=int, default=200)
    add("--stalled", type=int, default=20)
    add("--back", type=int, default=0, help="clients that ask for the last 500 bins once a second")
    add("--seek", type=int, default=0, help="clients that seek at random once a second")
    add("--open", type=float, default=0, help="pages opened a second, at a bin at random, until their map is there")
    add("--churn", type=int, default=10, help="clients at a time that come and go")
    add("--seconds", type=float, default=300)
    add("--speed", type=float, default=1.0, help="1 is 10 bins a second at a cell width of 100 ms")
    add("--lake-root", type=Path)
    add("--config-root", type=Path)
    add("--serving", default=ALIAS)
    add("--cold", action="store_true", help="leave making the frame log to the server")
    options = parser.parse_args()
    if (options.lake_root is None) != (options.config_root is None):
        parser.error("--lake-root and --config-root belong together")
    with contextlib.ExitStack() as stack:
        if options.lake_root is None:
            options.lake_root, options.config_root, _ = stack.enter_context(temporary_demo(CONFIGS))
        opened = LakeCatalogue(open_lake(options.lake_root), options.config_root).open(options.serving)
        options.period_s = opened.cell_width_ms / 1000 / options.speed
        options.bins = 0 if options.cold else warm_log(opened.run).bins
        if (options.seek or options.open) and options.cold:
            parser.error("--seek and --open need a finished log: leave --cold out")
        most = options.good + options.stalled + options.back + options.seek + 2 * options.churn + 8
        most += int(options.open * options.seconds)
        server = Server(options.lake_root, options.config_root, options.speed, most)
        print(f"http://127.0.0.1:{server.port}/?serving={options.serving}", file=sys.stderr, flush=True)
        try:
            result = asyncio.run(run(server, options))
        finally:
            code = server.stop()
        result["server"]["exit_code"] = code
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
