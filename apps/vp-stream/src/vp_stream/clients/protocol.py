"""What a client may say: the query of the stream address and the messages on the open stream. No I/O.

Everything here works on bytes that anyone could have sent, so every function either returns a checked value or raises
`Refusal`.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

from vp_contract import (
    CLOSE_CODES,
    ClientMessage,
    ErrorMessage,
    WireError,
    decode_client_message,
    encode_message,
    shown,
)
from vp_stream.errors import Refusal

MAX_CLIENT_MESSAGE_BYTES: Final = 4096

_CODES: Final = {close.name: close.code for close in CLOSE_CODES}
CLOSE_DONE: Final = _CODES["finished"]
CLOSE_GOING_AWAY: Final = _CODES["shutdown"]
CLOSE_REFUSED: Final = _CODES["refused"]
CLOSE_ENGINE_FAILED: Final = _CODES["engineFailed"]
CLOSE_FULL: Final = _CODES["full"]

_MAX_QUERY_BYTES: Final = 512
_SERVING_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)


def parse_query(query: bytes, parameter: str = "serving") -> str:
    """The serving name in the query string of a stream address, or the dataset id in that of a preview.

    The query must be `serving=<alias or serving id>` (`dataset=<id>`) and nothing else, exactly once. Raises `Refusal`
    with the code `bad_query` otherwise.
    """
    if len(query) > _MAX_QUERY_BYTES:
        raise Refusal("bad_query", f"query: is {len(query)} bytes long; must be at most {_MAX_QUERY_BYTES}")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        pairs = []
    names = [name for name, _ in pairs]
    if names != [parameter]:
        found = f"parameters {', '.join(shown(name) for name in names)}" if names else "no parameter"
        wanted = f"{parameter}=<alias or id>" if parameter == "serving" else f"{parameter}=<id>"
        raise Refusal("bad_query", f"query: has {found}; must be {wanted} and nothing else")
    name = pairs[0][1]
    if _SERVING_NAME.fullmatch(name) is None:
        raise Refusal(
            "bad_query",
            f"{parameter}={shown(name)}: must be 1 to 128 of the characters A-Z a-z 0-9 _ . -, beginning with a letter "
            "or digit",
        )
    return name


def parse_client_message(data: str | bytes) -> ClientMessage:
    """One message of a client on an open stream.

    Text only: a binary message is refused whatever it holds. Raises `Refusal` with the code `bad_message`.
    """
    if isinstance(data, bytes):
        raise Refusal("bad_message", "message of a client: is binary; must be JSON text")
    try:
        return decode_client_message(data)
    except WireError as error:
        raise Refusal("bad_message", str(error)) from error


def error_text(code: str, message: str) -> str:
    """The JSON text of an error message."""
    return encode_message(ErrorMessage(code=code, message=message)).decode()
