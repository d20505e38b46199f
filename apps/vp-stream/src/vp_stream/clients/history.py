"""A client's request for bins that were there before: what is sent next, made beside the stream, and how fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from vp_contract import MAX_HISTORY_BINS, Frame, History
from vp_stream.errors import Refusal
from vp_stream.frames.logfile import BLOCK_BINS
from vp_stream.frames.overview import Overview, marked
from vp_stream.frames.runs import ServingRun
from vp_stream.turns import Share, Turns

BURST: Final = 8
"""Frames that may follow one another before somebody else has a turn."""
WORK_BINS: Final = 128
"""Bins that are read to become one before somebody else has a turn, and that are in memory at once."""
SHORTEST_REST_S: Final = 0.004
"""From one turn to the next: at most 2,000 bins a second for all who look back together."""
SAVED_S: Final = 0.256
"""Rests saved while nobody looks back: the next 512 bins, more than a map shows, go out as fast as they are taken."""


def stretches(request: History) -> Iterator[tuple[int, int]]:
    """First and last bin of each that is read at once, newest first.

    They begin at multiples of `every`, each to become one bin; with `every` 1 they are the blocks of the log.

    >>> list(stretches(History(from_=5, to=12, every=4)))
    [(12, 12), (8, 11), (5, 7)]
    >>> list(stretches(History(from_=5, to=40)))
    [(32, 40), (16, 31), (5, 15)]
    """
    step = BLOCK_BINS if request.every == 1 else request.every
    last = request.to
    while last >= request.from_:
        first = max(last - last % step, request.from_)
        yield first, last
        last = first - 1


class LookBack:
    """A request being answered: one stretch is made at a time, beside the stream. Belongs to one client.

    Frames of the stretch that was read last are held, a block of the log at most: many clients that look at different
    places would otherwise read a block of sixteen for each bin.
    """

    def __init__(
        self,
        request: History,
        run: ServingRun,
        overview: Overview,
        turns: Turns,
        wake: Callable[[], None],
        share: Share,
    ) -> None:
        """`wake` is called when there is something to send. `share` counts the turns of all requests of the client."""
        self.request = request
        self.bins = 0
        self._run = run
        self._overview = overview
        self._wake = wake
        self._stretches = stretches(request)
        self._held: list[Frame] = []
        self._making: asyncio.Task[list[Frame] | None] | None = None
        self._turns = turns
        self._share = share
        self._left = 0  # of the turn
        self._worked = 0  # bins read to become one, since the last turn for that
        self._over = False
        self._turns.ask(self._begin_turn, self._share)
        self._make()

    @property
    def over(self) -> bool:
        """Whether everything was sent."""
        return self._over

    def take(self) -> Frame | None:
        """The next frame if it is there and may be sent now."""
        if self._left == 0 or not self._has_frames():
            return None
        frame = self._held.pop()
        self.bins += 1
        self._left -= 1
        if not self._held:
            self._make()
        if self._left == 0 and not self._over:
            self._turns.ask(self._begin_turn, self._share)
        return frame

    def close(self) -> None:
        """Make no more."""
        if self._making is not None:
            self._making.cancel()
        self._turns.forget(self._begin_turn)

    def _has_frames(self) -> bool:
        if not self._held and self._making is not None and self._making.done():
            made, self._making = self._making.result(), None
            if made is None:  # its log turned out damaged, and is being made again
                self._over = True
                return False
            self._held = made
        return bool(self._held)

    def _begin_turn(self) -> None:
        self._left = BURST
        self._wake()

    def _make(self) -> None:
        stretch = next(self._stretches, None)
        if stretch is None:
            self._over = True
            self._wake()
            return
        self._making = asyncio.create_task(self._made(*stretch))
        self._making.add_done_callback(lambda _: self._wake())

    async def _made(self, first: int, last: int) -> list[Frame] | None:
        """The frames to be sent, the first of them at the end."""
        if self.request.every == 1:
            frames = await self._run.stretch(first, last)
            return None if frames is None else [marked(frame) for frame in frames]
        column = self._overview.kept(first, last)
        if column is None:
            column = await self._column(first, last)
            if column is not None and last - first + 1 == self.request.every:
                self._overview.keep(first, last, column)
        return None if column is None else [column]

    async def _column(self, first: int, last: int) -> Frame | None:
        """One frame of many: of what they had together when they passed and the last of them, or of all of them."""
        folded = self._run.column(first, last)
        if folded is None:
            return await self._read_column(first, last)
        await self._work(BLOCK_BINS)
        frames = await self._run.stretch(last, last)
        return None if frames is None else await asyncio.to_thread(self._overview.column, folded, frames[0])

    async def _read_column(self, first: int, last: int) -> Frame | None:
        """One frame of many, read some at a time: a stretch may be minutes long, and others are waiting."""
        several = self._overview.begin()
        for begin in range(first, last + 1, WORK_BINS):
            end = min(begin + WORK_BINS - 1, last)
            await self._work(end - begin + 1)
            frames = await self._run.stretch(begin, end)
            if frames is None:
                return None
            await asyncio.to_thread(several.add, frames)
        return await asyncio.to_thread(several.frame)

    async def _work(self, bins: int) -> None:
        """Wait for a turn in which so many bins may be read."""
        self._worked += bins
        if self._worked > WORK_BINS:
            await self._turns.turn(self._share)
            self._worked = bins


def checked(request: History, ready: int) -> History:
    """The request for as much of it as is there, when bins 0 to `ready` - 1 are. Raises `Refusal`."""
    last = min(request.to, ready - 1)
    if request.from_ > last:
        there = f"must be of bins 0 to {ready - 1}, from not after to" if ready else "no bin is there yet"
        raise Refusal("bad_history", f"from={request.from_}, to={request.to}: {there}")
    wanted = last // request.every - request.from_ // request.every + 1
    if wanted > MAX_HISTORY_BINS:
        raise Refusal(
            "bad_history",
            f"from={request.from_}, to={request.to}, every={request.every}: are {wanted} bins; must be at most "
            f"{MAX_HISTORY_BINS}; ask for a shorter stretch or a greater every",
        )
    return History(from_=request.from_, to=last, every=request.every)
