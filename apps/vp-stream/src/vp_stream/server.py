"""Running the application: in the foreground until a signal, or in a background thread."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType, TracebackType
from typing import Final

from starlette.applications import Starlette

from vp_stream.clients.capacity import Listener, Lobby, most_connections
from vp_stream.clients.connections import StreamProtocol
from vp_stream.clients.hub import Hub
from vp_stream.clients.protocol import MAX_CLIENT_MESSAGE_BYTES
from vp_stream.clients.transport import listen
from vp_stream.errors import VpStreamError
from vp_stream.frames.runs import RunSpec
from vp_stream.http.app import create_app
from vp_stream.http.exchanges import RequestProtocol
from vp_stream.http.hosts import is_loopback
from vp_stream.servings.catalogue import Catalogue
from vp_stream.settings import StreamSettings
from vp_stream.uvicorn_internals import Config, Server

_logger = logging.getLogger(__name__)

_START_TIMEOUT_S: Final = 30.0
_M_MMAP_THRESHOLD: Final = -3
"""Of `mallopt`, see <malloc.h>."""
_LARGE_BYTES: Final = 1 << 20


class _StreamServer(Server):
    """uvicorn, with open streams closed as going away (1001) before it closes what is left."""

    def __init__(
        self,
        config: Config,
        app: Starlette,
        listener: Listener,
        shutdown_s: float,
        on_ready: Callable[[], None],
        *,
        own_process: bool,
    ) -> None:
        super().__init__(config)
        self._own_process = own_process
        self._app = app
        self._listener = listener
        self._shutdown_s = shutdown_s
        self._on_ready = on_ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. SIGTERM asks for nothing more, where uvicorn lets it kill the process after all has been put away."""
        if sig == signal.SIGTERM:
            self.should_exit = True
        else:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._app.state.metrics.watch_sockets(self._listener)
            if self._own_process:
                _return_large_arrays()
                self._app.state.warming.add_done_callback(lambda _: _forget_garbage())
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hub: Hub = self._app.state.hub
        await asyncio.gather(hub.drain(self._shutdown_s / 2), self._app.state.launcher.close())
        await super().shutdown(sockets)


def _return_large_arrays() -> None:
    """Have the memory of large arrays go back to the system as soon as they are freed, where the C library is glibc.

    Once some were freed glibc takes others from its heap, which shrinks from its end alone: what engines had used up
    stayed with the server, 70 MB at a time.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library, another system
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def _forget_garbage() -> None:
    """Take what has been loaded out of the garbage collector's sight.

    The libraries underneath leave some hundred thousand objects that stay: looking through them held up every client
    for 100 ms now and then.
    """
    gc.collect()
    gc.freeze()


class RunningServer:
    """A server in a background thread. A context manager: leaving it stops the server."""

    def __init__(self, settings: StreamSettings, catalogue: Catalogue | None, listener: Listener) -> None:
        self._listener = listener
        self._serving = threading.Event()
        self._server = _server(settings, catalogue, listener, self._serving.set, own_process=False)
        self._error: BaseException | None = None
        self.host, self.port = address_of(listener)
        self._thread = threading.Thread(target=self._run, name="vp-stream", daemon=True)

    @property
    def url(self) -> str:
        """The address of the page, `http://host:port`."""
        return url_of(self.host, self.port)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Close all streams with 1001 and stop. Raises `VpStreamError` if it takes longer than `timeout_s` seconds."""
        self._server.should_exit = True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise VpStreamError(f"the server on port {self.port} did not stop in {timeout_s} s")

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        self._thread.start()
        if not self._serving.wait(_START_TIMEOUT_S) or self._error is not None:
            raise VpStreamError(f"the server on port {self.port} did not start") from self._error

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except (Exception, SystemExit) as error:  # the boundary of the thread: whoever waits for the start is told
            _logger.error("the server on port %d ended", self.port, exc_info=error)
            self._error = error
            self._serving.set()


def serve(
    settings: StreamSettings,
    *,
    catalogue: Catalogue | None = None,
    pinned: Sequence[RunSpec] = (),
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; streams are then closed with 1001. The runs of `pinned` begin with the server.

    `on_ready` is called with the address (`http://host:port`) once connections are accepted. Raises `SettingsError`
    when the address cannot be listened on, before anything else is started.
    """
    if settings.token is None and not is_loopback(settings.host):
        _logger.warning("whoever reaches %s can read every stream: give the server a token", settings.host)
    with listen(settings.host, settings.port, dead_peer_s=settings.dead_peer_s) as listener:
        url = url_of(*address_of(listener))
        ready = on_ready or (lambda _: None)
        server = _server(settings, catalogue, listener, lambda: ready(url), pinned, own_process=True)
        server.run(sockets=[listener])


def start_in_background(settings: StreamSettings, *, catalogue: Catalogue | None = None) -> RunningServer:
    """Serve from a thread of this process; with `port=0` the system chooses the port, see `RunningServer.port`.

    Returns once connections are accepted. Raises `SettingsError` as `serve` does, `VpStreamError` if it does not start.
    """
    listener = listen(settings.host, settings.port, dead_peer_s=settings.dead_peer_s)
    try:
        running = RunningServer(settings, catalogue, listener)
        running._start()
    except BaseException:
        listener.close()
        raise
    return running


def address_of(listener: socket.socket) -> tuple[str, int]:
    """Host and port a socket listens on."""
    host, port = listener.getsockname()[:2]
    return str(host), int(port)


def url_of(host: str, port: int) -> str:
    """The http address of a listening host and port, as a browser on this machine would write it."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _server(
    settings: StreamSettings,
    catalogue: Catalogue | None,
    listener: Listener,
    on_ready: Callable[[], None],
    pinned: Sequence[RunSpec] = (),
    *,
    own_process: bool,
) -> _StreamServer:
    app = create_app(settings, catalogue=catalogue, pinned=pinned)
    lobby = Lobby(settings.dead_peer_s)
    listener.most = settings.max_connections or most_connections(settings.max_clients, raise_limit=own_process)
    listener.lobby = lobby
    config = Config(
        app,
        loop="asyncio",
        http=partial(RequestProtocol, lobby=lobby),  # type: ignore[arg-type]  # uvicorn only calls them
        ws=partial(StreamProtocol, lobby=lobby),  # type: ignore[arg-type]
        ws_max_size=MAX_CLIENT_MESSAGE_BYTES,
        ws_ping_interval=settings.dead_peer_s / 2,
        ws_ping_timeout=settings.dead_peer_s / 2,
        # Measured: 1.4 ms of the event loop per client and bin with compression, 0.07 ms without.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # by default uvicorn believes the X-Forwarded-For of 127.0.0.1
        proxy_headers=settings.forwarded_allow_ips is not None,
        forwarded_allow_ips=settings.forwarded_allow_ips or "",
        timeout_keep_alive=max(1, round(settings.dead_peer_s / 2)),
        timeout_graceful_shutdown=max(1, round(settings.shutdown_s / 4)),
    )
    return _StreamServer(config, app, listener, settings.shutdown_s, on_ready, own_process=own_process)
