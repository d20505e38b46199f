"""Columns that are made of bins as these pass are those that reading the bins makes."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.column_golden import CONFIG, RADIUS, TICK, random_bin
from support.judges import Sole

from vp_contract import Frame, History, RuntimeConfig, decode_grid, grid_schema, levels_of
from vp_stream.clients.history import SHORTEST_REST_S, LookBack
from vp_stream.frames.framelog import BlockCache, FrameLog, Judging
from vp_stream.frames.logfile import BLOCK_BINS, LogKey
from vp_stream.frames.overview import Overview
from vp_stream.frames.sums import PassingColumns, Sums, column_of, volumes_reader
from vp_stream.turns import Share, Turns

KEY = LogKey(serving_id="srv_x", config_hash="c", source_sha256="s", digests={}, contract_version="1.1")
HIGHS, LOWS = ("bid_high_price_int", "ask_high_price_int"), ("bid_low_price_int", "ask_low_price_int")
VOLUMES = ("buy_volume", "sell_volume")
SUMMED = ("bin_event_count", "trade_count", *VOLUMES)
KINDS, SIDES = ("iceberg", "sweep", "large", "pull", "spoof"), ("buy", "sell", "none")
STEPS = st.tuples(
    st.sampled_from([0, 0, 0, 1, -1, 3, -7, 60, -60]),  # cells
    st.sampled_from([0, 0, 0, 1, -1, TICK - 1]),  # and what is no whole one
    st.sampled_from(["", "", "q", "u", "n", "b", "m", "o", "qn", "uo"]),
)


def market(
    seed: int, count: int, steps: Sequence[tuple[int, int, str]] = (), config: RuntimeConfig = CONFIG
) -> list[Frame]:
    """Bins whose window moves, and comes back, with the oddities that `random_bin` knows: no quotes, no trades, …"""
    rng = np.random.default_rng(seed)
    frames, spot = [], 20 * TICK
    for seq in range(count):
        cells, apart, how = steps[seq % len(steps)] if steps else (int(rng.integers(-1, 2)), 0, "")
        spot += cells * TICK
        frames.append(random_bin(rng, seq, spot + apart, how, config))
    return frames


def plain(frames: Sequence[Frame]) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The update and the volumes of several bins as one, looked up bin by bin and cell by cell."""
    updates = [json.loads(frame.update) for frame in frames]
    last = updates[-1]
    quoted = [update for update in updates if any(update[name] != "0" for name in (*HIGHS, *LOWS))]
    column = {**last, "bin_start_ns": updates[0]["bin_start_ns"], "history": True, "every": len(frames)}
    column |= {name: sum(update[name] for update in updates) for name in SUMMED}
    for names, pick in ((HIGHS, max), (LOWS, min)):
        column |= {name: str(pick((int(update[name]) for update in quoted), default=0)) for name in names}
    told = [update["marks"] for update in updates if "marks" in update]
    if told:
        column["marks"] = sorted(itertools.chain(*told), key=rank)[:16]
    grids = [decode_grid(frame.grid) for frame in frames]
    volumes = {name: grids[-1][name].tolist() for name in VOLUMES}
    for update, grid in zip(updates[:-1], grids[:-1], strict=True):
        moved = (int(update["spot_ref_price_int"]) - int(last["spot_ref_price_int"])) // TICK
        if update["buy_volume"] or update["sell_volume"]:
            for name, row in itertools.product(VOLUMES, range(2 * RADIUS + 1)):
                if 0 <= row + moved <= 2 * RADIUS:
                    volumes[name][row + moved] += int(grid[name][row])
    return column, volumes


def rank(mark: dict[str, Any]) -> tuple[int, ...]:
    return (
        -mark["size"],
        KINDS.index(mark["kind"]),
        int(mark["price_int"]),
        SIDES.index(mark["side"]),
        mark["detail"],
    )


def assert_is_plain(column: Frame, frames: Sequence[Frame]) -> None:
    update, volumes = plain(frames)
    assert json.loads(column.update) == update
    grid, of_last = decode_grid(column.grid), decode_grid(frames[-1].grid)
    assert {name: grid[name].tolist() for name in VOLUMES} == volumes
    for name in set(grid) - set(VOLUMES):
        np.testing.assert_array_equal(grid[name], of_last[name])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(STEPS, min_size=1, max_size=12),
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
)
def test_sums_of_parts_are_the_sums_of_all_bins(seed: int, steps: list[tuple[int, int, str]], parts: list[int]) -> None:
    frames = market(seed, sum(parts), steps)
    schema = grid_schema(CONFIG)
    grids = volumes_reader(schema)
    merged, rest = Sums(CONFIG.cell_int, grids), iter(frames)
    for bins in parts:
        part = Sums(CONFIG.cell_int, grids)
        for frame in itertools.islice(rest, bins):
            part.add(frame)
        merged.merge(part)
    column = column_of(schema, merged.folded(CONFIG.grid_rows), frames[-1])
    assert column == Overview(CONFIG).one_of(frames)
    assert_is_plain(column, frames)


