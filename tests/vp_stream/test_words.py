"""Whatever anyone sends, what is wrong with it is said in the words of this project, beside its parameter."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import ClientMessage, SpecError, decode_json
from vp_stream import Refusal
from vp_stream.clients.protocol import parse_client_message, parse_query
from vp_stream.http.openapi import OPERATIONS
from vp_stream.http.rest import parse_parameters

QUERIES = [operation.query for operation in OPERATIONS if operation.query is not None]
BODIES = [operation.body for operation in OPERATIONS if operation.body is not None]
NAMES = sorted({field.encode_name for kind in (*QUERIES, *BODIES) for field in msgspec.structs.fields(kind)})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "other"]), inner),
    max_leaves=6,
)
GRAMMAR = re.compile(r"(message of a client|body|query|[^\s=:`$]{1,80})(\[\d+])*(=.*?)?: \S.*", re.DOTALL)


def in_our_words(text: str, problem: str) -> bool:
    """No types in backquotes, no places that begin with a dollar, and a parameter before the colon."""
    theirs = ("`", "$", "Expected", "Invalid", "invalid", "Object", "JSON is malformed", "truncated")
    return not any(word in problem for word in theirs if word not in text) and GRAMMAR.fullmatch(problem) is not None


@pytest.mark.parametrize("kind", QUERIES)
@given(st.data())
def test_a_query_that_does_not_fit(kind: type[Any], data: st.DataObject) -> None:
    names = st.sampled_from([field.name for field in msgspec.structs.fields(kind)]) | st.sampled_from(["limit", "at"])
    values = st.text("0123456789abc -.", max_size=6) | st.sampled_from(["", "nan", "-1", "1e400", "9" * 30, "null"])
    problem = None
    try:
        parse_parameters(data.draw(st.lists(st.tuples(names, values), max_size=3)), kind)
    except Refusal as refusal:
        problem = str(refusal)
    assert problem is None or in_our_words("", problem), problem


@pytest.mark.parametrize("kind", [*BODIES, ClientMessage])
@given(st.data())
def test_json_that_does_not_fit(kind: Any, data: st.DataObject) -> None:
    text = data.draw(JSON.map(json.dumps) | JSON.map(lambda value: json.dumps(value)[:-1]))
    problem = None
    try:
        decode_json(text, msgspec.json.Decoder(kind))
    except SpecError as error:
        problem = str(error) if error.field else f"body: {error.problem}"
    assert problem is None or in_our_words(text, problem), problem


@given(st.binary(max_size=20) | st.text(max_size=20) | JSON.map(json.dumps))
def test_a_message_of_a_client_that_is_none(text: str | bytes) -> None:
    with pytest.raises(Refusal) as refused:
        parse_client_message(text)
    assert in_our_words(str(text), str(refused.value)), str(refused.value)


@pytest.mark.parametrize(
    "query", [b"", b"\xff", b"serving=a&serving=b", b"a=1", b"serving=", b"serving=%2F", b"x" * 600]
)
def test_the_query_of_a_stream_that_is_none(query: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        parse_query(query)
    assert in_our_words("", str(refused.value)), str(refused.value)
