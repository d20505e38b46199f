"""Every way of using or abusing WebSocket frames ends as RFC 6455 and the wire protocol say, and disturbs nobody else.

A case is what a client sends after a good handshake, and how that ends. Beside it another client is connected all the
time, which must go on receiving whole bins without a gap.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawClient,
    close,
    frame,
    text,
)

# On a stream that was opened by its id this is understood, does nothing, and is always answered.
FOLLOW = b'{"type":"follow"}'
NOT_UTF8 = {
    "a byte that never occurs": b"\xff",
    "an overlong slash": b"\xc0\xaf",
    "an overlong slash of three bytes": b"\xe0\x80\xaf",
    "a surrogate": b"\xed\xa0\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "a lone continuation byte": b"a\x80",
    "a character cut short": b"caf\xc3",
}


def padded(size: int) -> bytes:
    """The message, made `size` bytes long with blanks."""
    return FOLLOW[:-1].ljust(size - 1) + b"}"


@dataclass(frozen=True)
class Answered:
    """The stream goes on, after an error message of this code and these pongs."""

    code: str | None = None
    pongs: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Closed:
    """The server closes with this code (None: an empty close frame, as it was sent) and ends the connection."""

    code: int | None
    reason: bytes | None = None


Case = tuple[str, list[bytes], Answered | Closed]

CASES: list[Case] = [
    # what is allowed
    ("a message", [text(FOLLOW)], Answered("not_an_alias")),
    (
        "a message in three fragments",
        [text(FOLLOW[:3], fin=False), frame(CONTINUATION, FOLLOW[3:9], fin=False), frame(CONTINUATION, FOLLOW[9:])],
        Answered("not_an_alias"),
    ),
    (
        "fragments that are empty",
        [text("", fin=False), frame(CONTINUATION, FOLLOW, fin=False), frame(CONTINUATION)],
        Answered("not_an_alias"),
    ),
    (
        "pings between fragments",
        [
            *(text(FOLLOW[:3], fin=False), frame(PING, b"1"), frame(CONTINUATION, FOLLOW[3:], fin=False)),
            *(frame(PING, b"2"), frame(CONTINUATION)),
        ],
        Answered("not_an_alias", (b"1", b"2")),
    ),
    ("a ping without payload", [frame(PING)], Answered(pongs=(b"",))),
    ("a ping of 125 bytes", [frame(PING, bytes(range(125)))], Answered(pongs=(bytes(range(125)),))),
    ("ten pings", [frame(PING, bytes([i])) for i in range(10)], Answered(pongs=tuple(bytes([i]) for i in range(10)))),
    ("a pong nobody asked for", [frame(PONG, b"unasked")], Answered()),
    ("a mask of zeros", [text(FOLLOW, mask=bytes(4))], Answered("not_an_alias")),
    ("a message of 4096 bytes", [text(padded(4096))], Answered("not_an_alias")),
    (
        "4096 bytes in fragments",
        [text(padded(4096)[:4000], fin=False), frame(CONTINUATION, padded(4096)[4000:])],
        Answered("not_an_alias"),
    ),
    (
        "a character split between fragments",
        [text(b'{"type":"follow","\xe2\x82', fin=False), frame(CONTINUATION, b'\xac":1}')],
        Answered("not_an_alias"),
    ),
    (
        "64 fragments",
        [text(FOLLOW, fin=False), *[frame(CONTINUATION, fin=False)] * 62, frame(CONTINUATION)],
        Answered("not_an_alias"),
    ),
    # what is allowed by the RFC and nonsense here
    ("an empty message", [text("")], Answered("bad_message")),
    ("a binary message", [frame(BINARY, FOLLOW)], Answered("bad_message")),
    ("an empty binary message", [frame(BINARY)], Answered("bad_message")),
    ("a text message with a zero byte", [text(b"\x00")], Answered("bad_message")),
    ("nine of nonsense", [text("?")] * 9, Closed(1008)),
    (
        "nine of nonsense in 40 fragments each",
        [text("?", fin=False), *[frame(CONTINUATION, fin=False)] * 38, frame(CONTINUATION)] * 9,
        Closed(1008),
    ),
    # masks, reserved bits, opcodes
    ("no mask", [text(FOLLOW, mask=None)], Closed(1002)),
    ("a ping without mask", [frame(PING, b"1", mask=None)], Closed(1002)),
    *((f"RSV {bit}", [text(FOLLOW, reserved=bit)], Closed(1002)) for bit in (1, 2, 4, 7)),
    *((f"opcode {opcode}", [frame(opcode)], Closed(1002)) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    # lengths: a sender must use the shortest form
    ("a length of 16 bits that needs 7", [text(FOLLOW, length_bytes=2)], Closed(1002)),
    ("a length of 16 bits for 125", [text(padded(125), length_bytes=2)], Closed(1002)),
    ("a length of 64 bits that needs 7", [text(FOLLOW, length_bytes=8)], Closed(1002)),
    ("a length of 64 bits that needs 16", [text(padded(4096), length_bytes=8)], Closed(1002)),
    ("a length of 64 bits for a ping", [frame(PING, b"1", length_bytes=8)], Closed(1002)),
    # fragmentation
    ("65 fragments", [text(FOLLOW, fin=False), *[frame(CONTINUATION, fin=False)] * 64], Closed(1009)),
    ("empty fragments without end", [text("", fin=False), *[frame(CONTINUATION, fin=False)] * 2000], Closed(1009)),
    ("a continuation of nothing", [frame(CONTINUATION, b"x")], Closed(1002)),
    ("a text inside a message", [text("{", fin=False), text("}")], Closed(1002)),
    ("a binary inside a message", [text("{", fin=False), frame(BINARY, b"}")], Closed(1002)),
    ("a continuation after the end", [text(FOLLOW), frame(CONTINUATION, b"x")], Closed(1002)),
    ("a ping in fragments", [frame(PING, b"1", fin=False)], Closed(1002)),
    ("a close in fragments", [close(1000, fin=False)], Closed(1002)),
    # control frames
    ("a ping of 126 bytes", [frame(PING, bytes(126))], Closed(1002)),
    ("a pong of 126 bytes", [frame(PONG, bytes(126))], Closed(1002)),
    ("a close of 126 bytes", [close(1000, bytes(124))], Closed(1002)),
    # closing
    ("a close", [close(1000, b"bye")], Closed(1000, b"bye")),
    ("a close without a code", [close()], Closed(None)),
    ("a close of 125 bytes", [close(1001, b"x" * 123)], Closed(1001, b"x" * 123)),
    *((f"close {code}", [close(code)], Closed(code)) for code in (1003, 1007, 1011, 3000, 4999)),
    *(
        (f"close {code}", [close(code)], Closed(1002))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    ),
    ("a close of one byte", [frame(CLOSE, b"\x03")], Closed(1002)),
    ("a close whose reason is no UTF-8", [close(1000, b"\xc3\x28")], Closed(1007)),
    ("a close in the middle of a message", [text("{", fin=False), close(1000)], Closed(1002)),
    ("a message and a ping after the close", [close(1000), text(FOLLOW), frame(PING, b"1")], Closed(1000)),
    ("garbage after the close", [close(1000), b"\xff" * 300], Closed(1000)),
    ("a second close", [close(1000), close(1001)], Closed(1000)),
    # text
    *((f"text: {name}", [text(data)], Closed(1007)) for name, data in NOT_UTF8.items()),
    (
        "a character that is broken between fragments",
        [text(b"\xe2\x82", fin=False), frame(CONTINUATION, b"\x28")],
        Closed(1007),
    ),
    ("good text after bad", [text(b"\xff"), text(FOLLOW), frame(PING, b"1")], Closed(1007)),
    # size
    ("a message of 4097 bytes", [text(padded(4097))], Closed(1009)),
    ("4097 bytes in fragments", [text(bytes(2048), fin=False), frame(CONTINUATION, bytes(2049))], Closed(1009)),
    ("fragments without end", [text("", fin=False), *[frame(CONTINUATION, b"x" * 400, fin=False)] * 11], Closed(1009)),
    ("a binary message of 5000 bytes", [frame(BINARY, bytes(5000))], Closed(1009)),
    ("64 KiB announced, not sent", [text("", declared=65535)], Closed(1009)),
    ("4 EiB announced, not sent", [text("", declared=1 << 62)], Closed(1009)),
    ("a length with its top bit set", [text("", declared=1 << 63)], Closed(1009)),
]


class Witness:
    """A good client beside the rude ones."""

    def __init__(self, stage: Any) -> None:
        self._stage = stage
        self._steps = threading.Semaphore(0)
        self._bins = 0
        stage.market.add("srv_witness", 100_000, steps=self._steps)
        self._client = RawClient(stage.server.port)
        self._client.open("srv_witness")
        config = self._client.read()
        assert config is not None
        assert config.json["type"] == "runtime_config"

    def is_undisturbed(self, wait_until: Any) -> None:
        """Three more bins are published: it gets these three, whole, and is the only client in the end."""
        self._steps.release(3)
        for expected in self._stage.frames(3, first=self._bins):
            update, grid = self._client.message(), self._client.message()
            assert update is not None
            assert grid is not None
            assert (update.opcode, grid.opcode) == (TEXT, BINARY)
            assert (update.payload, grid.payload) == (expected.update, expected.grid)
        self._bins += 3
        wait_until(lambda: self._stage.health()["clients"] == 1)

    def leave(self) -> None:
        self._client.socket.close()


@pytest.fixture(scope="module")
def witness(shared_stage: Any) -> Iterator[Witness]:
    # A replay that shows one bin and then waits: in it nothing comes between what is sent and its answer.
    shared_stage.market.add("srv_quiet", 2, steps=threading.Semaphore(1))
    found = Witness(shared_stage)
    yield found
    found.leave()


def quiet_client(stage: Any) -> RawClient:
    client = RawClient(stage.server.port)
    client.open("srv_quiet")
    assert [got.opcode for got in (client.read(), client.read(), client.read()) if got] == [TEXT, TEXT, BINARY]
    return client


def check(client: RawClient, expected: Answered | Closed) -> None:
    if isinstance(expected, Closed):
        answers = []
        while (last := client.read()) is not None and last.opcode != CLOSE:
            answers.append(last)
        assert last is not None
        assert last.close_code == expected.code
        if expected.reason is not None:
            assert last.payload[2:] == expected.reason
        assert all(answer.opcode == PONG or answer.json["type"] == "error" for answer in answers)
        with contextlib.suppress(OSError):  # where the server has not waited for it
            client.send(close(expected.code))
        assert client.read() is None
        return
    client.send(frame(PING, b"still here?"))
    codes: list[Any] = []
    pongs: list[Any] = []
    while pongs[-1:] != [b"still here?"] or len(codes) < (expected.code is not None):
        answer = client.read()
        assert answer is not None
        assert answer.opcode in (TEXT, PONG), answer
        if answer.opcode == PONG:
            pongs.append(answer.payload)
        else:
            codes.append(answer.json["code"])
    assert codes == [code for code in [expected.code] if code is not None]
    assert tuple(pongs) == (*expected.pongs, b"still here?")


def test_there_are_enough_cases() -> None:
    names = [name for name, _, _ in CASES]
    assert len(set(names)) == len(names) >= 40


@pytest.mark.parametrize(("frames", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_frames_end_as_the_rfc_says(
    shared_stage: Any,
    witness: Witness,
    wait_until: Any,
    caplog: pytest.LogCaptureFixture,
    frames: list[bytes],
    expected: Answered | Closed,
) -> None:
    with quiet_client(shared_stage) as client:
        client.send(b"".join(frames))
        check(client, expected)
    witness.is_undisturbed(wait_until)
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize("name", ["pings between fragments", "4096 bytes in fragments", "a close", "text: a surrogate"])
def test_bytes_that_come_one_by_one_are_the_same(
    shared_stage: Any, witness: Witness, wait_until: Any, name: str
) -> None:
    ((frames, expected),) = [case[1:] for case in CASES if case[0] == name]
    with quiet_client(shared_stage) as client:
        client.send(b"".join(frames), one_by_one=True)
        check(client, expected)
    witness.is_undisturbed(wait_until)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_disturb_nobody(shared_stage: Any, witness: Witness, wait_until: Any, seed: int) -> None:
    with quiet_client(shared_stage) as client:
        client.send(random.Random(seed).randbytes(500))
    witness.is_undisturbed(wait_until)


def half_a_frame(client: RawClient) -> None:
    client.send(text(FOLLOW)[:9])
    client.socket.close()


def half_a_message(client: RawClient) -> None:
    client.send(text("{", fin=False))
    client.socket.close()


def no_more_to_say(client: RawClient) -> None:
    client.socket.shutdown(1)  # its write side: it could still read
    assert client.read_to_end() == []
    client.socket.close()


def no_more_to_hear(client: RawClient) -> None:
    client.socket.shutdown(0)
    client.send(frame(PING, b"1"))
    client.socket.close()


@pytest.mark.parametrize("leave", [half_a_frame, half_a_message, no_more_to_say, no_more_to_hear, RawClient.vanish])
def test_a_client_may_leave_in_any_way(shared_stage: Any, witness: Witness, wait_until: Any, leave: Any) -> None:
    leave(quiet_client(shared_stage))
    witness.is_undisturbed(wait_until)