@pytest.mark.parametrize(
    ("bin_ms", "count", "steps"), [(700, 900, "wild"), (1000, 650, "wild"), (1000, 310, "calm"), (20_000, 100, "wild")]
)
def test_columns_made_in_passing_are_those_made_by_reading(bin_ms: int, count: int, steps: str) -> None:
    config = msgspec.structs.replace(CONFIG, cell_width_ms=bin_ms, projection_horizons_ms=(bin_ms,))
    rng = np.random.default_rng(bin_ms)
    hows = ["", "q", "u", "n", "b", "m", "o"]
    wild = [
        (int(rng.integers(-9, 10)), int(rng.integers(-1, 2)), str(rng.choice(hows)))
        for _ in range(100 if steps == "wild" else 0)
    ]
    frames, passing, overview = market(bin_ms, count, wild, config), PassingColumns(config), Overview(config)
    known = 0
    for seq, frame in enumerate(frames):
        passing.add(frame)
        for every in levels_of(bin_ms):
            first = seq + 1 - every
            folded = passing.column(first, seq) if first >= 0 else None
            assert (folded is not None) == (every > 2 * BLOCK_BINS and (seq + 1) % every == 0)
            if folded is not None:
                known += 1
                column = overview.column(folded, frame)
                assert column == overview.one_of(frames[first : seq + 1])
                assert_is_plain(column, frames[first : seq + 1])
    assert known == sum(count // every for every in levels_of(bin_ms) if every > 2 * BLOCK_BINS)


def test_what_no_level_asks_for_is_not_kept() -> None:
    passing = PassingColumns(CONFIG)
    for frame in market(1, 210):
        passing.add(frame)
    assert passing.column(100, 199) is not None
    asked = [(0, 9), (0, 98), (1, 100), (50, 149), (200, 299), (0, 199), (0, 0)]
    assert [passing.column(*bins) for bins in asked] == [None] * len(asked)


def test_the_finest_columns_go_where_there_is_no_room() -> None:
    frames = market(2, 650)
    roomy = PassingColumns(CONFIG)
    for frame in frames:
        roomy.add(frame)
    assert roomy.column(0, 99) is not None
    tight = PassingColumns(CONFIG, max_bytes=roomy.held_bytes // 2)
    for frame in frames:
        tight.add(frame)
        assert tight.held_bytes <= roomy.held_bytes // 2
    assert tight.column(0, 99) is None
    assert tight.column(0, 599) == roomy.column(0, 599) is not None
    none = PassingColumns(CONFIG, max_bytes=0)
    for frame in frames:
        none.add(frame)
    assert (none.column(0, 99), none.held_bytes, none.column(0, 599)) == (None, 0, None)


class Agreeing:
    def check(self, frame: Frame) -> None:
        """It is the one that is due."""

    def finish(self) -> None:
        """None is missing."""


def test_a_log_has_the_columns_of_frames_that_were_written_or_judged(tmp_path: Path) -> None:
    frames = market(3, 650)

    async def scenario() -> None:
        loop, columns = asyncio.get_running_loop(), []
        written = FrameLog.create(tmp_path / "log", KEY, BlockCache(), loop, PassingColumns(CONFIG))
        assert written.column(0, 99) is None
        for frame in frames:
            written.append(frame)
        written.finish()
        judging = Judging(Sole(Agreeing()), Turns(0.0, 0.02), lambda error: pytest.fail(str(error)))
        stored = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop, judging, PassingColumns(CONFIG))
        async with asyncio.timeout(20):
            while not stored.finished:
                changed = asyncio.Event()
                stored.call_on_change(changed.set)
                await changed.wait()
        for log in (written, stored):
            columns.append([log.column(first, first + 99) for first in range(0, 600, 100)] + [log.column(0, 599)])
        assert columns[0] == columns[1]
        assert None not in columns[0]
        unjudged = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop)
        assert unjudged.column(0, 99) is None
        for log in (written, stored, unjudged):
            log.close()

    asyncio.run(scenario())


def test_of_a_column_that_was_made_in_passing_the_last_bin_alone_is_read() -> None:
    frames = market(4, 650)
    passing = PassingColumns(CONFIG)
    for frame in frames:
        passing.add(frame)

    class Run:
        def __init__(self) -> None:
            self.read: list[tuple[int, int]] = []
            self.column = passing.column

        async def stretch(self, first: int, last: int) -> list[Frame] | None:
            self.read.append((first, last))
            return frames[first : last + 1]

    async def scenario() -> tuple[list[Frame], Run]:
        run, wake, sent = Run(), asyncio.Event(), []
        request = History(from_=0, to=649, every=100)
        look_back = LookBack(request, run, Overview(CONFIG), Turns(SHORTEST_REST_S), wake.set, Share())  # type: ignore[arg-type]
        while not look_back.over:
            await wake.wait()
            wake.clear()
            sent += [frame for frame in iter(look_back.take, None) if frame is not None]
        return sent, run

    sent, run = asyncio.run(scenario())
    bounds = [(600, 649), *((first, first + 99) for first in range(500, -1, -100))]
    assert sent == [Overview(CONFIG).one_of(frames[first : last + 1]) for first, last in bounds]
    assert run.read == [(600, 649), *((last, last) for _, last in bounds[1:])]
