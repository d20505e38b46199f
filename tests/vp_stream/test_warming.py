"""`warm_log`: the log a client would have waited for, byte for byte, made once and checked when it is there."""

from __future__ import annotations

from typing import Any

import pytest

from vp_stream import EngineError, LogDamagedError
from vp_stream.frames.logfile import read_frames
from vp_stream.frames.warming import WarmLog, warm_log


def test_the_log_is_the_one_the_server_would_make(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 50, alias="demo")
    stage = start()
    stage.play()
    spec = market.open("demo").run
    wait_until(spec.path.exists)
    made_by_server = spec.path.read_bytes()
    spec.path.unlink()
    steps: list[tuple[int, int]] = []
    assert warm_log(spec, progress=lambda done, total: steps.append((done, total))) == WarmLog(
        spec.path, 50, built=True
    )
    assert spec.path.read_bytes() == made_by_server
    assert [done for done, _ in steps] == [16, 32, 48]
    assert [path.name for path in spec.path.parent.iterdir()] == [spec.path.name]


def test_a_whole_log_is_left_and_a_warm_one_is_served_without_an_engine(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 20, alias="demo")
    spec = market.open("demo").run
    warm_log(spec)
    before = spec.path.stat().st_mtime_ns
    assert warm_log(spec) == WarmLog(spec.path, 20, built=False)
    stage = start()
    assert stage.play().frames == stage.frames(20)
    assert (spec.path.stat().st_mtime_ns, feed.runs) == (before, 1)


@pytest.mark.parametrize("at", [3, 2000, -3])
def test_a_damaged_log_is_made_again(market: Any, at: int) -> None:
    market.add("srv_a", 40, alias="demo")
    spec = market.open("demo").run
    warm_log(spec)
    whole = spec.path.read_bytes()
    bent = bytearray(whole)
    bent[at] ^= 1
    spec.path.write_bytes(bent)
    with pytest.raises(LogDamagedError):
        list(read_frames(spec.path, spec.key))
    assert warm_log(spec).built
    assert spec.path.read_bytes() == whole


def test_a_feed_that_fails_leaves_nothing(market: Any) -> None:
    market.add("srv_a", 40, alias="demo", fail_at=20, error=EngineError("the raw file is damaged"))
    spec = market.open("demo").run
    with pytest.raises(EngineError, match="damaged"):
        warm_log(spec)
    assert list(spec.path.parent.iterdir()) == []
