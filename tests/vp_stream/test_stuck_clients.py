"""Clients that read slowly, hardly or not at all: kept as long as they live, then ended, and never stored."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from support.held import alive, none_alive
from support.raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, RawClient, frame, text

from vp_stream.clients.connections import StreamProtocol
from vp_stream.clients.session import Session

NARROW = 4096
PAUSE = text('{"type":"pause"}')
# A bin, what may be written before the server's side of the connection counts as full, and one read of pings.
MOST_UNSENT_BYTES = 256 * 1024


def unsent_bytes() -> int:
    return max((one.transport.get_write_buffer_size() for one in alive(StreamProtocol)), default=0)


def nothing_is_left() -> bool:
    return none_alive(StreamProtocol, Session)


def narrow_client(stage: Any) -> RawClient:
    client = RawClient(stage.server.port, receive_buffer=NARROW)
    client.open()
    return client


def test_a_client_that_never_reads_is_ended_and_forgotten(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start(dead_peer_s=1.0)
    with narrow_client(stage):
        assert stage.play().frames == stage.frames(400)
        assert unsent_bytes() < MOST_UNSENT_BYTES
        wait_until(nothing_is_left)
        assert stage.health()["clients"] == 0


def test_a_paused_client_that_only_sends_pings_is_not_stored(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start(dead_peer_s=4.0)
    with narrow_client(stage) as flooding:
        flooding.send(PAUSE)
        ping, sent, most = frame(PING, b"x" * 125), 0, 0
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            flooding.send(ping * 1000)
            sent += 1
            if sent % 20 == 0:
                most = max(most, unsent_bytes())
        assert sent * len(ping) * 1000 > 16 * MOST_UNSENT_BYTES  # or nothing was tried
        assert 0 < most < MOST_UNSENT_BYTES
        assert stage.play().frames == stage.frames(400)
        # It takes nothing and answers no ping: whatever it says, it is not kept.
        wait_until(nothing_is_left)


def test_the_newest_ping_of_a_client_that_was_slow_is_answered(start: Any, market: Any) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start()
    with narrow_client(stage) as client:
        client.send(PAUSE)
        for number in range(20_000):
            client.send(frame(PING, number.to_bytes(4, "big") * 31))
        pongs: list[Any] = []
        while not pongs or pongs[-1] < 19_999:
            answer = client.read()
            assert answer is not None
            if answer.opcode not in (TEXT, BINARY):
                pongs.append(int.from_bytes(answer.payload[:4], "big"))
        assert pongs == sorted(pongs)
        assert len(pongs) < 20_000


def test_a_client_that_reads_and_answers_no_ping_is_ended(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 2, alias="demo", gate_at=1)
    stage = start(dead_peer_s=1.0)
    with RawClient(stage.server.port) as deaf:
        deaf.open()
        frames = deaf.read_to_end()
    assert [got.opcode for got in frames] == [TEXT, TEXT, BINARY, PING, CLOSE]
    assert frames[-1].close_code == 1011
    wait_until(lambda: stage.health()["clients"] == 0)


def test_bins_that_are_taken_do_not_make_up_for_pings_for_ever(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 3000, alias="demo")
    market.cell_width_ms = 20
    stage = start(dead_peer_s=1.0, speed=1.0)
    with RawClient(stage.server.port) as deaf:
        deaf.open()
        frames = deaf.read_to_end()
    assert frames[-1].close_code == 1011
    assert sum(got.opcode == BINARY for got in frames) > 50  # it was given time
    wait_until(nothing_is_left)


def test_a_client_that_trickles_and_answers_no_ping_does_not_hold_its_close_up(
    start: Any, market: Any, wait_until: Any
) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start(dead_peer_s=1.0)
    with narrow_client(stage) as client:
        # Enough for the kernel to see life in it; far too little to come to the close frame in this century.
        def trickle() -> bool:
            try:
                client.socket.recv(100)
            except ConnectionError:
                return True
            return nothing_is_left()

        wait_until(trickle)
    wait_until(nothing_is_left)


def test_a_slow_client_that_answers_pings_is_kept_and_skips(start: Any, market: Any) -> None:
    market.add("srv_a", 3000, alias="demo")
    market.cell_width_ms = 4
    # A ping waits in line behind a third of a MiB, two seconds for this client, and its answer is due in one.
    stage = start(dead_peer_s=2.0, speed=1.0)
    expected, skipped, pings = 0, 0, 0
    until = time.monotonic() + 6.0
    with narrow_client(stage) as slow:
        assert slow.message() is not None
        while time.monotonic() < until:
            update = slow.read()
            assert update is not None
            if update.opcode == PING:
                slow.send(frame(PONG, update.payload))
                pings += 1
                continue
            assert update.opcode == TEXT, update.close_code
            grid = slow.read()
            assert grid is not None
            assert grid.opcode == BINARY
            assert update.json["bin_seq"] == expected + update.json["skipped_bins"]
            assert grid.payload == stage.frames(1, first=update.json["bin_seq"])[0].grid
            expected = update.json["bin_seq"] + 1
            skipped += update.json["skipped_bins"]
            time.sleep(0.15)
    assert skipped > 300
    assert pings > 1


def test_a_flood_of_messages_is_read_as_slowly_as_is_allowed(start: Any, market: Any) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start()
    with RawClient(stage.server.port, timeout_s=1.0) as flooding:
        flooding.open()
        with contextlib.suppress(TimeoutError):
            while True:
                flooding.send(PAUSE * 1000)
        assert sum(one.queue.qsize() for one in alive(StreamProtocol)) < 5000
        assert stage.play().frames == stage.frames(400)
