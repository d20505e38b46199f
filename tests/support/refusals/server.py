"""What vp-stream refuses: options, names, queries and messages."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

from support.refusals import Case
from support.refusals.bench import Bench, flip
from vp_stream import StreamSettings
from vp_stream.clients.protocol import parse_client_message, parse_query
from vp_stream.http.access import Token, read_token
from vp_stream.servings.published import LakeCatalogue

SETTINGS = StreamSettings(lake_root=Path("lake"), config_root=Path("configs"))


def _settings(**options: object) -> StreamSettings:
    return replace(SETTINGS, **options)  # type: ignore[arg-type]


def _open(bench: Bench, name: str = "small") -> None:
    bench.lake  # noqa: B018 - makes the specs
    LakeCatalogue(bench.lake, bench.configs).open(name)


def _raw_gone(bench: Bench) -> None:
    for path in bench.lake.raw_dir("future_mbo", "SYN").iterdir():
        path.unlink()
    _open(bench)


def _raw_changed(bench: Bench) -> None:
    (path,) = bench.lake.raw_dir("future_mbo", "SYN").glob("*.dbn.zst")
    flip(path, 300)
    _open(bench)


def _other_lock(bench: Bench) -> None:
    bench.lake  # noqa: B018 - makes the specs
    bench.replace("instrument.yaml", "symbol: SYNM6", "symbol: SYNU6")
    _open(bench)


def _no_registry(bench: Bench) -> None:
    LakeCatalogue(bench.empty_lake, bench.configs).open("small")


def _deaf_registry(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql+psycopg://vp@127.0.0.1:{server.getsockname()[1]}/registry"
        LakeCatalogue(bench.empty_lake, bench.configs, url, registry_timeout_s=0.1).open("small")


CASES = [
    Case("`--speed 0`", lambda _: _settings(speed=0.0)),
    Case("`--port 70000`", lambda _: _settings(port=70_000)),
    Case("`--max-clients 0`", lambda _: _settings(max_clients=0)),
    Case("`--max-idle-engines -1`", lambda _: _settings(max_idle_engines=-1)),
    Case("an origin with a path", lambda _: _settings(allow_origins=("https://desk.example/page",))),
    Case("a window that is no time", lambda _: _settings(perf_window_start_et="9.30")),
    Case("a token that is too short", lambda _: Token("short")),
    Case("a token file that is not there", lambda _: read_token(Path("absent"))),
    Case("a stream without `serving`", lambda _: parse_query(b"")),
    Case("a stream with a second parameter", lambda _: parse_query(b"serving=small&speed=2")),
    Case("a serving that is no name", lambda _: parse_query(b"serving=..%2Fetc")),
    Case("a message that is no JSON", lambda _: parse_client_message("{")),
    Case("a message of an unknown type", lambda _: parse_client_message('{"type":"faster"}')),
    Case("a binary message", lambda _: parse_client_message(b"\0")),
    Case("a serving that there is not", lambda b: _open(b, "nothing")),
    Case("a lake without a registry", _no_registry),
    Case("a registry that does not answer", _deaf_registry),
    Case("a serving whose raw file is gone", _raw_gone),
    Case("a serving whose raw file was changed", _raw_changed),
    Case("a serving of another instrument than the lock's", _other_lock),
]
