"""Clients that come and go in every way: the server keeps nothing of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.held import alive
from support.raw_websocket import RawClient, close, request, text

from vp_stream.clients.connections import StreamProtocol
from vp_stream.clients.history import LookBack
from vp_stream.clients.session import Session
from vp_stream.http.exchanges import RequestProtocol
from vp_stream.turns import Share

CONNECTS = 1000
AT_ONCE = 25


def leave_politely(client: RawClient) -> None:
    client.open()
    assert client.read() is not None
    client.send(close(1000))
    client.read_to_end()
    client.socket.close()


def leave_without_a_word(client: RawClient) -> None:
    client.open()
    client.socket.close()


def break_down(client: RawClient) -> None:
    client.open()
    client.read()
    client.vanish()


def read_nothing(client: RawClient) -> None:
    client.send(request())
    client.socket.close()


def break_down_unread(client: RawClient) -> None:
    client.send(request() + close(1001))
    client.vanish()


def leave_in_the_handshake(client: RawClient) -> None:
    client.send(request()[:60])
    client.socket.close()


def break_down_in_the_handshake(client: RawClient) -> None:
    client.send(request()[:60])
    client.vanish()


def only_connect(client: RawClient) -> None:
    client.vanish()


def be_refused(client: RawClient) -> None:
    client.send(request("nobody"))
    client.socket.close()


def break_down_looking_back(client: RawClient) -> None:
    client.open()
    client.send(text('{"type":"history","from":0,"to":39}') * 3)
    client.vanish()


def leave_looking_back(client: RawClient) -> None:
    client.open()
    client.send(text('{"type":"history","from":0,"to":39,"every":20}'))
    assert client.read() is not None
    client.socket.close()


def talk_nonsense(client: RawClient) -> None:
    client.open()
    client.send(text("?") * 3 + text("", reserved=7))
    client.socket.close()


WAYS = (
    leave_politely,
    leave_without_a_word,
    break_down,
    read_nothing,
    break_down_unread,
    leave_in_the_handshake,
    break_down_in_the_handshake,
    only_connect,
    be_refused,
    break_down_looking_back,
    leave_looking_back,
    talk_nonsense,
)


class Held(NamedTuple):
    """What the process holds now."""

    connections: int
    tasks: int
    threads: int
    descriptors: int

    @classmethod
    def now(cls) -> Held:
        descriptors = Path("/proc/self/fd")
        return cls(
            connections=sum(len(alive(kind)) for kind in (Session, RequestProtocol, StreamProtocol, LookBack, Share)),
            tasks=sum(not task.done() for task in alive(asyncio.Task)),
            threads=threading.active_count(),
            descriptors=len(os.listdir(descriptors)) if descriptors.is_dir() else 0,  # noqa: PTH208
        )


def resident_pages() -> int:
    """Memory of this process, 0 where the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) if status.is_file() else 0


def come_and_go(port: int, count: int, seed: int) -> None:
    """`count` connections, `AT_ONCE` of them open at a time, each ended in one of the ways."""
    source = random.Random(seed)
    waiting: list[RawClient] = []
    for number in range(count):
        waiting.append(RawClient(port))
        if len(waiting) == AT_ONCE or number == count - 1:
            source.shuffle(waiting)
            for client in waiting:
                with contextlib.suppress(ConnectionError):  # the server was quicker
                    source.choice(WAYS)(client)
            waiting.clear()


def test_a_thousand_clients_that_come_and_go_leave_nothing_behind(start: Any, market: Any, wait_until: Any) -> None:
    feed = market.add("srv_a", 60, alias="demo", gate_at=40)
    stage = start()
    come_and_go(stage.server.port, 100, seed=1)
    wait_until(lambda: stage.health()["clients"] == 0)
    wait_until(lambda: Held.now().connections == 0)
    before = Held.now()
    memory_before = resident_pages()
    with RawClient(stage.server.port) as good:
        good.open()
        come_and_go(stage.server.port, CONNECTS, seed=2)
        wait_until(lambda: stage.health()["clients"] == 1)
        feed.gate.set()
        assert good.message() is not None
        for expected in stage.frames(60):
            update, grid = good.message(), good.message()
            assert update is not None
            assert grid is not None
            assert (update.payload, grid.payload) == (expected.update, expected.grid)
    wait_until(lambda: stage.health()["clients"] == 0)
    # The engine has ended since: its thread and its file may be gone, nothing may have come.
    wait_until(lambda: all(now <= then for now, then in zip(Held.now(), before, strict=True)))
    assert resident_pages() - memory_before < 8192  # 32 MiB of 4 KiB each
    assert feed.runs == 1


@pytest.mark.parametrize("way", WAYS)
def test_each_way_is_noticed(start: Any, market: Any, wait_until: Any, way: Any) -> None:
    market.add("srv_a", 50, alias="demo", gate_at=2)
    stage = start()
    with contextlib.suppress(ConnectionError):
        way(RawClient(stage.server.port))
    wait_until(lambda: Held.now().connections == 0 and stage.health()["clients"] == 0)
