"""The options of the server on a command line, stated once: `vp-stream` and `vp serve` are made from this table."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from vp_stream.http.access import TOKEN_VARIABLE, read_token
from vp_stream.logs import LogFormat
from vp_stream.settings import REGISTRY_VARIABLE, StreamSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOption:
    """One option: its name in Python, `max_clients` for `--max-clients`, and what a parser has to know of it.

    `type` is that of one value. `parse` makes the value of a text and raises ValueError with what is allowed; the
    default is then a text too. `variable` is the environment variable that stands in for an option that is not given.
    """

    name: str
    help: str
    type: type = str
    default: Any = None
    metavar: str | None = None
    variable: str | None = None
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    parse: Callable[[str], Any] | None = None

    @property
    def flag(self) -> str:
        """As it is written on the command line."""
        return f"--{self.name.replace('_', '-')}"


def parse_speed(text: str) -> float:
    """A replay speed; StreamSettings checks the range. ValueError for what is neither a number nor `max`."""
    if text == "max":
        return math.inf
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number above 0 or 'max'") from None


def parse_gib(text: str) -> float:
    """A size in GiB. ValueError for what is not a finite number of 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value < math.inf:
        raise ValueError(f"{text!r} is not a finite number of 0 or more")
    return value


OPTIONS: Final = (
    ServerOption(
        name="lake_root",
        type=Path,
        default=Path("lake"),
        metavar="DIR",
        variable="VP_LAKE_ROOT",
        help="Root of the data lake.",
    ),
    ServerOption(
        name="config_root",
        type=Path,
        default=Path("configs"),
        metavar="DIR",
        variable="VP_CONFIG_ROOT",
        help="Root of the YAML specs.",
    ),
    ServerOption(name="host", default="127.0.0.1", help="Address to listen on."),
    ServerOption(name="port", type=int, default=8002, help="Port to listen on, 0 for any free one."),
    ServerOption(
        name="web_root",
        type=Path,
        metavar="DIR",
        help="Directory of the built page; web/dist beside the configuration, or the installed one, if not given.",
    ),
    ServerOption(
        name="registry_url",
        metavar="URL",
        variable=REGISTRY_VARIABLE,
        help="SQLAlchemy URL of the registry; the lake's own if not given.",
    ),
    ServerOption(
        name="speed",
        default="1",
        metavar="X",
        parse=parse_speed,
        help="Replay speed, a number above 0, or 'max' for no pacing.",
    ),
    ServerOption(
        name="max_clients", type=int, default=256, metavar="N", help="Streams at a time; close code 1013 beyond."
    ),
    ServerOption(
        name="max_clients_per_address",
        type=int,
        metavar="N",
        help="Streams at a time from one address; no limit of its own if not given.",
    ),
    ServerOption(
        name="max_log_gib",
        default="16",
        metavar="GIB",
        parse=parse_gib,
        help="Disk space for frame logs; those unused longest are removed.",
    ),
    ServerOption(
        name="max_idle_engines",
        type=int,
        default=4,
        metavar="N",
        help="Engines that continue when their clients have disconnected.",
    ),
    ServerOption(
        name="allow_origin",
        metavar="ORIGIN",
        repeatable=True,
        help="Page origin that may connect besides this server's own; repeatable.",
    ),
    ServerOption(
        name="allow_host",
        metavar="HOST",
        repeatable=True,
        help="Name or address of this server besides loopback; repeatable.",
    ),
    ServerOption(
        name="forwarded_allow_ips",
        metavar="ADDRESSES",
        help="Proxies whose X-Forwarded-For is trusted, separated by commas; none if not given.",
    ),
    ServerOption(
        name="token_file",
        type=Path,
        metavar="FILE",
        help=f"Require the token in this file of every client; {TOKEN_VARIABLE} holds it otherwise.",
    ),
    ServerOption(
        name="log_format",
        default="text",
        choices=get_args(LogFormat),
        help="Lines for people, or a JSON object a line.",
    ),
    ServerOption(
        name="perf_latency_jsonl", type=Path, metavar="FILE", help="Append producer latency per bin to this file."
    ),
    ServerOption(
        name="perf_window_start_et", metavar="HH:MM", help="First New York time of the bins in the latency file."
    ),
    ServerOption(
        name="perf_window_end_et", metavar="HH:MM", help="New York time from which bins are not in the latency file."
    ),
    ServerOption(
        name="perf_summary_every_bins",
        type=int,
        default=1000,
        metavar="N",
        help="Bins between the summary lines of the latency file.",
    ),
)
"""All of them, in the order of the help text."""


def settings_of(values: Mapping[str, Any]) -> StreamSettings:
    """The settings that parsed options mean; `values` has at least the names in `OPTIONS`. Raises `SettingsError`."""
    own = {
        "registry_url": values["registry_url"] or os.environ.get(REGISTRY_VARIABLE) or None,
        "token": read_token(values["token_file"]),
        "max_log_bytes": round(values["max_log_gib"] * 1024**3),
        "allow_origins": tuple(values["allow_origin"] or ()),
        "allow_hosts": tuple(values["allow_host"] or ()),
    }
    other = {"token_file", "max_log_gib", "allow_origin", "allow_host", "log_format"}
    same = {option.name: values[option.name] for option in OPTIONS if option.name not in other}
    return StreamSettings(**(same | own))
