"""The `vp-stream` command."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from vp_stream.errors import VpStreamError
from vp_stream.http.access import TOKEN_VARIABLE, read_token
from vp_stream.http.openapi import document_bytes
from vp_stream.logs import configure_logging
from vp_stream.server import serve
from vp_stream.settings import REGISTRY_VARIABLE, StreamSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Exit code 0 after that, 1 when it failed; wrong usage exits with 2."""
    options = _parser().parse_args(arguments)
    if options.openapi:
        sys.stdout.write(document_bytes().decode())
        return 0
    configure_logging(options.log_format, debug=options.debug)
    try:
        serve(_settings(options), on_ready=_announce)
    except KeyboardInterrupt:
        return 0
    except VpStreamError as error:
        if options.debug:
            raise
        sys.stderr.write(f"vp-stream: {error}\n")
        return 1
    return 0


def _announce(url: str) -> None:
    sys.stdout.write(f"serving {url}/ (press Ctrl+C to stop)\n")
    sys.stdout.flush()


def _settings(options: argparse.Namespace) -> StreamSettings:
    return StreamSettings(
        host=options.host,
        port=options.port,
        lake_root=options.lake_root,
        config_root=options.config_root,
        web_root=options.web_root,
        registry_url=options.registry_url or os.environ.get(REGISTRY_VARIABLE) or None,
        speed=options.speed,
        max_clients=options.max_clients,
        max_clients_per_address=options.max_clients_per_address,
        max_log_bytes=round(options.max_log_gib * 1024**3),
        max_idle_engines=options.max_idle_engines,
        allow_origins=tuple(options.allow_origin),
        allow_hosts=tuple(options.allow_host),
        forwarded_allow_ips=options.forwarded_allow_ips,
        token=read_token(options.token_file),
        perf_latency_jsonl=options.perf_latency_jsonl,
        perf_window_start_et=options.perf_window_start_et,
        perf_window_end_et=options.perf_window_end_et,
        perf_summary_every_bins=options.perf_summary_every_bins,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vp-stream",
        description="Stream server: WebSocket grid stream of promoted servings, health and the built page.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    lake_root, config_root = os.environ.get("VP_LAKE_ROOT", "lake"), os.environ.get("VP_CONFIG_ROOT", "configs")
    add = parser.add_argument
    add("--version", action="version", version=f"vp-stream {version('vp-stream')}")
    add("--openapi", action="store_true", help="print the OpenAPI document of the REST routes and exit")
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8002, help="port to listen on, 0 for any free one")
    add("--lake-root", type=Path, default=Path(lake_root), metavar="DIR", help="data lake (VP_LAKE_ROOT)")
    add("--config-root", type=Path, default=Path(config_root), metavar="DIR", help="configuration (VP_CONFIG_ROOT)")
    add("--web-root", type=Path, metavar="DIR", help="built page; web/dist beside the configuration if not given")
    add(
        "--registry-url",
        metavar="URL",
        help=f"SQLAlchemy URL of the registry ({REGISTRY_VARIABLE}); the lake's own if not given",
    )
    add("--speed", type=_speed, default=1.0, metavar="X", help="replay speed, or 'max' for no pacing")
    add("--max-clients", type=int, default=256, metavar="N", help="streams at a time; 1013 beyond")
    add(
        "--max-clients-per-address",
        type=int,
        metavar="N",
        help="streams at a time from one address; no limit of its own",
    )
    add("--max-log-gib", type=_gib, default=16.0, metavar="GIB", help="disk for frame logs; the ones unused longest go")
    add("--max-idle-engines", type=int, default=4, metavar="N", help="engines that go on when their clients have gone")
    add(
        "--allow-origin", action="append", default=[], metavar="ORIGIN", help="page origin that may connect; repeatable"
    )
    add("--allow-host", action="append", default=[], metavar="HOST", help="name this server goes by too; repeatable")
    add(
        "--forwarded-allow-ips",
        metavar="ADDRESSES",
        help="proxies whose X-Forwarded-For is believed, with commas between them; nobody's if not given",
    )
    add(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"let in only who has the token in this file ({TOKEN_VARIABLE} holds it otherwise)",
    )
    add("--log-format", choices=("text", "json"), default="text", help="lines for people, or a JSON object a line")
    add("--perf-latency-jsonl", type=Path, metavar="FILE", help="append producer latency per bin to this file")
    add("--perf-window-start-et", metavar="HH:MM", help="first New York time of bins in that file")
    add("--perf-window-end-et", metavar="HH:MM", help="New York time at which bins are no longer in it")
    add("--perf-summary-every-bins", type=int, default=1000, metavar="N", help="bins between summary lines")
    add("--debug", action="store_true", help="log everything and show tracebacks")
    return parser


def _gib(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number of 0 or more")
    return value


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 or 'max'") from error
