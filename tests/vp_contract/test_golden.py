"""Golden wire files: written by the encoder as it is now, and read back as the values they were made of."""

from __future__ import annotations

import json
import math
import struct
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_golden import FRAMES, GOLDEN, golden_config, golden_files

from vp_contract import (
    GridUpdate,
    RuntimeConfigMessage,
    WireError,
    decode_client_message,
    decode_grid,
    decode_server_message,
    encode_message,
    grid_columns,
)

REGENERATE = "run: PYTHONPATH=tests uv run python tests/vp_contract/make_golden.py"
SERVER = ("runtime_config", "stream_end", "error", "history_end")
CLIENT = ("pause", "resume", "seek", "ack", "follow", "history", "speed")


@cache
def _expected() -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_bytes())
    return expected


def _read(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def _plain(message: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(message)))


def _bits(values: Any) -> list[bytes]:
    """Bits of doubles, which tell -0.0 from 0.0."""
    return [struct.pack("<d", value) for value in values]


@pytest.mark.parametrize("name", sorted(golden_files()))
def test_the_encoder_writes_these_bytes(name: str) -> None:
    assert golden_files()[name] == _read(name), f"{name}: the bytes on the wire have changed; {REGENERATE}"


def test_there_is_no_other_file() -> None:
    files = {path.name for path in GOLDEN.iterdir()}
    assert files == {*golden_files(), "README.md", "earlier", "messages.schema.json"}


@pytest.mark.parametrize("name", [*SERVER, *CLIENT])
def test_messages_decode_to_what_they_were_made_of(name: str) -> None:
    data = _read(f"{name}.json")
    message = decode_server_message(data) if name in SERVER else decode_client_message(data)
    assert _plain(message) == _expected()[f"{name}.json"]
    assert encode_message(message) == data


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_frames_decode_to_what_they_were_made_of(name: str) -> None:
    update = decode_server_message(_read(f"{name}.update.json"))
    assert _plain(update) == _expected()[name]["update"]
    assert encode_message(update) == _read(f"{name}.update.json")
    columns = decode_grid(_read(f"{name}.arrow"))
    expected = _expected()[name]["columns"]
    assert list(columns) == list(expected)
    for column, values in columns.items():
        if values.dtype == np.float64:
            assert _bits(values) == _bits(expected[column]), column
        else:
            assert values.tolist() == [int(value) for value in expected[column]], column


def test_the_extreme_frame_is_extreme() -> None:
    update = decode_server_message(_read("extreme.update.json"))
    assert isinstance(update, GridUpdate)
    assert (update.best_bid_price_int, update.skipped_bins, update.bin_seq) == (str(-(2**63)), 17, 2**53 - 1)
    columns = decode_grid(_read("extreme.arrow"))
    assert int(columns["rest_depth"].min()) > 2**53
    assert any(value == 0.0 and math.copysign(1.0, value) < 0 for value in columns["composite"].tolist())


def test_a_newer_server_is_understood() -> None:
    config = decode_server_message(_read("newer.runtime_config.json"))
    assert isinstance(config, RuntimeConfigMessage)
    assert config.contract_version == "1.9"
    assert _plain(config) == _expected()["runtime_config.json"] | {"contract_version": "1.9"}
    assert _plain(decode_server_message(_read("newer.update.json"))) == _expected()["busy"]["update"]
    columns = decode_grid(_read("newer.arrow"))
    assert set(columns) == {*_expected()["busy"]["columns"], "a_later_code"}
    for field in grid_columns(golden_config().projection_horizons_ms):
        assert columns[field.name].tolist() == decode_grid(_read("busy.arrow"))[field.name].tolist()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(min_size=1).map("later_{}".format), _JSON, max_size=4), st.randoms(use_true_random=False)
)
def test_unknown_fields_change_nothing_wherever_they_stand(extra: dict[str, Any], random: Any) -> None:
    for name in ("busy.update.json", "runtime_config.json"):
        data = _read(name)
        members = [*json.loads(data).items(), *extra.items()]
        random.shuffle(members)
        assert decode_server_message(json.dumps(dict(members))) == decode_server_message(data)


def test_an_unknown_message_is_told_from_a_known_one() -> None:
    with pytest.raises(WireError, match="weather"):
        decode_server_message(_read("newer.message.json"))
