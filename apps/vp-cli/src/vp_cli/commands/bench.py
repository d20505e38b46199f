"""`vp bench`: measure on this machine; a table for people, JSON for comparing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vp_cli.bench import bin as bin_bench
from vp_cli.bench import book as book_bench
from vp_cli.bench import stream as stream_bench
from vp_cli.commands.demo import ALIAS, temporary_demo
from vp_cli.options import CONFIG_ROOT, ConfigRoot
from vp_cli.output import AsJson, print_facts, print_json, print_rows

bench = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bench, name="bench")


@bench.command("book")
def book(
    file: Annotated[
        Path | None,
        typer.Argument(help="Session to tile: else the one in $VP_REAL_DATA or ../shared/data, else a synthetic one."),
    ] = None,
    records: Annotated[int, typer.Option(help="Records to tile the session to, at least.")] = 2_000_000,
    repeat: Annotated[int, typer.Option(help="Timed runs; the median is shown.")] = 5,
    with_peers: Annotated[bool, typer.Option("--peers/--no-peers", help="Time installed peers too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Decode, book, attribution and physics: million records per second on one core, beside other people's books."""
    result = book_bench.measure(file, records, repeat, with_peers=with_peers)
    if as_json:
        print_json(result)
        return
    rows, peers = result.pop("rows"), result.pop("peers")
    print_facts("bench book", result)
    print_rows("", rows, ["stage", "records", "median s", "million records/s", "min", "max"])
    if peers:
        print_rows("\npeers: how many times faster ours is", peers, list(peers[0]))


@bench.command("bin")
def bin_(
    file: Annotated[
        Path | None, typer.Argument(help="Session: else the real one where it is, and a busy synthetic one.")
    ] = None,
    bins: Annotated[int, typer.Option(help="Bins to measure, after 400 to warm up.")] = 5000,
    radius: Annotated[list[int] | None, typer.Option(help="Rows above and below spot; repeatable. [50, 200]")] = None,
    as_json: AsJson = False,
) -> None:
    """One bin of 100 ms at 8192 cells: close, spectrum with z-scores, codes, derivative stage; microseconds."""
    result = bin_bench.measure(bins, radius or [50, 200], file)
    if as_json:
        print_json(result)
        return
    tables = result.pop("tables")
    print_facts("bench bin, microseconds", result)
    for title, rows in tables.items():
        print_rows(f"\n{title}", rows, ["stage", "p50", "p95", "p99", "max"])


@bench.command("stream")
def stream(
    serving: Annotated[str, typer.Argument(help="Alias or id of a serving in --lake-root.")] = ALIAS,
    lake_root: Annotated[
        Path | None,
        typer.Option(
            help="Lake of the serving, whose caches are made anew; a temporary one with the demo if not given."
        ),
    ] = None,
    config_root: ConfigRoot = CONFIG_ROOT,
    bins: Annotated[int, typer.Option(help="Bins to encode, after 200 to warm up.")] = 5000,
    repeat: Annotated[int, typer.Option(help="Streams started in each state of the caches; the median is shown.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Encoding a bin, and the time from connecting to the first one: with nothing kept, a checkpoint, a frame log."""
    if lake_root is None:
        with temporary_demo(config_root) as (lake, configs, _):
            result = stream_bench.measure(lake, configs, serving, bins, repeat)
    else:
        result = stream_bench.measure(lake_root, config_root, serving, bins, repeat)
    if as_json:
        print_json(result)
        return
    encoding, start = result.pop("encoding"), result.pop("start")
    print_facts("bench stream", {**result, "bytes a bin": encoding[-1]["bytes"]})
    print_rows("\nencoding, microseconds", encoding, ["stage", "p50", "p95", "p99", "max"])
    print_rows("\nfrom connecting, milliseconds", start, list(start[0]))
