"""Messages of the stream and their golden bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import (
    BIN_COLUMNS,
    Ack,
    ErrorMessage,
    Follow,
    GridUpdate,
    Pause,
    Resume,
    RuntimeConfigMessage,
    Seek,
    SignalUpdate,
    StreamEnd,
    WireError,
    decode_client_message,
    decode_server_message,
    encode_message,
    json_schema,
)

GOLDEN = Path(__file__).parent / "golden"
TYPES = "ack, follow, history, pause, resume, seek, speed"


def _golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


@pytest.fixture
def update() -> GridUpdate:
    message = decode_server_message(_golden("busy.update.json"))
    assert isinstance(message, GridUpdate)
    return message


def _fields(update: GridUpdate) -> dict[str, Any]:
    values = {}
    for field in BIN_COLUMNS:
        value = getattr(update, field.name)
        values[field.name] = int(value) if field.json_type == "text" else value
    return values


def test_every_message_is_in_the_schema() -> None:
    definitions = json_schema()["$defs"]
    tags = {
        definition["properties"]["type"]["enum"][0]: name
        for name, definition in definitions.items()
        if "enum" in definition.get("properties", {}).get("type", {})
    }
    assert set(tags) == {
        *("runtime_config", "grid_update", "stream_end", "error", "history_end"),
        *("pause", "resume", "seek", "ack", "follow", "history", "speed"),
    }
    references = json.dumps(json_schema()).split('"#/$defs/')[1:]
    assert {reference.partition('"')[0] for reference in references} <= set(definitions)


def test_grid_update_has_the_bin_fields_in_order() -> None:
    names = [field.name for field in msgspec.structs.fields(GridUpdate)]
    assert names == [*(field.name for field in BIN_COLUMNS), "signal", "skipped_bins", "history", "every", "marks"]
    assert len(set(names)) == len(names)
    wire = json.loads(_golden("busy.update.json"))
    for field in BIN_COLUMNS:
        kinds = {"float64": float, "bool": bool}
        assert type(wire[field.name]) is (str if field.json_type == "text" else kinds.get(field.type, int)), field.name


def test_integers_that_could_pass_53_bits_are_text() -> None:
    for field in BIN_COLUMNS:
        assert (field.json_type == "text") == field.name.endswith(("_ns", "_price_int")), field.name


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_arrive_exactly(price: int, mid: float) -> None:
    message = decode_server_message(_golden("busy.update.json"))
    assert isinstance(message, GridUpdate)
    sent = GridUpdate.from_bin({**_fields(message), "best_bid_price_int": price, "mid_price": mid}, message.signal)
    received = decode_server_message(encode_message(sent))
    assert received == sent
    assert int(received.best_bid_price_int) == price
    assert json.loads(encode_message(sent))["mid_price"] == mid


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_have(update: GridUpdate, bad: float) -> None:
    with pytest.raises(WireError, match="field mid_price cannot be"):
        GridUpdate.from_bin({**_fields(update), "mid_price": bad}, update.signal)
    with pytest.raises(WireError, match="mid_price is"):
        encode_message(msgspec.structs.replace(update, mid_price=bad))
    floats = [field.name for field in msgspec.structs.fields(SignalUpdate) if field.type is float]
    assert len(floats) == 11
    for name in floats:
        signal = msgspec.structs.replace(update.signal, **{name: bad})
        with pytest.raises(WireError, match=f"signal.{name} is"):
            encode_message(msgspec.structs.replace(update, signal=signal))


def test_bins_that_are_not_whole(update: GridUpdate) -> None:
    fields = _fields(update)
    for name in fields:
        with pytest.raises(WireError, match=f"field {name} is missing"):
            GridUpdate.from_bin({key: value for key, value in fields.items() if key != name}, update.signal)
    wrong: dict[str, Any] = {**fields, "bin_seq": "x"}
    with pytest.raises(WireError, match="field bin_seq cannot be 'x'"):
        GridUpdate.from_bin(wrong, update.signal)
    assert msgspec.structs.replace(update, marks=msgspec.UNSET) == GridUpdate.from_bin(
        {**fields, "another": 1}, update.signal
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"pause"}', Pause()),
        ('{"type":"resume"}', Resume()),
        ('{"type":"follow"}', Follow()),
        ('{"type":"seek","bin_seq":0}', Seek(bin_seq=0)),
        ('{"type":"ack","bin_seq":17}', Ack(bin_seq=17)),
        ('{"bin_seq":17,"type":"ack","later":{"x":1}}', Ack(bin_seq=17)),
    ],
)
def test_client_messages(text: str, message: object) -> None:
    assert decode_client_message(text) == message
    assert decode_client_message(text.encode()) == message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "message of a client: is not JSON at character 1; must be one JSON object"),
        ("pause", "message of a client: is not JSON at character 1; must be one JSON object"),
        ('{"type":"pause"', "message of a client: is not JSON at character 16; must be one JSON object"),
        ("[" * 4000, "message of a client: is not JSON; must be one JSON object"),
        ('{"type":NaN}', "message of a client: is not JSON; must be one JSON object"),
        (b'{"type":"\xff"}', "message of a client: is not UTF-8 at byte 10; must be JSON in UTF-8"),
        ("null", "message of a client: must be a mapping of fields"),
        ("[]", "message of a client: must be a mapping of fields"),
        ("{}", f"type: is required and missing; must be one of {TYPES}"),
        ('{"type":"dance"}', f"type='dance': must be one of {TYPES}"),
        ('{"type":"grid_update"}', f"type='grid_update': must be one of {TYPES}"),
        ('{"type":["pause"]}', f"type=['pause']: must be one of {TYPES}"),
        ('{"type":"seek"}', "bin_seq: is required and missing"),
        ('{"type":"seek","bin_seq":-1}', "bin_seq=-1: must be a whole number from 0 to 9007199254740991"),
        ('{"type":"seek","bin_seq":1.5}', "bin_seq=1.5: must be a whole number from 0 to 9007199254740991"),
        ('{"bin_seq":"1","type":"seek"}', "bin_seq='1': must be a whole number from 0 to 9007199254740991"),
        ('{"type":"seek","bin_seq":true}', "bin_seq=true: must be a whole number from 0 to 9007199254740991"),
        ('{"type":"ack","bin_seq":9007199254740992}', "bin_seq=9007199254740992: must be a whole number from 0 to "),
        ('{"type":"history","from":0,"to":1,"every":0}', "every=0: must be a whole number from 1 to 36000"),
        ('{"type":"history","to":1}', "from: is required and missing"),
        ('{"type":"speed","value":99}', "value=99: must be a number from 0.25 to 60"),
    ],
)
def test_what_is_no_client_message_is_refused_in_our_words(text: str | bytes, says: str) -> None:
    with pytest.raises(WireError) as refused:
        decode_client_message(text)
    assert str(refused.value).startswith(says)


def test_half_a_character_is_no_client_message() -> None:
    with pytest.raises(WireError, match="message of a client: is not JSON"):
        decode_client_message('{"type":"pause\ud800"}')


@given(st.binary(max_size=100))
def test_any_bytes_give_a_message_or_one_error(data: bytes) -> None:
    for decode in (decode_client_message, decode_server_message):
        with pytest.raises(WireError):
            decode(data)


def test_readers_ignore_what_they_do_not_know() -> None:
    assert decode_server_message('{"type":"stream_end","bins":5,"reason":"done"}') == StreamEnd(bins=5)
    assert decode_server_message(encode_message(ErrorMessage(code="x", message="ü"))) == ErrorMessage(
        code="x", message="ü"
    )
    wire = json.loads(_golden("runtime_config.json"))
    wire["config"]["a_new_parameter"] = 1
    assert isinstance(decode_server_message(json.dumps(wire)), RuntimeConfigMessage)
