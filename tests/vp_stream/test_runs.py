"""Frame logs across servers: reuse, damage, another configuration, death in the middle."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest


def log_files(market: Any, serving_id: str = "srv_a") -> list[Path]:
    return sorted((market.directory / serving_id).iterdir())


def test_the_log_of_a_finished_run_is_reused_by_the_next_server(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 50, alias="demo")
    first = start()
    expected = first.play().frames
    first.server.stop()
    assert [path.suffix for path in log_files(market)] == [".vplog"]
    second = start()
    assert second.play().frames == expected == second.frames(50)
    assert feed.runs == 1


def test_another_source_or_config_gets_a_log_of_its_own(start: Any, market: Any) -> None:
    market.add("srv_a", 20, alias="demo")
    start().play()
    changed = market.add("srv_a", 20, alias="demo", seed=5)
    stage = start()
    assert stage.play().frames == stage.frames(20, seed=5)
    assert changed.runs == 1
    assert len(log_files(market)) == 2


@pytest.mark.parametrize("place", [0, 200, -1, -40, -200])
def test_a_log_damaged_at_either_end_is_made_again(start: Any, market: Any, place: int) -> None:
    feed = market.add("srv_a", 100, alias="demo")
    first = start()
    first.play()
    first.server.stop()
    (path,) = log_files(market)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)
    stage = start()
    assert stage.play().frames == stage.frames(100)
    assert feed.runs == 2


def test_a_log_damaged_in_the_middle_costs_the_client_nothing_but_time(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 100, alias="demo")
    first = start()
    first.play()
    first.server.stop()
    (path,) = log_files(market)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)
    stage = start()
    received = stage.play()
    assert received.frames == stage.frames(100)
    assert received.close_code == 1000
    assert feed.runs == 2
    stage.server.stop()
    third = start()
    assert third.play().frames == third.frames(100)
    assert feed.runs == 2


def test_a_log_that_was_cut_off_is_made_again(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 40, alias="demo")
    first = start()
    first.play()
    first.server.stop()
    (path,) = log_files(market)
    path.write_bytes(path.read_bytes()[:-1000])
    stage = start()
    assert stage.play().frames == stage.frames(40)
    assert feed.runs == 2


def test_a_run_that_was_interrupted_leaves_no_log(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 100, alias="demo", gate_at=60)
    stage = start()

    async def scenario() -> None:
        async with stage.connect("?serving=demo") as client:
            await stage.read(client, until_bin=50)
            assert [path.name[0] for path in log_files(market)] == ["."]  # under a temporary name

    asyncio.run(scenario())
    stage.server.stop()
    feed.gate.set()
    assert log_files(market) == []
    feed.gate_at = None
    again = start()
    assert again.play().frames == again.frames(100)


def test_two_servers_on_one_lake_do_not_disturb_each_other(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 60, alias="demo", gate_at=30)
    stages = [start(), start()]

    async def scenario() -> list[Any]:
        async with stages[0].connect("?serving=demo") as first, stages[1].connect("?serving=demo") as second:
            await stages[0].read(first, until_bin=20)
            await stages[1].read(second, until_bin=20)
            feed.gate.set()
            return list(await asyncio.gather(stages[0].read(first), stages[1].read(second)))

    received = asyncio.run(scenario())
    assert [r.frames for r in received] == [stages[0].frames(39, first=21)] * 2
    assert feed.runs == 2
    assert [path.suffix for path in log_files(market)] == [".vplog"]


def test_telemetry_has_a_line_for_every_bin_the_engine_made(start: Any, market: Any, tmp_path: Path) -> None:
    market.add("srv_a", 25, alias="demo")
    path = tmp_path / "latency.jsonl"
    stage = start(perf_latency_jsonl=path, perf_summary_every_bins=10)
    stage.play()
    stage.server.stop()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["bin_seq"] for line in lines if line["type"] == "bin"] == list(range(25))
    assert [line["bins"] for line in lines if line["type"] == "summary"] == [10, 10, 5]
    for line in lines:
        if line["type"] == "bin":
            moments = [line[name] for name in line if name.endswith("_ns") and name != "ts_ns"]
            assert moments == sorted(moments)
