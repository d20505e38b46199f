"""Server, engine and a hundred clients for half an hour: what stays as it was, and what grows.

    uv run python benchmarks/fleet/soak.py --minutes 30 --clients 100 --plots docs/img

The server is a process of its own, the clients this one. Most clients read everything and begin anew when a replay has
ended. Some stop reading for five seconds in every fifteen, some come and go all the time, and every `--every` seconds a
visitor opens another serving, whose frame log the server removed when the last visitor had left: an engine runs, writes
its log, and is let go of.

Before the measured time the same clients play for `--before` seconds and leave, with others that seek at random, so
that pools of threads have all they will ever have. Counts of tasks, threads and descriptors are compared between the
quiet server then and the quiet server at the end. Memory is resident memory in windows of three minutes, without the
first: its median, and its most, which is that of an engine run. Lateness is that of whole bins at the steady clients,
against the schedule that each one's own earliest bin is on. With --lake-root, --config-root and two --serving, servings
of that lake are streamed, else two of the demo.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from clients import MAP_BINS, Client, churn, connect, seeking, stalling
from server import Server, value
from websockets.asyncio.client import connect as open_stream

from vp_contract import STREAM_PATH

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
STALL_S, BETWEEN_S = 5.0, 10.0
VISIT_S = 20.0
"""As long as a visitor plays; an engine goes on to the end of its replay without him."""
EVERY_S = 5.0
"""Between two samples."""
BUCKET_S = 30.0
"""Of lateness."""
SEEKERS = 50
"""Before the measured time: enough for every worker of the server's pool to be busy once."""
WINDOW_S = 180.0
"""Of memory: two engine runs."""
QUIET_S = 120.0
HELD = ("tasks", "threads", "descriptors")


@dataclasses.dataclass
class Sample:
    """What the server holds at a moment, `at_s` after the beginning of the measured time."""

    at_s: float
    rss_mb: float
    cores: float
    tasks: int
    threads: int
    descriptors: int
    clients: int
    engines: int
    skipped: int


