"""`vp live`: a promoted serving on today's market, or just the recording of it."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer

from vp_book.live import FeedRequest, api_key
from vp_cli.commands.serving import option_type, parsed_option
from vp_cli.errors import CliError
from vp_cli.options import load_lock
from vp_cli.output import say
from vp_cli.page import built_page
from vp_cli.typer_internals import give_options
from vp_contract import RuntimeConfig
from vp_harness import Lake, new_recording, open_lake
from vp_stream import LiveCatalogue, LiveThread, serve
from vp_stream.logs import configure_logging
from vp_stream.options import OPTIONS, settings_of

_DATASETS: Final = {"future_mbo": "GLBX.MDP3", "equity_mbo": "XNAS.ITCH"}
_CONNECT_S: Final = 60.0
_SAID_EVERY_S: Final = 60.0

_OWN: Final = (
    ("alias", Annotated[str | None, typer.Option(help="Promoted serving to run on the live feed.")], None),
    ("record_only", Annotated[bool, typer.Option("--record-only", help="Keep what comes, and serve nothing.")], False),
    (
        "symbol",
        Annotated[
            list[str] | None,
            typer.Option(help="With --record-only: raw symbol to record, repeatable; the instrument lock's else."),
        ],
        None,
    ),
    (
        "dataset",
        Annotated[
            str | None,
            typer.Option(help="Databento dataset; GLBX.MDP3 for futures and XNAS.ITCH for equities if not given."),
        ],
        None,
    ),
    (
        "hold_back_ms",
        Annotated[int, typer.Option(min=0, max=60_000, help="How long a bin waits for late records after its end.")],
        20,
    ),
    ("gateway", Annotated[str | None, typer.Option(help="Host of the gateway; that of the dataset else.")], None),
    ("gateway_port", Annotated[int, typer.Option(min=1, max=65_535, help="Port of the gateway.")], 13_000),
)
_SERVER: Final = tuple(option for option in OPTIONS if option.name != "speed")


def register(app: typer.Typer) -> None:
    """Add the command, with the options of the server."""
    server = [(option.name, option_type(option), option.default) for option in _SERVER]
    give_options(live, [*_OWN, *server])
    app.command("live")(live)


def live(**values: Any) -> None:
    """Serve a promoted serving on the live feed of today's market, and record all that comes.

    The key of the Databento account is read from DATABENTO_API_KEY.
    """
    if values["record_only"] == (values["alias"] is not None):
        raise typer.BadParameter("either this or --record-only is needed", param_hint="--alias")
    if values["symbol"] and not values["record_only"]:
        raise typer.BadParameter("goes with --record-only; a serving has its own symbol", param_hint="--symbol")
    parsed = {option.name: parsed_option(option, values[option.name]) for option in _SERVER}
    configure_logging(parsed["log_format"])
    lake = open_lake(parsed["lake_root"])
    key = api_key()
    if values["record_only"]:
        _record(values, lake, parsed["config_root"], key)
        return
    page: Path | None = parsed["web_root"] or built_page(parsed["config_root"])
    settings = settings_of(parsed | {"web_root": page, "speed": 1.0})
    catalogue = LiveCatalogue(
        lake, settings.config_root, settings.registry_url, registry_timeout_s=settings.registry_timeout_s
    )
    spec, served = catalogue.prepare(values["alias"])
    config = spec.runtime
    request = _request(values, config.product_type, (config.symbol,), key)
    about = {"serving_id": spec.serving_id, "config_hash": config.config_version}
    with _Feed(values, lake, request, config, config.product_type, config.symbol_root, about) as thread:
        run = catalogue.go_live(values["alias"], served, thread)
        serve(
            settings,
            catalogue=catalogue,
            pinned=(run,),
            on_ready=lambda url: typer.echo(f"open {url}/?serving={values['alias']} (Ctrl+C stops)"),
        )


def _record(values: dict[str, Any], lake: Lake, config_root: Path, key: str) -> None:
    lock = load_lock(config_root)
    symbols = tuple(values["symbol"] or (lock.symbol,))
    request = _request(values, lock.product_type, symbols, key)
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _Feed(values, lake, request, None, lock.product_type, lock.symbol_root, {}) as thread:
            typer.echo(f"recording {', '.join(symbols)} (Ctrl+C stops)")
            while not stopped.wait(_SAID_EVERY_S) and not thread.ended:
                say(f"{thread.session.state.records} records, {thread.session.state.losses} losses")
            if thread.failure is not None:
                raise CliError(str(thread.failure))
        state = thread.session.state
        typer.echo(f"{state.records} records in {thread.recorder.parts} parts: {thread.recorder.directory}")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _request(values: dict[str, Any], product_type: str, symbols: tuple[str, ...], key: str) -> FeedRequest:
    return FeedRequest(
        values["dataset"] or _DATASETS[product_type],
        symbols,
        key,
        gateway=values["gateway"],
        port=values["gateway_port"],
    )


class _Feed:
    """A feed that has begun: its first session is there, or what kept it from that is raised."""

    def __init__(
        self,
        values: dict[str, Any],
        lake: Lake,
        request: FeedRequest,
        config: RuntimeConfig | None,
        product_type: str,
        symbol_root: str,
        about: dict[str, str],
    ) -> None:
        recorder = new_recording(
            lake,
            product_type,
            symbol_root,
            dataset=request.dataset,
            symbols=list(request.symbols),
            hold_back_ms=values["hold_back_ms"],
            **about,
        )
        self._thread = LiveThread(request, config, recorder, values["hold_back_ms"])

    def __enter__(self) -> LiveThread:
        self._thread.__enter__()
        try:
            self._thread.wait_connected(_CONNECT_S)
        except BaseException:
            self._thread.__exit__(None, None, None)
            raise
        return self._thread

    def __exit__(self, *error: Any) -> None:
        self._thread.__exit__(None, None, None)
