"""Turns that the event loop gives: one after the other, rarer while it is busy, to callbacks and to threads."""

from __future__ import annotations

import asyncio
import functools
import threading
import time

import pytest

from vp_stream.turns import BUSY_REST_S, LATE_S, LONGEST_REST_S, ThreadTurns, Turns


def test_those_who_ask_take_turns_and_who_leaves_holds_nobody_up() -> None:
    async def scenario() -> list[str]:
        turns = Turns(BUSY_REST_S)
        had: list[str] = []
        begin = {name: functools.partial(had.append, name) for name in "abcd"}
        for name in "abcd":
            turns.ask(begin[name])
        turns.forget(begin["b"])
        turns.ask(begin["b"])
        turns.forget(begin["c"])
        while len(had) < 3:
            await asyncio.sleep(0.001)
        assert turns.rest_s >= BUSY_REST_S
        await asyncio.sleep(2 * turns.rest_s)
        return had

    assert asyncio.run(scenario()) == ["a", "d", "b"]


@pytest.mark.parametrize("shortest", [0.0, BUSY_REST_S])
def test_turns_become_rarer_while_the_loop_is_late_and_come_back(shortest: float) -> None:
    async def scenario() -> tuple[float, float]:
        turns, rests = Turns(shortest), []
        for busy_s, count in ((LONGEST_REST_S + 2 * LATE_S, 8), (0.0, 40)):
            for _ in range(count):
                came = asyncio.Event()
                turns.ask(came.set)
                time.sleep(busy_s)  # what else the loop has to do
                await came.wait()
            rests.append(turns.rest_s)
        return rests[0], rests[1]

    busy, again = asyncio.run(scenario())
    assert busy == LONGEST_REST_S
    assert shortest <= again < busy


@pytest.mark.parametrize(("saved", "at_once"), [(0, 1), (8, 8)])
def test_rests_of_a_quiet_time_are_saved_and_spent_once(
    saved: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> list[int]:
        loop, now = asyncio.get_running_loop(), [1000.0]
        monkeypatch.setattr(loop, "time", lambda: now[0])
        turns = Turns(1.0, saved_s=float(saved))
        given: list[None] = []
        turns.ask(functools.partial(begin, turns, given))
        counts = []
        for passed_s in (0.0, 1.0, 1.0, 0.5, 0.5):
            now[0] += passed_s
            for _ in range(100):
                await asyncio.sleep(0)
            counts.append(len(given))
        return counts

    def begin(turns: Turns, given: list[None]) -> None:
        given.append(None)
        turns.ask(functools.partial(begin, turns, given))

    counts = asyncio.run(scenario())
    assert counts == [at_once, at_once + 1, at_once + 2, at_once + 2, at_once + 3]


def test_nothing_is_saved_while_the_loop_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> int:
        loop, now = asyncio.get_running_loop(), [1000.0]
        monkeypatch.setattr(loop, "time", lambda: now[0])
        turns = Turns(BUSY_REST_S, saved_s=8 * BUSY_REST_S)
        given: list[None] = []

        def begin() -> None:
            given.append(None)
            turns.ask(functools.partial(begin))

        turns.ask(begin)
        now[0] += 2 * LATE_S  # what else the loop has to do
        for _ in range(100):
            await asyncio.sleep(0)
        return len(given)

    assert asyncio.run(scenario()) == 1


def test_a_thread_works_in_its_turns_alone() -> None:
    """While the loop is at something else, it gets the one turn that it may have been given before."""

    async def scenario() -> None:
        given = ThreadTurns(Turns(0.0), asyncio.get_running_loop())
        done: list[int] = []

        def work() -> None:
            while given.wait():
                done.append(len(done))

        thread = threading.Thread(target=work)
        thread.start()
        while len(done) < 3:
            await asyncio.sleep(0.001)
        before = len(done)
        time.sleep(0.2)  # the loop has much to do
        assert len(done) <= before + 1
        while len(done) < before + 5:
            await asyncio.sleep(0.001)
        given.close()
        await asyncio.to_thread(thread.join)

    asyncio.run(scenario())


def test_a_thread_that_waits_goes_on_when_its_loop_is_closed() -> None:
    loop = asyncio.new_event_loop()
    given = ThreadTurns(Turns(0.0), loop)
    ends: list[bool] = []
    thread = threading.Thread(target=lambda: ends.extend([given.wait(), given.wait()]))
    thread.start()
    loop.close()
    thread.join()
    assert ends == [False, False]