class Gauge:
    """Reads samples of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.began = time.monotonic()
        self._last = (self.began, server.cpu_s())

    async def sample(self) -> Sample:
        """One sample; processor time is that since the last one."""
        metrics = await asyncio.to_thread(self._server.metrics)
        now, cpu = time.monotonic(), self._server.cpu_s()
        cores = (cpu - self._last[1]) / max(now - self._last[0], 1e-3)
        self._last = (now, cpu)
        return Sample(
            at_s=round(now - self.began, 1),
            rss_mb=round(self._server.rss_mb(), 2),
            cores=round(cores, 3),
            tasks=int(value(metrics, "vp_stream_tasks")),
            threads=self._server.threads(),
            descriptors=int(value(metrics, "process_open_fds")),
            clients=int(value(metrics, "vp_stream_clients")),
            engines=int(value(metrics, 'vp_stream_engine_runs{state="running"}')),
            skipped=int(value(metrics, "vp_stream_bins_skipped_total")),
        )


class Crowd:
    """Clients of every kind, until they are sent home."""

    def __init__(self, server: Server, options: argparse.Namespace, seekers: int = 0) -> None:
        self._server = server
        self._options = options
        self._seekers = seekers
        self.sought: list[Client] = []
        self.steady: list[Client] = []
        self.stalled: list[Client] = []
        self.churned: list[Client] = []
        self.visits: list[Client] = []

    @contextlib.asynccontextmanager
    async def here(self) -> AsyncIterator[None]:
        """They come within five seconds, and have all left at the end of the block. Raises what one of them met."""
        stalling_ones = going_ones = max(self._options.clients // 20, 1)
        steady_ones = self._options.clients - stalling_ones - going_ones
        jobs: list[Callable[[], Any]] = [self._steady] * steady_ones + [self._stalled] * stalling_ones
        tasks = []
        for job in jobs:
            tasks.append(asyncio.create_task(job()))
            await asyncio.sleep(min(5.0 / len(jobs), 0.05))
        serving = self._options.serving[0]
        going = (churn(self._server.port, serving, seed, self.churned) for seed in range(going_ones))
        tasks += [asyncio.create_task(one) for one in going]
        sought = (seeking(self._server.port, serving, 2 * MAP_BINS, seed, self.sought) for seed in range(self._seekers))
        tasks += [asyncio.create_task(one) for one in sought]
        tasks.append(asyncio.create_task(self._visit()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            met = await asyncio.gather(*tasks, return_exceptions=True)
            for client in [*self.steady, *self.stalled, *self.churned, *self.visits, *self.sought]:
                client.transport.abort()
        failed = [error for error in met if isinstance(error, Exception)]
        if failed:
            raise failed[0]

    async def _steady(self) -> None:
        await self._play(self.steady, self._options.serving[0])

    async def _play(self, clients: list[Client], serving: str) -> None:
        while True:
            client = await connect(self._server.port, serving)
            clients.append(client)
            await asyncio.shield(client.ended)

    async def _stalled(self) -> None:
        while True:
            client = await connect(self._server.port, self._options.serving[0])
            self.stalled.append(client)
            await stalling(client, STALL_S, BETWEEN_S)

    async def _visit(self) -> None:
        while True:
            client = await connect(self._server.port, self._options.serving[1])
            self.visits.append(client)
            await asyncio.sleep(min(VISIT_S, self._options.every / 2))
            client.transport.abort()
            await asyncio.sleep(self._options.every - min(VISIT_S, self._options.every / 2))


async def cell_width_s(port: int, serving: str) -> float:
    """Seconds of a bin."""
    url = f"ws://127.0.0.1:{port}{STREAM_PATH}?serving={serving}"
    async with open_stream(url, compression=None, max_size=None) as stream:
        config = json.loads(await stream.recv())
    if config["type"] != "runtime_config":
        raise SystemExit(config["message"])
    return float(config["config"]["cell_width_ms"]) / 1000


async def quiet(gauge: Gauge, settle_s: float, start: Sample | None = None) -> Sample:
    """The server when nobody is left and its engines have ended: the fewest of each of several samples.

    With `start` it is waited until no count is above that, for two minutes at most.
    """
    until = time.monotonic() + QUIET_S
    while time.monotonic() < until:
        sample = await gauge.sample()
        if not sample.clients and not sample.engines:
            break
        await asyncio.sleep(1.0)
    await asyncio.sleep(settle_s)
    found: list[Sample] = []
    while len(found) < 5 or (start is not None and _more(found[-1], start) and time.monotonic() < until):
        found.append(await gauge.sample())
        await asyncio.sleep(0.5)
    fewest = {name: min(getattr(sample, name) for sample in found) for name in HELD}
    return dataclasses.replace(found[-1], **fewest)


def _more(now: Sample, then: Sample) -> bool:
    return any(getattr(now, name) > getattr(then, name) for name in HELD)


async def run(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    gauge = Gauge(server)
    period_s = await cell_width_s(server.port, options.serving[0]) / options.speed
    async with Crowd(server, options, seekers=SEEKERS).here():
        await asyncio.sleep(options.before)
    start = await quiet(gauge, options.settle)
    crowd, gauge.began, own_cpu = Crowd(server, options), time.monotonic(), time.process_time()
    samples: list[Sample] = []
    async with crowd.here():
        while time.monotonic() - gauge.began < options.minutes * 60:
            samples.append(await gauge.sample())
            await asyncio.sleep(EVERY_S)
    seconds, own_cpu = time.monotonic() - gauge.began, time.process_time() - own_cpu
    end = await quiet(gauge, options.settle, start)
    late = lateness(crowd.steady, period_s, gauge.began)
    every = sorted(ms for bucket in late.values() for ms in bucket)
    windows = memory(samples)
    settled = windows[1:] or windows
    return {
        "seconds": round(seconds, 1),
        "clients": options.clients,
        "speed": options.speed,
        "bins": len(every),
        "missing": sum(client.missing for client in [*crowd.steady, *crowd.stalled, *crowd.churned]),
        "torn": sum(client.torn for client in [*crowd.steady, *crowd.stalled, *crowd.churned]),
        "skipped_by_steady": sum(client.told_skipped for client in crowd.steady),
        "skipped_by_stalling": sum(client.told_skipped for client in crowd.stalled),
        "streams": {
            "steady": len(crowd.steady),
            "stalling": len(crowd.stalled),
            "came_and_went": len(crowd.churned),
            "visits_with_an_engine": len(crowd.visits),
        },
        "lateness_ms": {f"p{p:g}": round(percentile(every, p), 2) for p in (50, 95, 99, 99.9, 100)},
        "memory_mb": {
            "windows": windows,
            "growth_percent": {
                name: round((max(window[name] for window in settled) / settled[0][name] - 1) * 100, 2)
                for name in ("median", "most")
            },
        },
        "held": {name: {"start": getattr(start, name), "end": getattr(end, name)} for name in HELD},
        "most_held": {name: max(getattr(sample, name) for sample in samples) for name in HELD},
        "cores": {
            "server": round(statistics.mean(sample.cores for sample in samples), 3),
            "clients": round(own_cpu / seconds, 3),
        },
        "samples": [dataclasses.asdict(sample) for sample in samples],
        "late": [
            {"at_s": at, **{f"p{p:g}": round(percentile(sorted(ms), p), 2) for p in (50, 99, 100)}}
            for at, ms in sorted(late.items())
        ],
    }


def memory(samples: list[Sample]) -> list[dict[str, float]]:
    """Resident memory of each window, MB."""
    windows: defaultdict[int, list[float]] = defaultdict(list)
    for sample in samples:
        windows[int(sample.at_s // WINDOW_S)].append(sample.rss_mb)
    return [
        {"at_s": number * WINDOW_S, "median": round(statistics.median(found), 1), "most": round(max(found), 1)}
        for number, found in sorted(windows.items())
    ]


def lateness(clients: list[Client], period_s: float, began: float) -> dict[float, list[float]]:
    """Milliseconds by the beginning of the bucket in which a bin arrived."""
    buckets: defaultdict[float, list[float]] = defaultdict(list)
    for client in clients:
        for at, late in zip(client.arrivals, client.lateness_s(period_s), strict=True):
            buckets[(at - began) // BUCKET_S * BUCKET_S].append(late * 1000)
    return dict(buckets)


def percentile(ordered: list[float], p: float) -> float:
    """Nearest rank; nan of nothing."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] if ordered else float("nan")


