"""The real session through `vp live` at twenty times its speed, with all that goes wrong with a feed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.live_command import NS, World, seq, snapshot_before, start, take
from support.live_gateway import FakeGateway, Step, heartbeat, paced
from support.packages import ROOT
from support.real_session import real_session
from support.small_lake import import_market, publish_small

from vp_book import open_dbn
from vp_book.live import Recording
from vp_harness import Lake

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

SPEED = 20.0
SECONDS = int(os.environ.get("VP_LIVE_SECONDS", "30"))
"""Of the market, from 20 s before the open on; 3300 is all of it."""
OPEN_NS = 1_703_545_200 * NS
SERVING = "esh4_reopen"


@pytest.fixture
def world(tmp_path: Path) -> World:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copyfile(ROOT / "configs" / "instruments" / "esh4.yaml", tmp_path / "configs" / "instrument.yaml")
    lake = Lake(tmp_path / "lake")
    import_market(lake, tmp_path / "configs", real_session())
    publish_small(lake, tmp_path / "configs", SERVING)
    records = np.concatenate(list(open_dbn(real_session(), symbol="ESH4")))
    return World(tmp_path, records, SERVING, "ESH4", "ES")


def test_the_reopening_at_twenty_times_its_speed(world: World) -> None:
    """A slow stretch, late packets, a lost connection, kill -9 and a start anew: what clients got are the frames that
    the recordings give again, and the recordings are what was sent.
    """
    records = world.records
    begin_ns = OPEN_NS - 20 * NS

    def at(seconds: float) -> int:
        return int(np.searchsorted(records["ts_recv"], begin_ns + int(seconds * NS)))

    first, early, cut, behind, stop = at(0), at(2), at(SECONDS / 2), at(SECONDS / 2 + 5), at(SECONDS)
    swapped = records[:cut].copy()
    for i in range(first + 500, cut - 30, 1_000):  # packets that overtake one another
        swapped[i : i + 20] = swapped[i : i + 20][::-1]
    opening, again = snapshot_before(records, first).tobytes(), snapshot_before(records, behind).tobytes()

    there = threading.Semaphore(0)

    def morning(clients: int, *, lost: bool) -> Iterator[Step]:
        yield world.opening() + opening
        yield from paced(swapped[first:early], SPEED)
        for _ in range(clients):  # the rest is over in a second or two: nobody may come late
            there.acquire(timeout=30)
        middle = (first + cut) // 2
        yield from paced(swapped[early:middle], SPEED)
        yield 0.4  # nothing is heard: the clock closes bins, and what comes then is late, unless the server is behind
        yield from paced(swapped[middle:cut], SPEED)
        if lost:
            yield "close"

    def evening() -> Iterator[Step]:
        yield world.opening() + again
        yield from paced(records[behind:stop], SPEED)
        yield heartbeat()

    bins = int(SECONDS * 10 * 0.6)
    # The first server keeps its feed, however long it takes until it is killed: it would go on with the next script.
    with FakeGateway([morning(1, lost=False), morning(3, lost=True), evening()]) as gateway:
        command = start(world, gateway, "--alias", SERVING, "--port", "0")
        _, killed = asyncio.run(take(command.url, 50, SERVING, joined=there.release))
        assert command.end(signal.SIGKILL) == -signal.SIGKILL
        command = start(world, gateway, "--alias", SERVING, "--port", "0")
        try:

            async def clients() -> list[tuple[dict[str, Any], list[Any]]]:
                wanted = (bins, bins // 2, bins // 3)
                takers = (take(command.url, n, SERVING, 30 + SECONDS, there.release) for n in wanted)
                return list(await asyncio.gather(*takers))

            taken = asyncio.run(clients())
            command.patience_s = 30 + SECONDS / SPEED
            lost = command.wait_health(losses=1, connected=True, heartbeats=1)
        finally:
            code = command.end(signal.SIGTERM)
        assert code == 0
    assert len(lost["gaps"]) == 1
    before, recording = world.recordings
    expected = world.frames(before)
    assert [frame == expected[seq(frame)] for frame in killed] == [True] * 50
    (part,) = Recording(before).parts
    assert bytes(gateway.connections[0].sent).startswith(part.read_bytes())
    expected = world.frames(recording)
    for _, frames in taken:
        assert [seq(frame) for frame in frames] == list(range(seq(frames[0]), seq(frames[0]) + len(frames)))
        assert [frame == expected[seq(frame)] for frame in frames] == [True] * len(frames)
    parts = [part.read_bytes() for part in Recording(recording).parts]
    assert parts == [bytes(connection.sent) for connection in gateway.connections[1:]]
