"""A stored log that was judged once is readable at once when it is opened again, and no other log is."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import forging
from support.small_lake import import_market, promote_small, write_configs, write_small_market

from vp_contract import Frame
from vp_harness import Dataset, Lake
from vp_stream import StreamSettings, start_in_background
from vp_stream.frames.framelog import BlockCache, FrameLog, Judging
from vp_stream.frames.judging import JUDGED_LOGS_DIR, LINK_EVERY, JudgedFrames, JudgedLogs, passed_path
from vp_stream.frames.judging import logs as judged_logs
from vp_stream.frames.logfile import open_log, read_frames
from vp_stream.frames.runs import RunSpec
from vp_stream.frames.sums import PassingColumns
from vp_stream.frames.tidying import evict
from vp_stream.frames.warming import warm_log
from vp_stream.servings.published import LakeCatalogue
from vp_stream.turns import ThreadTurns, Turns

BINS = 1800


class Desk:
    """A lake with a promoted serving; `opened` is what a server that has just started finds."""

    def __init__(self, lake: Path, configs: Path) -> None:
        self.lake, self.configs = lake, configs

    def opened(self) -> RunSpec:
        return LakeCatalogue(Lake(self.lake), self.configs).open("small").run

    @property
    def records(self) -> list[Path]:
        return sorted((self.configs / "serving_versions" / JUDGED_LOGS_DIR).glob("*"))

    @property
    def settings(self) -> StreamSettings:
        return StreamSettings(lake_root=self.lake, config_root=self.configs, port=0, speed=float("inf"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judged")
    lake, configs = Lake(root / "lake"), write_configs(root / "configs")
    import_market(lake, configs, write_small_market(root / "market.dbn.zst"))
    promote_small(lake, configs)
    assert warm_log(Desk(lake.root, configs).opened()).built
    return root


@pytest.fixture
def desk(original: Path, tmp_path: Path) -> Desk:
    """With a log that `warm_log` has made, and the record of it."""
    shutil.copytree(original / "lake", tmp_path / "lake")
    shutil.copytree(original / "configs", tmp_path / "configs")
    return Desk(tmp_path / "lake", tmp_path / "configs")


class NoTurns(Turns):
    """Nobody has a turn: what can be read is what needs no judging."""

    def ask(self, begin: Callable[[], None], share: object = None) -> None:
        pass


def readable(run: RunSpec) -> int:
    """Bins of its log that can be read before any of them is judged."""

    async def look() -> int:
        assert run.judged is not None
        judging = Judging(run.judged, NoTurns(0.0), lambda error: pytest.fail(str(error)))
        log = FrameLog.load(run.path, run.key, BlockCache(), asyncio.get_running_loop(), judging)
        assert log.finished == (log.ready == BINS)
        if log.finished:
            assert (await log.frame(BINS - 1)).update
        log.close()
        return log.ready

    return asyncio.run(look())


def bent(frames: list[Frame]) -> list[Frame]:
    """Another digit in one of them, and in nothing but its signal."""
    update = frames[700].update.replace(b'"score":', b'"score":1')
    assert update != frames[700].update
    return [*frames[:700], Frame(update, frames[700].grid), *frames[701:]]


def test_a_log_that_was_made_here_is_readable_at_once(desk: Desk) -> None:
    assert len(desk.records) == 1
    assert readable(desk.opened()) == BINS


def test_without_a_record_a_log_is_judged_and_then_there_is_one(desk: Desk) -> None:
    (record,) = desk.records
    known = record.read_bytes()
    record.unlink()
    assert readable(desk.opened()) == 0
    assert not warm_log(desk.opened()).built
    assert record.read_bytes() == known
    assert readable(desk.opened()) == BINS


def test_a_server_keeps_what_it_finds_and_what_it_makes(desk: Desk, connected: Any, wait_until: Any) -> None:
    (record,) = desk.records
    known, run = record.read_bytes(), desk.opened()
    for gone in ([record], [record, run.path]):  # it judges the log, and it makes it
        for path in gone:
            path.unlink()
        with start_in_background(desk.settings) as server:
            assert connected(server).play("?serving=small").close_code == 1000
            wait_until(record.exists)
        assert record.read_bytes() == known
        assert readable(desk.opened()) == BINS


def passing_of(run: RunSpec, turns: Turns) -> tuple[list[Any], list[bytes | None], bool]:
    """The columns and links that there are when a log was opened, and whether a thread was begun for them."""

    async def look() -> tuple[list[Any], list[bytes | None], bool]:
        assert run.judged is not None
        passing = PassingColumns(run.config)
        judging = Judging(run.judged, turns, lambda error: pytest.fail(str(error)))
        before = set(threading.enumerate())  # those of other tests may still end
        log = FrameLog.load(run.path, run.key, BlockCache(), asyncio.get_running_loop(), judging, passing)
        began = bool(set(threading.enumerate()) - before)
        if not isinstance(turns, NoTurns):
            async with asyncio.timeout(60):
                while passing.column(1700, 1799) is None:
                    await asyncio.sleep(0.01)
        columns = [log.column(first, first + 99) for first in range(0, BINS, 100)]
        columns += [log.column(first, first + 599) for first in range(0, BINS, 600)]
        log.close()
        return columns, [run.judged.link_before(at) for at in range(0, BINS, LINK_EVERY)], began

    return asyncio.run(look())


def test_what_was_made_of_the_frames_of_a_known_log_is_there_at_once(desk: Desk, wait_until: Any) -> None:
    known = passing_of(desk.opened(), NoTurns(0.0))
    passed = passed_path(desk.opened().path)
    data, (record,) = passed.read_bytes(), desk.records
    assert None not in known[0]
    assert None not in known[1]
    assert not known[2]
    for damage in (data[:-1], data[:-1] + bytes([data[-1] ^ 1]), b"", None):
        passed.unlink() if damage is None else passed.write_bytes(damage)
        run = desk.opened()
        assert readable(run) == BINS
        again = passing_of(run, Turns(0.0))
        assert again == (*known[:2], True)
        wait_until(lambda: passed.is_file() and passed.read_bytes() == data)
    record.unlink()
    assert passing_of(desk.opened(), Turns(0.0)) == (*known[:2], True)
    wait_until(record.exists)


def test_what_was_made_of_the_frames_goes_with_the_log(desk: Desk) -> None:
    run = desk.opened()
    log, passed = run.path.stat().st_size, passed_path(run.path).stat().st_size
    assert evict(desk.lake, log + passed, []) == []
    assert evict(desk.lake, log + passed - 1, []) == [run.path]
    assert list(run.path.parent.iterdir()) == []


def test_a_server_sends_a_known_log_before_it_has_gone_over_it(
    desk: Desk, connected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = list(read_frames(desk.opened().path, desk.opened().key))
    monkeypatch.setattr(ThreadTurns, "wait", lambda self: False)
    with start_in_background(desk.settings) as server:
        received = connected(server).play("?serving=small")
    assert (received.close_code, received.frames) == (1000, frames)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1]",
        lambda record: {**record, "checksum": "0" * 64},
        lambda record: {**record, "head": "0" * 64},
        lambda record: {**record, "bins": BINS + 1},
        lambda record: {**record, "judges": {**record["judges"], "vp-harness": "0.0.1"}},
        lambda record: {**record, "judges": {}},
        lambda record: {**record, "more": 1},
        lambda record: {name: value for name, value in record.items() if name != "passed"},
    ],
)
def test_a_record_of_something_else_vouches_for_nothing(
    desk: Desk, damage: bytes | Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    (record,) = desk.records
    known = record.read_bytes()
    record.write_bytes(damage if isinstance(damage, bytes) else json.dumps(damage(json.loads(known))).encode())
    assert readable(desk.opened()) == 0
    assert not warm_log(desk.opened()).built
    assert record.read_bytes() == known


def test_a_forged_log_under_the_record_of_the_true_one_is_made_again(desk: Desk, connected: Any) -> None:
    run = desk.opened()
    frames, (record,) = list(read_frames(run.path, run.key)), desk.records
    known = record.read_bytes()
    forging.write_log(run.path, run.key, bent(frames))
    assert readable(desk.opened()) == 0
    with start_in_background(desk.settings) as server:
        received = connected(server).play("?serving=small")
    assert (received.close_code, received.frames) == (1000, frames)
    assert list(read_frames(run.path, run.key)) == frames
    assert record.read_bytes() == known


def test_a_known_log_that_rots_is_made_again(desk: Desk, connected: Any) -> None:
    run = desk.opened()
    frames = list(read_frames(run.path, run.key))
    data = bytearray(run.path.read_bytes())
    data[len(data) // 2] ^= 1
    run.path.write_bytes(data)
    with start_in_background(desk.settings) as server:
        received = connected(server).play("?serving=small")
    assert (received.close_code, received.frames) == (1000, frames)


def test_a_record_that_lies_is_found_out_when_the_frames_pass(desk: Desk, connected: Any, wait_until: Any) -> None:
    """Who writes beside the published versions vouches for logs; frames that pass are held to the chain still."""
    run = desk.opened()
    passed_path(run.path).unlink()
    frames, (record,) = list(read_frames(run.path, run.key)), desk.records
    known = record.read_bytes()
    other = frames[700]._replace(update=frames[700].update.replace(b'"trade_count":', b'"trade_count":1'))
    forging.write_log(run.path, run.key, [*frames[:700], other, *frames[701:]])
    stored = open_log(run.path, run.key)
    stored.reader.close()
    record.write_bytes(json.dumps({**json.loads(known), "checksum": stored.checksum}).encode())
    with start_in_background(desk.settings) as server:
        connected(server).play("?serving=small")
        wait_until(lambda: record.read_bytes() == known)
        assert connected(server).play("?serving=small").frames == frames


def test_where_no_record_can_be_written_this_process_knows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (record,) = desk.records
    record.unlink()

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(judged_logs, "replace_file", full)
    run = desk.opened()
    with caplog.at_level(logging.WARNING):
        assert not warm_log(run).built
    assert "is not kept, so it will be judged again" in caplog.text
    assert readable(run) == BINS
    assert readable(desk.opened()) == 0


def test_frames_without_marks_that_somebody_vouches_for_are_not_remembered(desk: Desk) -> None:
    (record,) = desk.records
    record.unlink()
    catalogue = LakeCatalogue(Lake(desk.lake), desk.configs)
    spec, run = catalogue.published("small"), desk.opened()
    dataset_files = {**spec.source.dataset_files, "bins.parquet": "0" * 64}
    assert run.judged is not None
    dataset = Dataset.open(Lake(desk.lake), spec.source.dataset_id)
    logs = JudgedLogs(record.parent)
    unsure = JudgedFrames(dataset, spec.runtime, catalogue.checked(spec), dataset_files, logs)
    assert warm_log(replace(run, judged=unsure)).built
    assert desk.records == []
