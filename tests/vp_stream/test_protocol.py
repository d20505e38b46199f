"""Queries and client messages: any bytes give a value or one refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import Ack, Follow, Pause, Resume, Seek
from vp_stream import Refusal
from vp_stream.clients.protocol import error_text, parse_client_message, parse_query


@pytest.mark.parametrize("name", ["demo", "srv_demo_0011aabb_deadbeef", "A", "a" * 128, "es-h4.1"])
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert parse_query(f"serving={name}".encode()) == name


def test_a_name_may_be_percent_encoded() -> None:
    assert parse_query(b"serving=%64emo") == "demo"


@given(st.binary(max_size=700))
def test_any_query_gives_a_name_or_a_refusal(query: bytes) -> None:
    try:
        name = parse_query(query)
    except Refusal:
        return
    assert query.startswith(b"serving=")
    assert name.isascii()
    assert not set(name) & set("/\\ %&=?\0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"pause"}', Pause()),
        ('{"type":"resume","from":"tomorrow"}', Resume()),
        ('{"type":"seek","bin_seq":0}', Seek(bin_seq=0)),
        ('{"bin_seq":9007199254740991,"type":"ack"}', Ack(bin_seq=9007199254740991)),
        (' {"type":"follow"} ', Follow()),
    ],
)
def test_messages_of_the_protocol(text: str, message: object) -> None:
    assert parse_client_message(text) == message


@given(st.one_of(st.text(), st.binary(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_anything_else_is_refused(data: str | bytes) -> None:
    with pytest.raises(Refusal) as refused:
        parse_client_message(data)
    assert refused.value.code == "bad_message"
    assert json.loads(error_text(refused.value.code, str(refused.value)))["type"] == "error"


def test_deep_nesting_is_refused_like_anything_else() -> None:
    with pytest.raises(Refusal):
        parse_client_message("[" * 4000)
