"""The options of the server."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from vp_stream.clients.hub import Limits
from vp_stream.errors import SettingsError
from vp_stream.http.access import Token
from vp_stream.http.hosts import check_allowed_host
from vp_stream.http.origin import check_allowed_origin
from vp_stream.telemetry import LatencyLog, parse_et

_INSTALLED_PAGE: Final = Path(__file__).parent / "page"

REGISTRY_VARIABLE: Final = "VP_REGISTRY_URL"
"""Holds the URL of the registry where none is on the command line, which every user of the machine can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Everything `create_app` and `serve` need. Checked when made: raises `SettingsError`.

    `speed` is the factor by which replays run, `math.inf` for as fast as each client takes them. `web_root` is the
    directory of the built page; if None, `<config_root>/../web/dist` or the one installed with this package.
    `registry_url` is an SQLAlchemy URL, the lake's own SQLite file if None; a registry that does not answer in
    `registry_timeout_s` seconds counts as unavailable. With a `token` only who has it is let in.

    Requests are answered for loopback names, `host`, the hosts of `allow_origins`, and `allow_hosts`. The header
    `X-Forwarded-For` counts only when it comes from one of `forwarded_allow_ips` (addresses and networks with commas
    between them, as uvicorn takes them): whoever can send it there can be any address.

    `max_connections` is how many connections of any kind there are at a time; if None, as many as the descriptors of
    the process allow, at most twice `max_clients` and 512.

    Frame logs have at most `max_log_bytes` on the disk, if not in use, and `max_idle_engines` engines at most go on
    when their clients have gone; both are looked after every `tidy_s` seconds.

    `dead_peer_s` is after how many seconds without a sign of life a client is dropped, `max_lag_s` how many seconds
    late a bin may be before a client that is too slow skips.
    """

    lake_root: Path
    config_root: Path
    host: str = "127.0.0.1"
    port: int = 8002
    web_root: Path | None = None
    registry_url: str | None = None
    speed: float = 1.0
    max_clients: int = 256
    max_clients_per_address: int | None = None
    max_connections: int | None = None
    max_log_bytes: int = 16 * 1024**3
    max_idle_engines: int = 4
    tidy_s: float = 5.0
    registry_timeout_s: float = 5.0
    allow_origins: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    forwarded_allow_ips: str | None = None
    token: Token | None = field(default=None, repr=False)
    perf_latency_jsonl: Path | None = None
    perf_window_start_et: str | None = None
    perf_window_end_et: str | None = None
    perf_summary_every_bins: int = 1000
    dead_peer_s: float = 20.0
    max_lag_s: float = 1.0
    shutdown_s: float = 4.0

    def __post_init__(self) -> None:
        if not self.speed > 0.0:
            raise SettingsError(f"speed={self.speed!r}: must be above 0; inf means no pacing")
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"port={self.port}: must be from 0 (any free one) to 65535")
        for name in ("max_clients", "perf_summary_every_bins"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name}={getattr(self, name)}: must be at least 1")
        for name in ("max_clients_per_address", "max_connections"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise SettingsError(f"{name}={getattr(self, name)}: must be at least 1")
        for name in ("max_log_bytes", "max_idle_engines"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name}={getattr(self, name)}: must be at least 0")
        for name in ("dead_peer_s", "max_lag_s", "shutdown_s", "tidy_s", "registry_timeout_s"):
            value: float = getattr(self, name)
            if not (value > 0.0 and math.isfinite(value)):
                raise SettingsError(f"{name}={value!r}: must be a finite number of seconds above 0")
        for origin in self.allow_origins:
            check_allowed_origin(origin)
        for host in self.allow_hosts:
            check_allowed_host(host)
        if self.forwarded_allow_ips is not None:
            _check_proxies(self.forwarded_allow_ips)
        for name in ("perf_window_start_et", "perf_window_end_et"):
            text: str | None = getattr(self, name)
            if text is not None:
                parse_et(text, name)

    @property
    def page_root(self) -> Path:
        """The directory of the built page: the one that was named, that of a checkout, or the installed one."""
        if self.web_root is not None:
            return self.web_root
        checkout = self.config_root.parent / "web" / "dist"
        return checkout if checkout.is_dir() or not _INSTALLED_PAGE.is_dir() else _INSTALLED_PAGE

    def limits(self) -> Limits:
        """What the hub grants its clients."""
        return Limits(
            speed=self.speed,
            max_clients=self.max_clients,
            max_clients_per_address=self.max_clients_per_address or self.max_clients,
            stall_s=self.dead_peer_s,
            max_lag_s=self.max_lag_s,
        )

    def open_latency_log(self) -> LatencyLog | None:
        """The telemetry file, if one is wanted."""
        if self.perf_latency_jsonl is None:
            return None
        start, end = self.perf_window_start_et, self.perf_window_end_et
        return LatencyLog(
            self.perf_latency_jsonl,
            window_start=None if start is None else parse_et(start, "perf_window_start_et"),
            window_end=None if end is None else parse_et(end, "perf_window_end_et"),
            summary_every_bins=self.perf_summary_every_bins,
        )


def _check_proxies(text: str) -> None:
    for part in text.split(","):
        try:
            ip_network(part.strip())
        except ValueError as error:
            raise SettingsError(
                f"forwarded_allow_ips={text!r}: must be addresses and networks like 10.0.0.5 or 10.0.0.0/24, "
                "with commas between them"
            ) from error