def draw(result: dict[str, Any], folder: Path) -> None:
    """Memory, lateness, what is held, and processor time over the minutes, as soak.png."""
    import matplotlib as mpl  # in the dependency group `plots` only
    from matplotlib.figure import Figure

    samples, late = result["samples"], result["late"]
    at = [sample["at_s"] / 60 for sample in samples]
    late_at = [bucket["at_s"] / 60 for bucket in late]
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(10, 7), layout="constrained")
        (resident, waits), (held, cores) = figure.subplots(2, 2)
        resident.plot(at, [sample["rss_mb"] for sample in samples], color="#BBBBBB", lw=1, label="every 5 s")
        windows = result["memory_mb"]["windows"]
        middles = [(window["at_s"] + WINDOW_S / 2) / 60 for window in windows]
        for name, colour in (("most", "#D55E00"), ("median", "#0072B2")):
            label = f"{name} of three minutes"
            resident.plot(middles, [window[name] for window in windows], color=colour, marker=".", label=label)
        resident.set(title="Resident memory of the server", ylabel="MB", ylim=(0, None))
        for name, colour in (("p100", "#BBBBBB"), ("p99", "#D55E00"), ("p50", "#0072B2")):
            label = "most" if name == "p100" else name
            waits.plot(late_at, [bucket[name] for bucket in late], color=colour, label=label)
        waits.set(title="Lateness of bins at the steady clients", ylabel="milliseconds", yscale="log")
        for name, colour in (("descriptors", "#222222"), ("tasks", "#0072B2"), ("threads", "#D55E00")):
            held.plot(at, [sample[name] for sample in samples], color=colour, lw=1, label=name)
        held.set(title="Held by the server, clients included", ylabel="count", yscale="log")
        cores.plot(at, [sample["cores"] for sample in samples], color="#0072B2", lw=1, label="server")
        cores.set(title="Processor time: a peak is an engine run", ylabel="cores", ylim=(0, None))
        for axes in (resident, waits, held, cores):
            axes.set_xlabel("minutes")
            axes.grid(alpha=0.25, lw=0.6)
            axes.legend(frameon=False, loc="center right" if axes is held else "best")
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "soak.png", dpi=100)


@contextlib.contextmanager
def demo() -> Iterator[tuple[Path, Path, list[str]]]:
    """A lake with two servings of the demo's experiment: its root, that of its configs, their aliases."""
    from vp_cli.commands.demo import ALIAS, EXPERIMENT, temporary_demo  # seconds that a lake at hand does not need
    from vp_harness import ResultsStore, compare, open_lake, promote

    with temporary_demo(CONFIGS) as (lake, configs, made):
        rows = compare(ResultsStore(open_lake(lake)), experiment=EXPERIMENT, min_signals=0)
        other = next(row for row in rows.iter_rows(named=True) if row["run_id"] != made.served.spec.source.run_id)
        run, threshold = other["run_id"], other["threshold"]
        reason = "only streamed, to visitors of the soak"
        promote(run, "visited", lake, config_root=configs, threshold=threshold, accept_unproven=True, reason=reason)
        yield lake, configs, [ALIAS, "visited"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Server, engine and clients for a long time.")
    add = parser.add_argument
    add("--minutes", type=float, default=30)
    add("--clients", type=int, default=100)
    add("--speed", type=float, default=1.0, help="1 is 10 bins a second at a cell width of 100 ms")
    add("--every", type=float, default=90, help="seconds from one engine run to the next")
    add("--before", type=float, default=60, help="seconds that the same clients play before counts are taken")
    add("--settle", type=float, default=12, help="seconds without clients before counts are taken")
    add("--lake-root", type=Path)
    add("--config-root", type=Path)
    add("--serving", action="append", help="given twice: that of the clients, and that of the visitors")
    add("--json", type=Path, help="write all samples there; the table goes to standard output")
    add("--plots", type=Path, metavar="DIR", help="write soak.png there")
    options = parser.parse_args()
    own = (options.lake_root, options.config_root, options.serving)
    if any(own) and not (all(own) and len(options.serving) == 2):
        parser.error("--lake-root, --config-root and two --serving belong together")
    with contextlib.ExitStack() as stack:
        if options.lake_root is None:
            options.lake_root, options.config_root, options.serving = stack.enter_context(demo())
        # no disk for logs that nobody plays: each visit needs an engine
        server = Server(
            options.lake_root, options.config_root, options.speed, options.clients * 2, "--max-log-gib", "0"
        )
        try:
            result = asyncio.run(run(server, options))
        finally:
            code = server.stop()
        result["exit_code"] = code
    if options.json is not None:
        options.json.write_text(json.dumps(result))
    if options.plots is not None:
        draw(result, options.plots)
    json.dump({name: found for name, found in result.items() if name not in ("samples", "late")}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
