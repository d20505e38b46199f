"""The stream over real sockets: order of messages, pacing, control, slow and rude clients."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from vp_contract import decode_grid

HANDSHAKE = (
    b"GET /v1/vacuum-pressure/stream?serving=demo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def test_a_replay_is_a_config_then_pairs_then_the_end(start: Any, market: Any) -> None:
    market.add("srv_a", 40, alias="demo")
    stage = start()
    received = stage.play()
    assert received.config["type"] == "runtime_config"
    assert received.config["serving"] == {
        "alias": "demo",
        "serving_id": "srv_a",
        "source_run": "0" * 16,
        "promoted_at": "2026-02-07T00:00:00Z",
        "versions": {},
        "digests": {"vp_book": "b"},
    }
    assert received.torn == 0
    assert received.frames == stage.frames(40)
    assert received.texts[-1] == {"type": "stream_end", "bins": 40}
    assert received.close_code == 1000
    grid = decode_grid(received.frames[7].grid)
    assert len(grid["k"]) == received.config["grid_rows"]
    assert [column["name"] for column in received.config["grid_fields"]] == list(grid)


def test_a_replay_of_no_bins_ends_at_once(start: Any, market: Any) -> None:
    market.add("srv_a", 0, alias="demo")
    received = start().play()
    assert [text["type"] for text in received.texts] == ["runtime_config", "stream_end"]
    assert received.close_code == 1000


def test_one_engine_run_gives_all_clients_the_same_bytes(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 50, alias="demo", gate_at=20)
    stage = start()

    async def scenario() -> list[Any]:
        async with stage.connect("?serving=demo") as first, stage.connect("?serving=srv_a") as second:
            reading = [asyncio.create_task(stage.read(client)) for client in (first, second)]
            await asyncio.sleep(0.2)
            feed.gate.set()
            async with stage.connect("?serving=demo") as late:
                return [*await asyncio.gather(*reading), await stage.read(late)]

    received = asyncio.run(scenario())
    assert feed.runs == 1
    assert [r.frames for r in received] == [stage.frames(50)] * 3
    assert [r.config["serving"]["alias"] for r in received] == ["demo", None, "demo"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?serving",
        "?serving=",
        "?serving=demo&serving=demo",
        "?serving=demo&",
        "?serving=demo&speed=2",
        "?alias=demo",
        "?serving=../demo",
        "?serving=%00",
        "?serving=%ff",
        "?serving=demo%20",
        "?serving=" + "a" * 129,
        "?serving=demo&" + "a" * 600,
    ],
)
def test_any_other_query_is_refused(start: Any, market: Any, query: str) -> None:
    market.add("srv_a", 3, alias="demo")
    received = start().play(query)
    assert [(text["type"], text["code"]) for text in received.texts] == [("error", "bad_query")]
    assert received.close_code == 1008
    assert market.opened == 0


def test_an_unknown_serving_is_refused(start: Any, market: Any) -> None:
    market.add("srv_a", 3, alias="demo")
    received = start().play("?serving=dmeo")
    assert received.texts == [
        {"type": "error", "code": "unknown_serving", "message": "no serving is called 'dmeo'; there are demo"}
    ]
    assert received.close_code == 1008


def test_a_page_of_another_origin_is_refused_before_the_handshake(start: Any, market: Any) -> None:
    market.add("srv_a", 3, alias="demo")
    stage = start(allow_origins=("https://desk.example.com",))
    with pytest.raises(InvalidStatus) as refused:
        stage.play(origin="http://evil.example")
    assert refused.value.response.status_code == 403
    assert market.opened == 0
    assert stage.play(origin="https://desk.example.com").close_code == 1000
    assert stage.play(origin=f"http://127.0.0.1:{stage.server.port}").close_code == 1000


def test_bins_are_paced_by_the_bin_width_and_the_speed(start: Any, market: Any) -> None:
    market.add("srv_a", 6, alias="demo")
    started = time.monotonic()
    received = start(speed=2.0).play()
    assert received.bins == list(range(6))
    assert time.monotonic() - started >= 0.25  # five periods of 50 ms after the first bin


def test_pause_resume_and_seek(start: Any, market: Any) -> None:
    market.add("srv_a", 500, alias="demo")
    stage = start(speed=1.0)

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            await stage.read(client, until_bin=1)
            await client.send('{"type":"pause"}')
            assert await _silence(client, after_at_most=2)
            await client.send('{"type":"seek","bin_seq":300,"a_field_of_tomorrow":1}')
            assert (await stage.read(client, until_bin=300)).bins == [300]
            assert await _silence(client)
            await client.send('{"type":"resume"}')
            assert (await stage.read(client, until_bin=303)).bins == [301, 302, 303]
            await client.send('{"type":"seek","bin_seq":498}')
            rest = await stage.read(client)
            assert rest.bins[-2:] == [498, 499]
            assert rest.frames[-1] == stage.frames(1, first=499)[0]
            assert rest.texts[-1] == {"type": "stream_end", "bins": 500}
            assert all(text.get("skipped_bins", 0) == 0 for text in rest.texts)

    asyncio.run(scenario())


def test_seek_goes_back_as_well_as_forward(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 60, alias="demo", gate_at=59)
    stage = start()

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            assert (await stage.read(client, until_bin=58)).bins == list(range(59))
            await client.send('{"type":"seek","bin_seq":10}')
            assert (await stage.read(client, until_bin=58)).bins == list(range(10, 59))
            feed.gate.set()
            assert (await stage.read(client)).bins == [59]

    asyncio.run(scenario())


def test_control_messages_get_through_to_a_stream_without_pacing(start: Any, market: Any) -> None:
    market.add("srv_a", 3000, alias="demo")
    stage = start()

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            await client.send('{"type":"seek","bin_seq":100000}')
            await client.send('{"type":"pause"}')
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.0):
                    await stage.read(client)
            await client.send('{"type":"seek","bin_seq":2999}')
            await client.send('{"type":"resume"}')
            assert (await stage.read(client)).texts[-1] == {"type": "stream_end", "bins": 3000}

    asyncio.run(scenario())


def test_nonsense_is_answered_and_ignored_and_too_much_of_it_ends_the_stream(start: Any, market: Any) -> None:
    market.add("srv_a", 2, alias="demo", gate_at=1)
    stage = start()
    nonsense = ["", "{", "[]", '{"type":"launch"}', '{"type":"seek"}', '{"type":"seek","bin_seq":-1}', "nul", b"pause"]

    async def scenario() -> Any:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            await stage.read(client, until_bin=0)
            for message in nonsense:
                await client.send(message)
                answer = json.loads(await client.recv())
                assert (answer["type"], answer["code"]) == ("error", "bad_message")
            await client.send('{"type":"resume"}')
            await client.send("one too many")
            return await stage.read(client)

    received = asyncio.run(scenario())
    assert received.close_code == 1008
    assert received.bins == []


def test_a_message_over_4_kib_ends_the_stream(start: Any, market: Any) -> None:
    market.add("srv_a", 2, alias="demo", gate_at=1)
    stage = start()

    async def scenario() -> int | None:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            await stage.read(client, until_bin=0)
            await client.send('{"type":"pause"' + " " * 4080 + "}")
            await client.send('{"type":"resume"' + " " * 4096 + "}")
            return (await stage.read(client)).close_code

    assert asyncio.run(scenario()) == 1009


def test_a_client_that_acknowledges_gets_no_further_than_the_window(start: Any, market: Any) -> None:
    market.add("srv_a", 300, alias="demo")
    stage = start()

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            await client.send('{"type":"pause"}')
            await client.send('{"type":"ack","bin_seq":0}')
            await client.send('{"type":"seek","bin_seq":100}')
            await stage.read(client, until_bin=100)
            await client.send('{"type":"resume"}')
            assert (await stage.read(client, until_bin=163)).bins == list(range(101, 164))
            assert await _silence(client)
            await client.send('{"type":"ack","bin_seq":110}')
            assert (await stage.read(client, until_bin=174)).bins == list(range(164, 175))
            await client.send('{"type":"ack","bin_seq":9007199254740991}')
            await stage.read(client, until_bin=200)

    asyncio.run(scenario())


def test_a_full_server_says_so(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 2, alias="demo", gate_at=1)
    stage = start(max_clients=2)

    async def scenario() -> Any:
        async with stage.connect("?serving=demo") as first, stage.connect("?serving=demo") as second:
            await stage.read(first, until_bin=0)
            await stage.read(second, until_bin=0)
            async with stage.connect("?serving=demo") as third:
                return await stage.read(third)

    received = asyncio.run(scenario())
    assert received.texts[0]["code"] == "full"
    assert received.close_code == 1013
    # The places are free again once the server has seen the two leave.
    market.feeds["srv_a"].gate.set()
    wait_until(lambda: stage.play().close_code == 1000)


def test_one_address_gets_no_more_than_its_share(start: Any, market: Any) -> None:
    market.add("srv_a", 2, alias="demo", gate_at=1)
    stage = start(max_clients=10, max_clients_per_address=1)

    async def scenario() -> Any:
        async with stage.connect("?serving=demo") as first:
            await stage.read(first, until_bin=0)
            async with stage.connect("?serving=demo") as second:
                return await stage.read(second)

    received = asyncio.run(scenario())
    assert received.texts[0]["message"].startswith("your address has its 1 clients")
    assert received.close_code == 1013


def test_seeking_beyond_the_end_of_a_finished_replay_is_refused(start: Any, market: Any) -> None:
    market.add("srv_a", 20, alias="demo")
    stage = start(speed=1.0)

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            await stage.read(client, until_bin=5)
            for _ in range(12):  # well-formed, so it is not held against the client
                await client.send('{"type":"seek","bin_seq":20}')
            received = await stage.read(client)
            errors = {(error["code"], error["message"]) for error in received.of_type("error")}
            assert errors == {("bad_seek", "bin_seq=20: must be from 0 to 19")}
            assert received.bins == list(range(6, 20))
            assert received.close_code == 1000

    asyncio.run(scenario())


def test_a_lake_that_cannot_be_written_is_told(start: Any, market: Any) -> None:
    market.add("srv_a", 2, alias="demo")
    market.directory.write_text("a file where a directory should be")
    received = start().play()
    assert received.texts[0]["code"] == "unavailable"
    assert "frame log of srv_a cannot be written" in received.texts[0]["message"]
    assert received.close_code == 1008


def test_an_engine_failure_is_told_and_the_next_client_gets_a_new_run(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 30, alias="demo", fail_at=20)
    stage = start()
    received = stage.play()
    assert received.texts[-1]["code"] == "engine_failed"
    assert "the raw file ends in the middle of a record" in received.texts[-1]["message"]
    assert received.close_code == 1011
    feed.fail_at = None
    assert stage.play().frames == stage.frames(30)
    assert feed.runs == 2


def test_the_words_of_an_unexpected_failure_stay_in_the_server(start: Any, market: Any) -> None:
    market.add("srv_a", 30, alias="demo", fail_at=0, error=KeyError("/secret/place"))
    received = start().play()
    assert received.close_code == 1011
    assert "secret" not in json.dumps(received.texts)
    assert "KeyError" in received.texts[-1]["message"]


def test_a_slow_client_skips_whole_bins_and_holds_nobody_up(start: Any, market: Any) -> None:
    market.add("srv_a", 600, alias="demo")
    market.cell_width_ms = 8  # 125 bins a second
    stage = start(speed=1.0)

    async def scenario() -> tuple[Any, Any]:
        async with (
            asyncio.timeout(30),
            # It reads nothing for three seconds, and neither its library nor its kernel reads much ahead.
            stage.connect("?serving=demo", sock=_narrow_socket(stage.server.port), max_queue=1) as slow,
            stage.connect("?serving=demo") as quick,
        ):
            first = json.loads(await slow.recv())
            reading = asyncio.create_task(stage.read(quick))
            await asyncio.sleep(3.0)
            rest = await stage.read(slow)
            return [first, rest], await reading

    (first, rest), quick = asyncio.run(scenario())
    assert first["type"] == "runtime_config"
    assert quick.bins == list(range(600))
    assert rest.torn == 0
    assert len(rest.bins) < 550
    expected = 0
    for update in rest.of_type("grid_update"):
        assert update["bin_seq"] == expected + update["skipped_bins"]
        expected = update["bin_seq"] + 1
    assert rest.texts[-1] == {"type": "stream_end", "bins": 600}
    for frame, bin_seq in zip(rest.frames, rest.bins, strict=True):
        assert frame.grid == stage.frames(1, first=bin_seq)[0].grid


def test_a_client_that_takes_nothing_is_dropped(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start(dead_peer_s=1.0)
    stuck = _narrow_socket(stage.server.port)
    stuck.sendall(HANDSHAKE)
    try:
        wait_until(lambda: stage.health()["clients"] == 1)
        assert stage.play().frames == stage.frames(400)
        wait_until(lambda: stage.health()["clients"] == 0)
    finally:
        stuck.close()


def test_shutdown_closes_open_streams_as_going_away(start: Any, market: Any) -> None:
    market.add("srv_a", 500, alias="demo", gate_at=400)
    stage = start(speed=1.0)

    async def scenario() -> list[int | None]:
        async with stage.connect("?serving=demo") as playing, stage.connect("?serving=demo") as paused:
            await stage.read(playing, until_bin=2)
            await paused.send('{"type":"pause"}')
            stopping = asyncio.create_task(asyncio.to_thread(stage.server.stop, 5.0))
            codes = [(await stage.read(client)).close_code for client in (playing, paused)]
            await stopping
            return codes

    assert asyncio.run(scenario()) == [1001, 1001]
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", stage.server.port), timeout=1).close()


def test_shutdown_does_not_wait_for_a_serving_that_is_being_opened(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 5, alias="demo")
    market.opening = threading.Event()
    stage = start()

    async def scenario() -> int | None:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            await asyncio.to_thread(wait_until, lambda: market.opened == 1)
            await asyncio.to_thread(stage.server.stop, 5.0)
            return (await stage.read(client)).close_code

    assert asyncio.run(scenario()) == 1001


def test_shutdown_is_not_held_up_by_a_client_that_takes_nothing(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start()
    stuck = _narrow_socket(stage.server.port)
    stuck.sendall(HANDSHAKE)
    try:
        wait_until(lambda: stage.health()["bins_sent"] > 0)
        stage.server.stop(5.0)
    finally:
        stuck.close()


def test_a_stream_that_follows_its_alias_changes_over(start: Any, market: Any) -> None:
    market.add("srv_a", 3000, alias="demo")
    market.add("srv_b", 3000, seed=1)
    stage = start(speed=1.0)

    async def scenario() -> None:
        async with (
            asyncio.timeout(20),
            stage.connect("?serving=demo") as following,
            stage.connect("?serving=demo") as staying,
            stage.connect("?serving=srv_a") as by_id,
        ):
            await by_id.send('{"type":"follow"}')
            await stage.read(following, until_bin=1)
            await following.send('{"type":"follow"}')
            await stage.read(following, until_bin=3)
            market.aliases["demo"] = "srv_b"
            received = await stage.read(following, until_bin=25)
            config = received.of_type("runtime_config")
            assert [message["serving"]["serving_id"] for message in config] == ["srv_b"]
            assert received.bins == list(range(4, 26))  # the same times: it goes on where it was
            assert received.frames[-1] == stage.frames(1, first=25, seed=1)[0]
            unmoved = await stage.read(staying, until_bin=25)
            assert len(unmoved.of_type("runtime_config")) == 1
            assert unmoved.frames[-1] == stage.frames(1, first=25)[0]
            told = await stage.read(by_id, until_bin=5)
            assert [error["code"] for error in told.of_type("error")] == ["not_an_alias"]

    asyncio.run(scenario())


def test_a_client_that_leaves_before_the_first_bin_is_let_go(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 5, alias="demo", gate_at=0)
    stage = start()

    async def scenario() -> None:
        client = await stage.connect("?serving=demo")
        client.transport.abort()
        with pytest.raises(ConnectionClosed):
            await client.recv()

    asyncio.run(scenario())
    wait_until(lambda: stage.health()["clients"] == 0)


async def _silence(client: ClientConnection, *, after_at_most: int = 0) -> bool:
    """Whether nothing comes for 0.4 s, after this many messages that may have been under way."""
    for _ in range(after_at_most + 1):
        try:
            async with asyncio.timeout(0.4):
                await client.recv()
        except TimeoutError:
            return True
    return False


def _narrow_socket(port: int) -> socket.socket:
    """A connected socket whose receive buffer is as small as the system lets it be."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", port))
    return narrow
