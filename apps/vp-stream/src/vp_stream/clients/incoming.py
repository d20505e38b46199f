"""The WebSocket protocol of the server, stricter about what comes in than the library that parses it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

MAX_FRAGMENTS: Final = 64
"""Frames that one message may come in. Empty ones are within any limit of bytes, so a message of them never ends."""

_SHORTEST: Final = {126: 126, 127: 65536}
"""The first length that needs the longer form, by the seven bits that announce that form (RFC 6455, 5.2)."""


class BoundedProtocol(ServerProtocol):
    """More than `MAX_FRAGMENTS` frames of one message are closed with 1009, a length in a longer form with 1002."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._fragments = 0
        self.reader = _FrameReader()
        self.parser = self.parse()  # the one that was begun reads from the library's own reader
        next(self.parser)

    def recv_frame(self, frame: Frame) -> None:
        """Take a whole frame in."""
        if frame.opcode is Opcode.CONT:
            self._fragments += 1
            if self._fragments > MAX_FRAGMENTS:
                raise _TooManyFragmentsError
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._fragments = 1
        super().recv_frame(frame)


class _TooManyFragmentsError(PayloadTooBig):
    def __init__(self) -> None:
        super().__init__(None, max_size=MAX_FRAGMENTS)

    def __str__(self) -> str:
        return f"a message of more than {MAX_FRAGMENTS} fragments"


class _FrameReader(StreamReader):
    """Knows where a frame begins, for the parser asks for the end of the stream before each, and for its head first."""

    def __init__(self) -> None:
        super().__init__()
        self._form = 0
        self._at_head = False

    def at_eof(self) -> Generator[None, None, bool]:
        self._at_head = True
        return (yield from super().at_eof())

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        data = yield from super().read_exact(n)
        if self._at_head:
            self._at_head = False
            self._form = data[1] & 0x7F
        elif self._form in _SHORTEST:
            if int.from_bytes(data, "big") < _SHORTEST[self._form]:
                raise ProtocolError(f"a length in {8 * n} bits that needs fewer")
            self._form = 0
        return data
