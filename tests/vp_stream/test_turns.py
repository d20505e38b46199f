"""Turns that the event loop gives: one after the other, rarer while it is busy, to callbacks and to threads."""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_stream.turns import (
    BUSY_REST_S,
    FADE_S,
    FREE_TURNS,
    LATE_S,
    LONGEST_REST_S,
    MOST_TURNS,
    OLDEST_EVERY,
    Share,
    ThreadTurns,
    Turns,
    Waiting,
)


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


class Asker:
    """One who asks; `Waiting` tells them apart by what it is to call."""

    def __init__(self, had: int = 0, now_s: float = 0.0, free: int = 0) -> None:
        self.share = Share(free)
        for _ in range(had):
            self.share.count(now_s)

    def begin(self) -> None:
        """Its turn."""


def takes(waiting: Waiting, begin: dict[Callable[[], None], Asker], now_s: float) -> Asker:
    """Who has the next turn; he asks again at once."""
    one = begin[waiting.next(now_s)]
    waiting.ask(one.begin, one.share)
    return one


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("ask"), st.integers(0, 9)),
            st.tuples(st.just("come"), st.integers(1, 4)),
            st.tuples(st.just("forget"), st.integers(0, 9)),
            st.tuples(st.just("turns"), st.integers(1, 12)),
            st.tuples(st.just("pass"), st.integers(0, 100)),
        ),
        max_size=200,
    )
)
def test_whoever_waits_has_a_turn_however_many_come_later(steps: list[tuple[str, int]]) -> None:
    """One of W has it among the next `OLDEST_EVERY` * W turns; those who come have never had one, and go first."""
    waiting, now_s, turns = Waiting(), 0.0, 0
    regular = [Asker(had=20 * number) for number in range(10)]
    by_begin = {one.begin: one for one in regular}
    latest: dict[Asker, int] = {}  # the number of the turn that is theirs at the latest

    def ask(one: Asker) -> None:
        latest.setdefault(one, turns + OLDEST_EVERY * (len(latest) + 1))
        waiting.ask(one.begin, one.share)

    for step, count in steps:
        if step == "ask":
            ask(regular[count])
        elif step == "come":
            for _ in range(count):
                one = Asker()
                by_begin[one.begin] = one
                ask(one)
        elif step == "forget":
            latest.pop(regular[count], None)
            waiting.forget(regular[count].begin)
        elif step == "pass":
            now_s += count
        else:
            for _ in range(min(count, len(latest))):
                turns += 1
                one = by_begin[waiting.next(now_s)]
                assert turns <= latest.pop(one)
    while waiting:
        turns += 1
        assert turns <= latest.pop(by_begin[waiting.next(now_s)])
    assert not latest


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 2000), st.floats(0.001, 0.1), st.sampled_from([0, 5, FREE_TURNS]))
def test_those_who_never_stop_have_as_much_as_one_another(askers: int, turns: int, every_s: float, free: int) -> None:
    waiting, counts = Waiting(), Counter[Asker]()
    those = [Asker(free=free) for _ in range(askers)]
    for one in those:
        waiting.ask(one.begin, one.share)
    by_begin = {one.begin: one for one in those}
    for number in range(turns):
        counts[takes(waiting, by_begin, number * every_s)] += 1
    assert max(counts.values()) - min(counts[one] for one in those) <= 2


@pytest.mark.parametrize("saturating", [1, 5, 50])
def test_who_comes_beside_those_who_never_stop_has_most_of_the_turns_for_his_first_map(saturating: int) -> None:
    waiting, now_s = Waiting(), itertools.count(step=0.004)
    those = [Asker(free=FREE_TURNS) for _ in range(saturating)]
    for one in those:
        waiting.ask(one.begin, one.share)
    by_begin = {one.begin: one for one in those}
    for _ in range((FREE_TURNS + 2) * saturating):
        takes(waiting, by_begin, next(now_s))
    for _ in range(3):
        newcomer = Asker(free=FREE_TURNS)
        by_begin[newcomer.begin] = newcomer
        waiting.ask(newcomer.begin, newcomer.share)
        had = [takes(waiting, by_begin, next(now_s)) is newcomer for _ in range(72)]
        assert sum(had) >= 54  # three of four: a map of 430 bins
        waiting.forget(newcomer.begin)


def test_who_had_the_server_alone_for_long_is_soon_an_equal_of_those_who_come() -> None:
    alone = Asker(had=100_000)
    others = [Asker() for _ in range(3)]
    waiting, counts, by_begin = Waiting(), Counter[Asker](), {one.begin: one for one in (alone, *others)}
    for one in (alone, *others):
        waiting.ask(one.begin, one.share)
    for _ in range(int(6 * MOST_TURNS)):
        counts[takes(waiting, by_begin, 0.0)] += 1
    assert counts[alone] > 0.5 * counts[others[0]]
    counts.clear()
    for _ in range(400):
        counts[takes(waiting, by_begin, 0.0)] += 1
    assert set(counts.values()) == {100}


def test_what_was_had_fades() -> None:
    long_ago, lately = Asker(had=10, now_s=0.0), Asker(had=5, now_s=3 * FADE_S)
    waiting = Waiting()
    for one in (lately, long_ago):
        waiting.ask(one.begin, one.share)
    assert waiting.next(3 * FADE_S) == long_ago.begin


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
