"""What was recorded of a server of contract 1.0 is still read, and a client of 1.0 reads what is sent today."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET
from support.wire_golden import GOLDEN

from vp_contract import (
    BIN_COLUMNS,
    BOOK_COLUMNS,
    CONTRACT_VERSION,
    SCORE_COLUMNS,
    GridUpdate,
    RuntimeConfigMessage,
    decode_grid,
    decode_server_message,
)

EARLIER = GOLDEN / "earlier"


def earlier(name: str) -> bytes:
    return (EARLIER / name).read_bytes()


def test_an_earlier_frame_is_read_with_defaults_for_what_it_lacks() -> None:
    message = decode_server_message(earlier("busy.update.json"))
    assert isinstance(message, GridUpdate)
    assert message.bin_seq == 6000
    assert (message.cum_buy_volume, message.cum_sell_volume, message.vwap_price_int) == (0, 0, "0")
    assert message.marks is UNSET
    columns = decode_grid(earlier("busy.arrow"))
    now = decode_grid((GOLDEN / "busy.arrow").read_bytes())
    added = {column.name for column in (*BOOK_COLUMNS, *SCORE_COLUMNS) if column.since != "1.0"}
    assert added == set(now) - set(columns) == {"buy_volume", "sell_volume"}
    assert all(columns[name].dtype == now[name].dtype for name in columns)
    config = decode_server_message(earlier("runtime_config.json"))
    assert isinstance(config, RuntimeConfigMessage)
    assert {field.name for field in config.grid_fields} == set(columns)


@pytest.mark.parametrize("name", ["runtime_config.json", "busy.update.json"])
def test_a_client_of_that_time_finds_every_member_it_knew(name: str) -> None:
    """A recorded client: it takes the members it knew, by their types then, and ignores the rest."""

    def known(then: Any, now: Any, path: str) -> None:
        assert type(then) is type(now) or then is None or now is None, path
        if isinstance(then, dict):
            for key, value in then.items():
                assert key in now, f"{path}.{key}"
                known(value, now[key], f"{path}.{key}")

    known(json.loads(earlier(name)), json.loads((GOLDEN / name).read_bytes()), name)


def test_a_client_of_that_time_finds_every_column_it_knew() -> None:
    then, now = decode_grid(earlier("busy.arrow")), decode_grid((GOLDEN / "busy.arrow").read_bytes())
    order = [name for name in now if name in then]
    assert order == list(then)
    np.testing.assert_array_equal(then["k"], now["k"])
    assert CONTRACT_VERSION.startswith("1.")


def test_what_was_added_says_since_when() -> None:
    versions = {column.since for column in (*BIN_COLUMNS, *BOOK_COLUMNS, *SCORE_COLUMNS)}
    assert max(map(_parts, versions)) == _parts(CONTRACT_VERSION)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
