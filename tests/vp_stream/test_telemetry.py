"""The latency file: its lines, its window, its summaries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import pytest

from vp_stream.errors import SettingsError
from vp_stream.telemetry import BinTiming, LatencyLog, parse_et


def timing(bin_seq: int, *, at: str = "2026-02-06T14:30:00", took_us: int = 100) -> BinTiming:
    start = 1_000_000 * bin_seq
    return BinTiming(
        serving_id="srv_x",
        bin_seq=bin_seq,
        ts_ns=int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 1_000_000_000,
        first_ingest_ns=start,
        last_ingest_ns=start + 1000 * took_us,
        grid_ready_ns=start + 1000 * (took_us + 50),
        queue_put_start_ns=start + 1000 * (took_us + 51),
        queue_put_done_ns=start + 1000 * (took_us + 60),
    )


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_holds_the_moments_and_their_differences(tmp_path: Path) -> None:
    log = LatencyLog(tmp_path / "deep" / "latency.jsonl")
    log.bin_made(timing(3))
    log.close()
    line = lines_of(tmp_path / "deep" / "latency.jsonl")[0]
    assert line["type"] == "bin"
    assert line["bin_seq"] == 3
    assert line["first_ingest_to_grid_ready_us"] == 150.0
    assert line["last_ingest_to_grid_ready_us"] == 50.0
    assert line["grid_ready_to_queue_put_done_us"] == 10.0
    assert line["queue_block_us"] == 9.0
    assert line["first_ingest_to_queue_put_done_us"] == 160.0


def test_a_summary_comes_every_n_bins_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "latency.jsonl"
    log = LatencyLog(path, summary_every_bins=100)
    for bin_seq in range(150):
        log.bin_made(timing(bin_seq, took_us=bin_seq % 100 + 1))
    log.close()
    summaries = [line for line in lines_of(path) if line["type"] == "summary"]
    assert [summary["bins"] for summary in summaries] == [100, 50]
    assert summaries[0]["first_ingest_to_grid_ready_us"] == {"p50": 100.0, "p95": 145.0, "p99": 149.0}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_costs_lines_and_no_stream(start: Any, market: Any, caplog: pytest.LogCaptureFixture) -> None:
    market.add("srv_a", 30, alias="demo")
    stage = start(perf_latency_jsonl=Path("/dev/full"))
    received = stage.play()
    assert (received.close_code, received.frames) == (1000, stage.frames(30))
    assert "vp_stream_telemetry_dropped_total 30.0" in stage.get("/metrics").text
    stage.server.stop()
    assert [record.message for record in caplog.records if "telemetry" in record.message] == [
        "telemetry cannot be written and is left out from here on: No space left on device"
    ]


class AlmostFull:
    """A file that takes this many bytes more, and everything once there is room."""

    def __init__(self, room: int) -> None:
        self.room, self.data, self.closed = room, b"", False

    def write(self, data: bytes) -> int:
        taken = data[: self.room]
        self.room -= len(taken)
        self.data += taken
        return len(taken)


def test_a_torn_line_spoils_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = LatencyLog(tmp_path / "latency.jsonl")
    log._file.close()
    log._file = file = AlmostFull(500)  # type: ignore[assignment]
    for bin_seq in range(3):
        log.bin_made(timing(bin_seq))
    file.room = 10_000
    log.bin_made(timing(3))
    log.bin_made(timing(4))
    lines = file.data.split(b"\n")
    assert [json.loads(lines[i])["bin_seq"] for i in (0, -3, -2)] == [0, 3, 4]
    assert len(lines) == 5
    assert log.dropped == 2
    assert len(caplog.records) == 1


def test_only_bins_in_the_new_york_window_are_written(tmp_path: Path) -> None:
    path = tmp_path / "latency.jsonl"
    log = LatencyLog(path, window_start=clock_time(9, 30), window_end=clock_time(9, 31))
    for bin_seq, at in enumerate(
        ["2026-02-06T14:29:59", "2026-02-06T14:30:00", "2026-02-06T14:30:59", "2026-02-06T14:31:00"]
    ):
        log.bin_made(timing(bin_seq, at=at))
    log.close()
    assert [line["bin_seq"] for line in lines_of(path) if line["type"] == "bin"] == [1, 2]


def test_runs_append_to_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "latency.jsonl"
    for bin_seq in range(2):
        log = LatencyLog(path)
        log.bin_made(timing(bin_seq))
        log.close()
        log.bin_made(timing(9))  # an engine that outlives the server writes no more
    assert [line["bin_seq"] for line in lines_of(path) if line["type"] == "bin"] == [0, 1]


@pytest.mark.parametrize("text", ["9:30", "24:00", "09:60", "0930", "", "09:3o", "٠٩:٣٠"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="perf_window_start_et"):
        parse_et(text, "perf_window_start_et")


def test_impossible_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="summary"):
        LatencyLog(tmp_path / "a", summary_every_bins=0)
    with pytest.raises(SettingsError, match="must be before perf_window_end_et"):
        LatencyLog(tmp_path / "a", window_start=clock_time(10), window_end=clock_time(9))
    with pytest.raises(SettingsError, match="cannot be written"):
        LatencyLog(tmp_path)
