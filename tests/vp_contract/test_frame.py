"""A bin as two messages, and the chain over them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import LINK_BYTES, Frame, FrameChain, WireError, split_signal


def update(bin_seq: int, name: str = "derivative", score: float = 0.5) -> bytes:
    fields = {"type": "grid_update", "bin_seq": bin_seq, "mid_price": 1.25, "signal": {"name": name, "score": score}}
    return json.dumps({**fields, "skipped_bins": 0}, separators=(",", ":")).encode()


def oracle(frames: list[Frame]) -> list[bytes]:
    """The definition, written out with parsed JSON."""
    links, head = [], b"\0" * 32
    for frame in frames:
        message = json.loads(frame.update)
        del message["signal"]
        rest = json.dumps(message, separators=(",", ":")).encode()
        joined = b"".join(len(part).to_bytes(8, "little") + part for part in (rest, frame.grid))
        head = hashlib.sha256(head + joined).digest()
        links.append(head)
    return links


@given(st.lists(st.tuples(st.binary(max_size=40), st.floats(-1, 1)), max_size=8))
def test_the_chain_is_its_definition_and_knows_no_signal(bins: list[tuple[bytes, float]]) -> None:
    frames = [Frame(update(i, score=score), grid) for i, (grid, score) in enumerate(bins)]
    other = [Frame(update(i, name="other", score=-score), grid) for i, (grid, score) in enumerate(bins)]
    expected = oracle(frames)
    for version in (frames, other):
        chain = FrameChain()
        links = [chain.add(frame) for frame in version]
        assert links == [link[:LINK_BYTES] for link in expected]
        assert chain.links == b"".join(links)
        assert chain.head == (expected[-1] if expected else b"\0" * 32).hex()


def test_the_chain_knows_no_marks() -> None:
    """Frames of a server that knows none, of a bin without any, and of one with some have the same links."""
    plain = update(3)
    some = b'[{"kind":"sweep","price_int":"5","size":61,"side":"buy","detail":3},{"kind":"\\",\\"marks"}]'
    for marks in (b"[]", some):
        marked = plain[:-1] + b',"marks":' + marks + b"}"
        assert split_signal(marked) == split_signal(plain)
        one, two = FrameChain(), FrameChain()
        assert one.add(Frame(plain, b"grid")) == two.add(Frame(marked, b"grid"))


def test_every_later_link_depends_on_an_earlier_frame() -> None:
    frames = [Frame(update(i), bytes([i])) for i in range(5)]
    one, two = FrameChain(), FrameChain()
    for i, frame in enumerate(frames):
        one.add(frame)
        two.add(Frame(frame.update, b"changed") if i == 2 else frame)
    links = [np.frombuffer(chain.links, np.uint64) for chain in (one, two)]
    assert (links[0] == links[1]).tolist() == [True, True, False, False, False]


def test_the_signal_is_cut_out_as_it_stands() -> None:
    rest, signal = split_signal(update(3))
    assert signal == b'{"name":"derivative","score":0.5}'
    assert rest == b'{"type":"grid_update","bin_seq":3,"mid_price":1.25,"skipped_bins":0}'


@pytest.mark.parametrize("message", [b"", b"{}", b'{"type":"grid_update","signal":null}'])
def test_an_update_without_a_signal_is_an_error(message: bytes) -> None:
    with pytest.raises(WireError, match="signal"):
        split_signal(message)
