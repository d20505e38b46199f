"""Bins sent once more: which, in what order, several as one, beside the stream and without harm to it; own speeds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_contract import (
    MAX_HISTORY_BINS,
    Frame,
    GridUpdate,
    History,
    Mark,
    SpeedSet,
    decode_grid,
    decode_server_message,
    encode_grid,
    encode_message,
    grid_schema,
)
from vp_contract.wire.examples import example_config, example_messages
from vp_stream.clients.history import (
    BURST,
    SHORTEST_REST_S,
    WORK_BINS,
    LookBack,
    checked,
    stretches,
)
from vp_stream.clients.schedule import Pacer, Send, Wait
from vp_stream.errors import Refusal
from vp_stream.frames.logfile import BLOCK_BINS
from vp_stream.frames.overview import Overview, marked
from vp_stream.turns import Share, Turns

CONFIG = example_config()
TICK = 250_000_000
RADIUS = CONFIG.grid_radius_ticks


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 50))
def test_stretches_cover_a_request_once_and_begin_at_multiples(first: int, length: int, every: int) -> None:
    request = History(from_=first, to=first + length, every=every)
    found = list(stretches(request))
    covered = [bin_seq for a, b in reversed(found) for bin_seq in range(a, b + 1)]
    assert covered == list(range(first, first + length + 1))
    step = BLOCK_BINS if every == 1 else every
    assert all(a % step == 0 or a == first for a, _ in found)
    assert all(b - a < step for a, b in found)


def test_a_request_for_what_is_not_there_says_what_is() -> None:
    assert checked(History(from_=0, to=9), 10) == History(from_=0, to=9)
    assert checked(History(from_=3, to=99, every=2), 10) == History(from_=3, to=9, every=2)
    for request, ready, message in (
        (History(from_=10, to=12), 10, "from=10, to=12: must be of bins 0 to 9"),
        (History(from_=5, to=4), 10, "from=5, to=4: must be of bins 0 to 9, from not after to"),
        (History(from_=0, to=0), 0, "no bin is there yet"),
        (History(from_=0, to=MAX_HISTORY_BINS), 10_000, "every=1: are 4097 bins; must be at most 4096"),
    ):
        with pytest.raises(Refusal, match=message):
            checked(request, ready)
    assert checked(History(from_=0, to=MAX_HISTORY_BINS, every=2), 10_000).to == MAX_HISTORY_BINS


def a_bin(seq: int, spot: int, volumes: dict[int, tuple[int, int]], quote: tuple[int, int] | None) -> Frame:
    """A bin with the window around price tick `spot`; `volumes` is (bought, sold) by price tick."""
    rows = 2 * RADIUS + 1
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for column in grid_schema(CONFIG):
        columns[column.name] = np.full(rows, seq % 100, column.type.to_pandas_dtype())
    columns["k"] = np.arange(-RADIUS, RADIUS + 1, dtype=np.int32)
    for side, name in enumerate(("buy_volume", "sell_volume")):
        columns[name][:] = 0
        for tick, volume in volumes.items():
            if abs(tick - spot) <= RADIUS:
                columns[name][tick - spot + RADIUS] = volume[side]
    example = decode_server_message(encode_message(_example_update()))
    bid, ask = (str(price * TICK) for price in quote) if quote else ("0", "0")
    update = msgspec.structs.replace(
        example,
        bin_seq=seq,
        bin_start_ns=str(seq * 100),
        bin_end_ns=str(seq * 100 + 100),
        spot_ref_price_int=str(spot * TICK),
        trade_count=len(volumes),
        bin_event_count=seq,
        buy_volume=sum(bought for bought, _ in volumes.values()),
        sell_volume=sum(sold for _, sold in volumes.values()),
        marks=tuple(
            Mark(kind="large", price_int=str(tick * TICK), size=bought, side="buy", detail=seq)
            for tick, (bought, _) in volumes.items()
        ),
        **dict.fromkeys(("bid_high_price_int", "bid_low_price_int"), bid),
        **dict.fromkeys(("ask_high_price_int", "ask_low_price_int"), ask),
    )
    return Frame(encode_message(update), encode_grid(grid_schema(CONFIG), columns))


def _rank(mark: dict[str, Any]) -> tuple[int, int, int]:
    """Of large buys, as all of these are: the largest first, then the lower price, then the smaller detail."""
    return -int(mark["size"]), int(mark["price_int"]), int(mark["detail"])


def _example_update() -> GridUpdate:
    (update,) = (message for message in example_messages() if isinstance(message, GridUpdate))
    return update


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(20_000 - 70, 20_000 + 70),
            st.dictionaries(st.integers(19_900, 20_100), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4),
            st.one_of(st.none(), st.tuples(st.integers(-20, 20_000), st.integers(20_001, 20_050))),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_several_bins_as_one(bins: list[tuple[int, dict[int, tuple[int, int]], tuple[int, int] | None]]) -> None:
    frames = [a_bin(seq, *bin_) for seq, bin_ in enumerate(bins, start=3)]
    made = Overview(CONFIG).one_of(frames)
    update, last = (json.loads(frame.update) for frame in (made, frames[-1]))
    marks = sorted((mark for frame in frames for mark in json.loads(frame.update)["marks"]), key=_rank)
    quotes = [quote for _, _, quote in bins if quote]
    summed = {
        "bin_start_ns": "300",
        "bin_event_count": sum(range(3, 3 + len(bins))),
        "trade_count": sum(len(volumes) for _, volumes, _ in bins),
        "buy_volume": sum(bought for _, volumes, _ in bins for bought, _ in volumes.values()),
        "sell_volume": sum(sold for _, volumes, _ in bins for _, sold in volumes.values()),
        "bid_high_price_int": str(max((bid for bid, _ in quotes), default=0) * TICK),
        "bid_low_price_int": str(min((bid for bid, _ in quotes), default=0) * TICK),
        "ask_high_price_int": str(max((ask for _, ask in quotes), default=0) * TICK),
        "ask_low_price_int": str(min((ask for _, ask in quotes), default=0) * TICK),
        "history": True,
        "every": len(bins),
        "marks": marks[:16],
    }
    assert update == {**last, **summed}
    grid, of_last = decode_grid(made.grid), decode_grid(frames[-1].grid)
    spot = bins[-1][0]
    for side, name in enumerate(("buy_volume", "sell_volume")):
        for row in range(2 * RADIUS + 1):
            tick = spot + row - RADIUS
            seen = [v[tick][side] for at, v, _ in bins if tick in v and abs(tick - at) <= RADIUS]
            assert grid[name][row] == sum(seen)
    for name in set(grid) - {"buy_volume", "sell_volume"}:
        np.testing.assert_array_equal(grid[name], of_last[name])


def test_no_more_marks_than_a_bin_may_have_and_the_order_of_a_bin() -> None:
    frames = [a_bin(seq, 20_000, {20_000 + tick: (tick % 5, 0) for tick in range(8)}, None) for seq in range(4)]
    marks = json.loads(Overview(CONFIG).one_of(frames).update)["marks"]
    assert [mark["size"] for mark in marks] == [4] * 4 + [3] * 4 + [2] * 8
    assert marks == sorted(marks, key=_rank)
    assert json.loads(Overview(CONFIG).one_of(frames[::-1]).update)["marks"] == marks
    old = [Frame(encode_message(msgspec.structs.replace(_example_update(), marks=msgspec.UNSET)), frames[0].grid)] * 2
    assert "marks" not in json.loads(Overview(CONFIG).one_of(old).update)


async def ask(client: Any, message: Any) -> None:
    await client.send(encode_message(message).decode())


class CountedRun:
    """A run whose bins are there, and which keeps what was read of it."""

    def __init__(self, damaged_before: int = 0) -> None:
        self.read: list[tuple[int, int]] = []
        self.damaged_before = damaged_before

    def column(self, first: int, last: int) -> None:
        return None

    async def stretch(self, first: int, last: int) -> list[Frame] | None:
        self.read.append((first, last))
        await asyncio.sleep(0)
        if first < self.damaged_before:
            return None
        return [a_bin(seq, 100, {}, None) for seq in range(first, last + 1)]


async def taken(look_back: LookBack, wake: asyncio.Event) -> list[list[Frame]]:
    """What it gives to one who takes all that is there whenever it is woken: a list each time."""
    rounds = []
    while not look_back.over:
        await wake.wait()
        wake.clear()
        rounds.append([frame for frame in iter(look_back.take, None) if frame is not None])
    return rounds


@pytest.mark.parametrize("damaged_before", [0, 32])
def test_a_block_is_read_once_by_a_client_that_looks_back(damaged_before: int) -> None:
    async def scenario() -> tuple[CountedRun, LookBack, list[list[Frame]]]:
        run, wake = CountedRun(damaged_before), asyncio.Event()
        look_back = LookBack(History(from_=21, to=77), run, Overview(CONFIG), Turns(SHORTEST_REST_S), wake.set, Share())  # type: ignore[arg-type]
        return run, look_back, await taken(look_back, wake)

    run, look_back, rounds = asyncio.run(scenario())
    assert run.read == [(64, 77), (48, 63), (32, 47), (21, 31)]
    sent = [json.loads(frame.update)["bin_seq"] for frames in rounds for frame in frames]
    assert sent == list(range(77, max(damaged_before, 21) - 1, -1))
    assert look_back.bins == len(sent)
    assert max(len(frames) for frames in rounds) <= BURST


def test_a_long_column_is_read_some_bins_at_a_time_and_kept_for_those_who_ask_next() -> None:
    async def scenario() -> tuple[list[list[tuple[int, int]]], list[list[Frame]]]:
        overview, turns = Overview(CONFIG), Turns(SHORTEST_REST_S)
        read, made = [], []
        for to in (599, 599, 449):
            run, wake = CountedRun(), asyncio.Event()
            look_back = LookBack(History(from_=0, to=to, every=300), run, overview, turns, wake.set, Share())  # type: ignore[arg-type]
            made.append([frame for frames in await taken(look_back, wake) for frame in frames])
            read.append(run.read)
        return read, made

    read, made = asyncio.run(scenario())
    parts = [(begin, min(begin + WORK_BINS, 300) - 1) for begin in range(0, 300, WORK_BINS)]
    assert len(parts) > 1
    assert read[0] == [(first + begin, first + end) for first in (300, 0) for begin, end in parts]
    frames = [a_bin(seq, 100, {}, None) for seq in range(600)]
    assert made[0] == [Overview(CONFIG).one_of(frames[300:]), Overview(CONFIG).one_of(frames[:300])]
    assert (read[1], made[1]) == ([], made[0])
    # what is no whole column may grow, and is not kept
    assert (read[2], made[2][1]) == ([(300, 427), (428, 449)], made[0][1])


def test_no_more_columns_are_kept_than_there_is_room_for() -> None:
    frames = [a_bin(seq, 100, {}, None) for seq in range(4)]
    size = max(len(frame.update) + len(frame.grid) for frame in frames)
    overview = Overview(CONFIG, max_bytes=3 * size)
    for seq in (0, 1, 2, 2):
        overview.keep(seq, seq, frames[seq])
    assert overview.kept(0, 0) == frames[0]
    overview.keep(3, 3, frames[3])
    assert [overview.kept(seq, seq) for seq in range(4)] == [frames[0], None, frames[2], frames[3]]


async def answer(client: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Frame]]:
    """(other messages, the stream's bins, the frames of the history) up to `history_end`."""
    others, stream, history = [], [], []
    while True:
        text = await client.recv()
        message = json.loads(text)
        if message["type"] == "grid_update":
            frame = Frame(text.encode(), await client.recv())
            if message.get("history"):
                history.append(frame)
            else:
                stream.append(message)
        else:
            others.append(message)
            if message["type"] in ("history_end", "error"):
                return others, stream, history


def test_a_paused_client_is_sent_what_it_asks_for_newest_first(start: Any, market: Any) -> None:
    market.add("srv_a", 300, alias="demo")
    stage = start()
    assert stage.play().bins[-1] == 299

    async def scenario() -> None:
        async with asyncio.timeout(30), stage.connect("?serving=demo") as client:
            await client.send('{"type":"pause"}')
            await ask(client, History(from_=100, to=250))
            others, _, history = await answer(client)
            assert others[-1] == {"type": "history_end", "from": 100, "to": 250, "every": 1, "bins": 151}
            assert history == [marked(frame) for frame in reversed(stage.frames(151, first=100))]
            update = decode_server_message(history[0].update)
            assert isinstance(update, GridUpdate)
            assert (update.history, update.bin_seq) == (True, 250)
            await ask(client, History(from_=95, to=109, every=10))
            _, _, history = await answer(client)
            assert [(json.loads(f.update)["bin_seq"], json.loads(f.update)["every"]) for f in history] == [
                (109, 10),
                (99, 5),
            ]

    asyncio.run(scenario())


def test_what_was_missed_of_a_replay_that_has_ended_is_there_for_a_connection_that_plays_nothing(
    start: Any, market: Any
) -> None:
    market.add("srv_a", 60, alias="demo")
    stage = start(speed=20.0)  # a bin every 5 ms
    assert stage.play().bins[-1] == 59

    async def scenario() -> None:
        async with asyncio.timeout(30):
            async with stage.connect("?serving=demo") as client:
                await client.send('{"type":"seek","bin_seq":50}')
                received = await stage.read(client)
                assert (received.bins[-1], received.close_code) == (59, 1000)
                assert 49 not in received.bins
            async with stage.connect("?serving=demo") as client:
                await client.send('{"type":"pause"}')
                await ask(client, History(from_=0, to=59))
                others, stream, history = await answer(client)
                assert history == [marked(frame) for frame in reversed(stage.frames(60))]
                assert [message["type"] for message in others] == ["runtime_config", "history_end"]
                assert [update["bin_seq"] for update in stream] == list(range(len(stream)))
                await ask(client, History(from_=7, to=7))
                others, stream, history = await answer(client)
                assert (len(history), stream, others[-1]["type"]) == (1, [], "history_end")

    asyncio.run(scenario())


def test_the_stream_goes_on_unharmed_beside_it(start: Any, market: Any) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start(speed=20.0)  # a bin every 5 ms

    async def scenario() -> None:
        async with asyncio.timeout(30), stage.connect("?serving=demo") as client:
            await asyncio.sleep(0.5)
            await ask(client, History(from_=0, to=40))
            _, stream, history = await answer(client)
            assert len(history) == 41
            received = await stage.read(client)
            bins = [update["bin_seq"] for update in stream] + received.bins
            assert bins == list(range(400))
            assert received.close_code == 1000
            assert received.torn == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("request_", [History(from_=400, to=400), History(from_=9, to=3)])
def test_what_is_not_there_is_refused_in_a_word(start: Any, market: Any, request_: History) -> None:
    market.add("srv_a", 400, alias="demo")
    stage = start(speed=20.0)

    async def scenario() -> None:
        async with asyncio.timeout(30), stage.connect("?serving=demo") as client:
            await asyncio.sleep(0.3)
            await ask(client, request_)
            others, _, history = await answer(client)
            assert others[-1]["code"] == "bad_history"
            assert not history

    asyncio.run(scenario())


def test_a_new_request_takes_the_place_of_the_old(start: Any, market: Any) -> None:
    market.add("srv_a", 1000, alias="demo")
    stage = start()
    assert stage.play().bins[-1] == 999

    async def scenario() -> None:
        async with asyncio.timeout(30), stage.connect("?serving=demo") as client:
            await client.send('{"type":"pause"}')
            await ask(client, History(from_=0, to=900))
            await ask(client, History(from_=7, to=9))
            others, _, history = await answer(client)
            assert others[-1] == {"type": "history_end", "from": 7, "to": 9, "every": 1, "bins": 3}
            assert len(history) < 300

    asyncio.run(scenario())


SEEKERS, SOUGHT, MAP = 4, 1000, 400


def test_a_map_that_is_opened_is_there_before_the_next_of_those_who_never_stop(start: Any, market: Any) -> None:
    """Bins are counted as they arrive: the one who comes has three turns of four, and the others share the fourth."""
    market.add("srv_a", SOUGHT, alias="demo")
    stage = start()
    assert stage.play().bins[-1] == SOUGHT - 1

    async def look_back(client: Any, bins: int, came: list[int]) -> None:
        await client.send('{"type":"pause"}')
        await ask(client, History(from_=0, to=bins - 1))
        while (message := json.loads(await client.recv()))["type"] != "history_end":
            if message["type"] == "grid_update":
                await client.recv()
                came[-1] += bool(message.get("history"))
        assert message["bins"] == bins

    async def never_stop(came: list[int]) -> None:
        async with stage.connect("?serving=demo") as client:
            while True:
                came.append(0)
                await look_back(client, SOUGHT, came)

    async def scenario() -> None:
        async with asyncio.timeout(60):
            came: list[list[int]] = [[] for _ in range(SEEKERS)]
            seekers = [asyncio.create_task(never_stop(counts)) for counts in came]
            while any(sum(counts) < SOUGHT * 7 // 10 for counts in came):
                await asyncio.sleep(0.001)
            shared = [sum(counts) for counts in came]
            assert max(shared) - min(shared) < SOUGHT // 10
            opened = [0]
            async with stage.connect("?serving=demo") as client:
                await look_back(client, MAP, opened)
            assert opened == [MAP]
            assert [len(counts) for counts in came] == [1] * SEEKERS  # none of them has its map
            assert sum(map(sum, came)) - sum(shared) < MAP
            while any(len(counts) == 1 for counts in came):  # and each of them gets it
                await asyncio.sleep(0.001)
            for seeker in seekers:
                seeker.cancel()
            await asyncio.gather(*seekers, return_exceptions=True)

    asyncio.run(scenario())


def test_a_column_that_is_read_counts_as_a_turn() -> None:
    class CountedShare(Share):
        def __init__(self) -> None:
            super().__init__(free_turns=0)
            self.turns = 0

        def count(self, now_s: float) -> None:
            super().count(now_s)
            self.turns += 1

    async def scenario() -> list[int]:
        overview, turns, counted = Overview(CONFIG), Turns(SHORTEST_REST_S), []
        for every in (1, WORK_BINS):
            run, wake, share = CountedRun(), asyncio.Event(), CountedShare()
            request = History(from_=0, to=4 * every - 1, every=every)
            look_back = LookBack(request, run, overview, turns, wake.set, share)  # type: ignore[arg-type]
            await taken(look_back, wake)
            counted.append(share.turns)
        return counted

    # one that sends; of columns, three beyond the first wait for one of their own each
    assert asyncio.run(scenario()) == [1, 4]


def test_a_client_plays_at_its_own_speed(start: Any, market: Any) -> None:
    market.add("srv_a", 40, alias="demo")
    stage = start(speed=1.0)  # 4 s for the whole

    async def scenario() -> None:
        async with asyncio.timeout(30), stage.connect("?serving=demo") as client:
            await client.send('{"type":"speed","value":40}')
            received = await stage.read(client)
            assert received.of_type("speed") == [{"type": "speed", "value": 40.0}]
            assert received.bins == list(range(40))

    asyncio.run(scenario())
    assert isinstance(decode_server_message(b'{"type":"speed","value":40.0}'), SpeedSet)


@pytest.mark.parametrize("value", ["0.2", "61", '"4"', "null"])
def test_a_speed_that_is_not_allowed_is_refused(start: Any, market: Any, value: str) -> None:
    market.add("srv_a", 40, alias="demo")
    stage = start(speed=1.0)

    async def scenario() -> None:
        async with asyncio.timeout(30), stage.connect("?serving=demo") as client:
            await client.send(f'{{"type":"speed","value":{value}}}')
            others, _, _ = await answer(client)
            assert others[-1]["type"] == "error"

    asyncio.run(scenario())


def test_another_speed_moves_the_schedule_and_skips_nothing() -> None:
    pacer = Pacer(0.1, lambda _: 0.0)
    assert pacer.choose(10.0, 100) == Send(0, 0)
    pacer.sent(0)
    assert pacer.choose(10.01, 100) == Wait(pytest.approx(10.1))  # type: ignore[arg-type]
    pacer.play_at(0.4)
    assert pacer.choose(10.02, 100) == Send(1, 0)
    pacer.sent(1)
    assert pacer.choose(10.03, 100) == Wait(pytest.approx(10.42))  # type: ignore[arg-type]
