"""Bins on their way out: the bytes of both messages, written at once where the server can, else one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.websockets import WebSocket
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from vp_contract import Frame
from vp_stream.clients.connections import WRITE_BIN, message_head
from vp_stream.clients.transport import Channel, PeerGoneError

BIN = Frame('{"type":"grid_update","note":"µ"}'.encode(), bytes(range(256)) * 200)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 1 << 20])
@pytest.mark.parametrize("kind", [Opcode.TEXT, Opcode.BINARY])
def test_a_message_has_the_head_that_the_library_gives_it(size: int, kind: Opcode) -> None:
    payload = b"x" * size
    assert message_head(0x80 | kind, size) + payload == WireFrame(kind, payload).serialize(mask=False)


class Application:
    """A WebSocket as a server hands it to an application, and what was sent over it."""

    def __init__(self, extensions: dict[str, Any] | None = None) -> None:
        self.sent: list[Any] = []
        self.websocket = WebSocket(
            {"type": "websocket", "headers": [], "extensions": extensions or {}}, self.receive, self.send
        )

    async def receive(self) -> Any:
        return {"type": "websocket.connect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def channel(self) -> Channel:
        await self.websocket.accept()
        self.sent.clear()
        return Channel(self.websocket, stall_s=5.0)


def test_any_server_is_given_two_messages() -> None:
    async def scenario() -> list[Any]:
        application = Application()
        await (await application.channel()).send_frame(BIN)
        return application.sent

    assert asyncio.run(scenario()) == [
        {"type": "websocket.send", "text": BIN.update.decode()},
        {"type": "websocket.send", "bytes": BIN.grid},
    ]


def test_a_bin_waits_until_the_client_has_taken_what_came_before() -> None:
    async def scenario() -> list[Any]:
        free, written = asyncio.Event(), []

        def write(update: bytes, grid: bytes) -> bool:
            if free.is_set():
                written.append(Frame(update, grid))
            return free.is_set()

        application = Application({WRITE_BIN: {"write": write, "drained": free.wait}})
        channel = await application.channel()
        sending = asyncio.create_task(channel.send_frame(BIN))
        await asyncio.sleep(0.01)
        assert not written
        free.set()
        await sending
        await channel.send_frame(BIN)
        assert not application.sent
        return written

    assert asyncio.run(scenario()) == [BIN, BIN]


def test_a_client_that_takes_nothing_is_given_up_and_one_that_is_gone_noticed() -> None:
    async def scenario() -> None:
        aborted: list[None] = []

        def gone(update: bytes, grid: bytes) -> bool:
            raise ConnectionError

        for write in (lambda *_: False, gone):
            extensions = {
                WRITE_BIN: {"write": write, "drained": asyncio.Event().wait},
                "vp_stream.abort": {"abort": lambda: aborted.append(None)},
            }
            application = Application(extensions)
            await application.websocket.accept()
            with pytest.raises(PeerGoneError):
                await Channel(application.websocket, stall_s=0.01).send_frame(BIN)
        assert len(aborted) == 1

    asyncio.run(scenario())
