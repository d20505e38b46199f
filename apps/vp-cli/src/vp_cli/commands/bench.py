"""`vp bench`: measure on this machine; a table for people, JSON for comparing.

What measures is in `benchmarks/vp_bench` of the checkout and in no wheel: who installs the commands has no use for it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vp_cli.commands.demo import ALIAS, temporary_demo
from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, ConfigRoot
from vp_cli.output import AsJson, print_facts, print_json, print_rows
from vp_cli.printed.measured import BookStage, PeerRow, StageTimes, StreamStart

_BENCHMARKS: Final = Path(__file__).parents[5] / "benchmarks"

bench = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bench, name="bench")


def measured(name: str, *arguments: object, **options: object) -> dict[str, Any]:
    """What `measure` of a module of `vp_bench` returns. Raises CliError where there is no checkout around this file."""
    if not (_BENCHMARKS / "vp_bench" / "__init__.py").is_file():
        raise CliError(
            "bench: what measures is not installed with vp-cli; it is in the folder benchmarks of a checkout; "
            "run `uv run vp bench` there"
        )
    if str(_BENCHMARKS) not in sys.path:
        sys.path.append(str(_BENCHMARKS))
    refused = import_module("vp_bench").BenchError
    try:
        result: dict[str, Any] = import_module(f"vp_bench.{name}").measure(*arguments, **options)
    except refused as error:
        raise CliError(str(error)) from error
    return result


@bench.command("book")
def book(
    file: Annotated[
        Path | None,
        typer.Argument(help="Session to tile: else the one in $VP_REAL_DATA or ../shared/data, else a synthetic one."),
    ] = None,
    records: Annotated[int, typer.Option(min=1, help="Records to tile the session to, at least.")] = 2_000_000,
    repeat: Annotated[int, typer.Option(min=1, help="Timed runs; the median is shown.")] = 5,
    with_peers: Annotated[bool, typer.Option("--peers/--no-peers", help="Time installed peers too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Decode, book, attribution and physics: million records per second on one core, beside other people's books."""
    result = measured("book", file, records, repeat, with_peers=with_peers)
    if as_json:
        print_json(result)
        return
    rows, peers = result.pop("rows"), result.pop("peers")
    print_facts("bench book", result)
    print_rows("", rows, list(BookStage.__annotations__))
    if peers:
        print_rows("\npeers: how many times faster ours is", peers, list(PeerRow.__annotations__))


@bench.command("bin")
def bin_(
    file: Annotated[
        Path | None, typer.Argument(help="Session: else the real one where it is, and a busy synthetic one.")
    ] = None,
    bins: Annotated[int, typer.Option(min=1, help="Bins to measure, after 400 to warm up.")] = 5000,
    radius: Annotated[
        list[int] | None, typer.Option(min=1, help="Rows above and below spot; repeatable [50, 200].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """One bin of 100 ms at 8192 cells: close, spectrum with z-scores, codes, derivative stage; microseconds."""
    result = measured("bin", bins, radius or [50, 200], file)
    if as_json:
        print_json(result)
        return
    tables = result.pop("tables")
    print_facts("bench bin, microseconds", result)
    for table in tables:
        title = f"\n{table['session']}, radius {table['radius']}"
        print_rows(title, table["stages"], list(StageTimes.__annotations__))


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
    bins: Annotated[int, typer.Option(min=1, help="Bins to encode, after 200 to warm up.")] = 5000,
    repeat: Annotated[
        int, typer.Option(min=1, help="Streams started in each state of the caches; the median is shown.")
    ] = 5,
    as_json: AsJson = False,
) -> None:
    """Encoding a bin, and the time from connecting to the first one: with nothing kept, a checkpoint, a frame log."""
    if lake_root is None:
        with temporary_demo(config_root) as (lake, configs, _):
            result = measured("stream", lake, configs, serving, bins, repeat)
    else:
        result = measured("stream", lake_root, config_root, serving, bins, repeat)
    if as_json:
        print_json(result)
        return
    encoding, start = result.pop("encoding"), result.pop("start")
    print_facts("bench stream", result)
    print_rows("\nencoding, microseconds", encoding, list(StageTimes.__annotations__))
    print_rows("\nfrom connecting, milliseconds", start, list(StreamStart.__annotations__))
