"""`vp serve`: the stream server, with the page built if need be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, RegistryUrl
from vp_cli.page import built_page
from vp_stream import StreamSettings
from vp_stream import serve as serve_stream
from vp_stream.http import TOKEN_VARIABLE, read_token
from vp_stream.logs import LogFormat, configure_logging

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on, 0 for any free one.")]
Speed = Annotated[str, typer.Option(help="Replay speed, a number above 0, or 'max' for no pacing.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    host: Host = "127.0.0.1",
    port: Port = 8002,
    speed: Speed = "1",
    max_clients: Annotated[int, typer.Option(help="Streams at a time; 1013 beyond.")] = 256,
    max_clients_per_address: Annotated[
        int | None, typer.Option(help="Streams at a time from one address; no limit of its own if not given.")
    ] = None,
    max_log_gib: Annotated[float, typer.Option(min=0, help="Disk for frame logs; the ones unused longest go.")] = 16.0,
    max_idle_engines: Annotated[int, typer.Option(help="Engines that go on when their clients have gone.")] = 4,
    web_root: Annotated[Path | None, typer.Option(help="Built page; that of the checkout if not given.")] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Page origin that may connect besides this server's own; repeatable.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Name or address this server goes by besides loopback; repeatable.")
    ] = None,
    forwarded_allow_ips: Annotated[
        str | None, typer.Option(help="Proxies whose X-Forwarded-For is believed, with commas between them.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"Let in only who has the token in this file; {TOKEN_VARIABLE} holds it otherwise."),
    ] = None,
    registry_url: RegistryUrl = None,
    log_format: Annotated[LogFormat, typer.Option(help="Lines for people, or a JSON object a line.")] = "text",
    perf_latency_jsonl: Annotated[Path | None, typer.Option(help="Append latency per bin to this file.")] = None,
    perf_window_start_et: Annotated[str | None, typer.Option(help="First New York time (HH:MM) of bins in it.")] = None,
    perf_window_end_et: Annotated[str | None, typer.Option(help="New York time (HH:MM) at which it ends.")] = None,
    perf_summary_every_bins: Annotated[int, typer.Option(help="Bins between its summary lines.")] = 1000,
) -> None:
    """Serve promoted servings and the page until interrupted."""
    run(
        StreamSettings(
            lake_root=lake_root,
            config_root=config_root,
            host=host,
            port=port,
            web_root=web_root or built_page(config_root),
            speed=speed_of(speed),
            max_clients=max_clients,
            max_clients_per_address=max_clients_per_address,
            max_log_bytes=round(max_log_gib * 1024**3),
            max_idle_engines=max_idle_engines,
            registry_url=registry_url,
            token=read_token(token_file),
            allow_origins=tuple(allow_origin or ()),
            allow_hosts=tuple(allow_host or ()),
            forwarded_allow_ips=forwarded_allow_ips,
            perf_latency_jsonl=perf_latency_jsonl,
            perf_window_start_et=perf_window_start_et,
            perf_window_end_et=perf_window_end_et,
            perf_summary_every_bins=perf_summary_every_bins,
        ),
        log_format=log_format,
    )


def run(settings: StreamSettings, path: str = "/", log_format: LogFormat = "text") -> None:
    """Serve until interrupted, saying where."""
    configure_logging(log_format)
    serve_stream(settings, on_ready=lambda url: typer.echo(f"open {url}{path} (Ctrl+C stops)"))


def speed_of(text: str) -> float:
    """A replay speed as it is written on the command line; StreamSettings checks the range."""
    if text == "max":
        return math.inf
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number above 0 or 'max'", param_hint="--speed") from None
