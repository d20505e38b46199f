"""How many connections there may be, and who has to go for the next."""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import Any

import pytest
from support.raw_websocket import RawClient

from vp_stream.clients.capacity import Listener, Lobby, most_connections

REQUEST = b"GET /v1/servings HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Guest:
    def __init__(self, is_waiting: bool = True) -> None:
        self.is_waiting = is_waiting
        self.dropped = False

    def drop(self) -> None:
        self.dropped = True


def test_the_guest_that_made_no_progress_for_longest_goes_first() -> None:
    lobby = Lobby(patience_s=60.0)
    guests = [Guest() for _ in range(3)]
    for guest in guests:
        lobby.enter(guest)
    lobby.enter(guests[0])
    assert lobby.make_room()
    assert [guest.dropped for guest in guests] == [False, True, False]
    lobby.leave(guests[2])
    assert lobby.make_room()
    assert guests[0].dropped
    assert not guests[2].dropped
    assert not lobby.make_room()
    assert len(lobby) == 0


def test_an_answer_on_its_way_is_let_finish_unless_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("vp_stream.clients.capacity.time.monotonic", lambda: clock[0])
    lobby, answering, waiting = Lobby(patience_s=20.0), Guest(is_waiting=False), Guest()
    lobby.enter(answering)
    lobby.enter(waiting)
    assert lobby.make_room()
    assert waiting.dropped
    assert not lobby.make_room()
    clock[0] += 21.0
    assert lobby.make_room()
    assert answering.dropped


def listening(most: int, lobby: Lobby | None = None) -> Listener:
    listener = Listener(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    listener.setblocking(False)
    listener.most, listener.lobby = most, lobby
    return listener


def test_connections_beyond_the_bound_are_reset_and_those_closed_make_room() -> None:
    with listening(2) as listener, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(listener.getsockname())) for _ in range(3)]
        accepted = [listener.accept()[0] for _ in range(2)]
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert (listener.connections, listener.refused) == (2, 1)
        clients[2].settimeout(10)
        with pytest.raises(ConnectionResetError):
            clients[2].recv(1)
        accepted.pop().close()
        late = stack.enter_context(socket.create_connection(listener.getsockname()))
        with contextlib.closing(listener.accept()[0]) as connection:
            assert connection.getpeername() == late.getsockname()
        accepted.pop().close()


def accept_all(listener: Listener, stack: contextlib.ExitStack) -> int:
    """What a turn of the event loop accepts."""
    for taken in range(1000):
        try:
            stack.enter_context(listener.accept()[0])
        except BlockingIOError:
            return taken
    raise AssertionError


def test_one_turn_of_the_loop_takes_few_and_none_is_lost() -> None:
    with listening(100) as listener, contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        assert [accept_all(listener, stack) for _ in range(4)] == [16, 16, 8, 0]


def test_the_bound_is_passed_by_a_few_only_while_those_that_were_closed_are_not_gone() -> None:
    lobby = Lobby(60.0)
    for _ in range(100):
        lobby.enter(Guest())
    with listening(1, lobby) as listener, contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        assert [accept_all(listener, stack) for _ in range(4)] == [16, 16, 1, 0]
        assert (listener.cleared, listener.refused) == (32, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_the_bound_follows_the_limit_of_descriptors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limits: dict[str, Any] = {"now": (1024, 4096), "set": None}

    def set_limit(_: int, wanted: tuple[int, int]) -> None:
        limits["now"] = limits["set"] = wanted

    monkeypatch.setattr("vp_stream.clients.capacity.resource.getrlimit", lambda _: limits["now"])
    monkeypatch.setattr("vp_stream.clients.capacity.resource.setrlimit", set_limit)
    low = most_connections(256, raise_limit=False)
    assert 300 < low < 480
    assert limits["set"] is None
    assert most_connections(256, raise_limit=True) == 2 * 256 + 512
    assert limits["set"] is not None
    assert 2048 < limits["set"][0] < 4096
    limits["now"] = (1024, 1024)
    assert most_connections(256, raise_limit=True) == low
    assert not caplog.records
    assert most_connections(1000, raise_limit=True) < 480
    assert "max_clients=1000 do not fit" in caplog.text


def test_who_asks_is_let_in_and_who_waits_goes(start: Any, market: Any) -> None:
    stage = start(max_connections=4, dead_peer_s=60.0)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(stage.server.port, timeout_s=10.0)) for _ in range(4)]
        clients[0].send(REQUEST)
        assert clients[0].response()[0] == 200  # it has made progress last: the others go first
        for _ in range(3):
            with RawClient(stage.server.port, timeout_s=10.0) as other:
                other.send(REQUEST)
                assert other.response()[0] == 200
        clients[0].send(REQUEST)
        answer = b""
        while b"200 OK" not in answer:  # behind what may be left of the first body
            part = clients[0].socket.recv(1 << 16)
            assert part
            answer += part


def test_streams_are_never_closed_for_others(start: Any, market: Any) -> None:
    market.add("srv_a", 500, alias="demo")
    stage = start(max_connections=2, speed=1.0)
    with RawClient(stage.server.port) as stream, contextlib.ExitStack() as stack:
        stream.open()
        for _ in range(20):
            with contextlib.suppress(ConnectionError):  # refused where all connections are taken
                stack.enter_context(RawClient(stage.server.port)).send(REQUEST)
        for _ in range(10):
            assert stream.message() is not None
