"""A client that connects to a running server, receives bins and holds them against the dataset."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from websockets.sync.client import ClientConnection, connect

from vp_cli.errors import CliError
from vp_contract import (
    STREAM_PATH,
    GridUpdate,
    RuntimeConfigMessage,
    decode_grid,
    decode_server_message,
)
from vp_harness import Dataset

_TIMEOUT_S: Final = 60.0
_COMPARED: Final = ("pressure_variant", "vacuum_variant", "flow_score", "state5_code", "bid_depth", "ask_depth")


class Received(NamedTuple):
    """Bins that came and are those of the dataset, those of them with a valid book, and the rows of each."""

    bins_received: int
    bins_valid: int
    grid_rows: int


def probe(url: str, serving: str, bins: int, lake_root: Path, dataset_id: str) -> Received:
    """Receive the first `bins` bins of a serving and check them.

    Checked are the page and /health, the order of the messages, gapless bins, and that the grid of each bin is, to the
    bit, the one in the dataset the serving was chosen on. Raises CliError saying what was wrong.
    """
    health, page = _get(f"{url}/health"), _get(f"{url}/")
    if b'"status":"ok"' not in health.replace(b" ", b""):
        raise CliError(f"{url}/health does not say ok: {health[:200]!r}")
    if b"<html" not in page.lower():
        raise CliError(f"{url}/ is not a page")
    address = f"{url.replace('http', 'ws', 1)}{STREAM_PATH}?serving={serving}"
    dataset = Dataset.open(lake_root, dataset_id)
    stored = {name: dataset.grid(name) for name in _COMPARED}
    valid = 0
    with connect(address, max_size=None, compression=None) as client:
        config = _text(client)
        if not isinstance(config, RuntimeConfigMessage):
            raise CliError(f"the first message was {type(config).__name__}, not runtime_config")
        for seq in range(bins):
            update = _text(client)
            if not isinstance(update, GridUpdate) or update.bin_seq != seq:
                raise CliError(f"expected grid_update of bin {seq}, got {update!r}"[:300])
            frame = client.recv(_TIMEOUT_S)
            if not isinstance(frame, bytes):
                raise CliError(f"bin {seq} was not followed by its grid")
            grid = decode_grid(frame)
            if len(grid["k"]) != config.grid_rows:
                raise CliError(f"bin {seq} has {len(grid['k'])} rows, expected {config.grid_rows}")
            for name, values in stored.items():
                if not np.array_equal(grid[name], values[seq]):
                    raise CliError(f"{name} of bin {seq} is not what the dataset holds")
            valid += update.book_valid
    if not valid:
        raise CliError(f"none of the first {bins} bins has a valid book")
    return Received(bins, valid, config.grid_rows)


def _text(client: ClientConnection) -> object:
    message = client.recv(_TIMEOUT_S)
    if not isinstance(message, str):
        raise CliError("a grid came where a message was expected")
    return decode_server_message(message)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
        return bytes(answer.read())
