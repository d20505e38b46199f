"""Experiments that are started over HTTP: followed to their end, stopped, and never outliving the server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from vp_harness import Lake, ResultsStore
from vp_stream import StreamSettings, start_in_background
from vp_stream.http.research.answers import Started

Researched = tuple[Lake, Path, str]
SPEC = """
name: more
serving: small
eval: {warmup_bins: 100, tp_ticks: 3, sl_ticks: 2, max_hold_bins: 100, cooldown_bins: 5, min_signals: 2}
sweep:
  per_signal:
    derivative: {zscore_window_bins: %s, thresholds: [0.1]}
"""
ONE, MANY = SPEC % "[100]", SPEC % list(range(60, 180))


@pytest.fixture
def copy(researched: Researched, tmp_path: Path) -> Researched:
    lake, configs, run_id = researched
    shutil.copytree(lake.root, tmp_path / "lake")
    shutil.copytree(configs, tmp_path / "configs")
    return Lake(tmp_path / "lake"), tmp_path / "configs", run_id


def settings_of(copy: Researched) -> StreamSettings:
    return StreamSettings(lake_root=copy[0].root, config_root=copy[1], port=0)


def post(url: str, path: str, **body: object) -> httpx.Response:
    return httpx.post(f"{url}/v1/experiments/{path}", json=body, timeout=30)


def events(url: str) -> Iterator[dict[str, Any]]:
    with httpx.stream("GET", f"{url}/v1/experiments/started/events", timeout=120) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def pid_of(caplog: pytest.LogCaptureFixture) -> int:
    """The process that was started last."""
    return int(re.findall(r"was started over HTTP as process (\d+)", caplog.text)[-1])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_experiment_is_followed_to_its_end(copy: Researched) -> None:
    with start_in_background(settings_of(copy)) as server:
        assert [state["state"] for state in events(server.url)] == ["idle"]
        specs = httpx.get(f"{server.url}/v1/experiments/specs").json()["experiments"]
        assert [(spec["name"], spec["text"].strip()[:11]) for spec in specs] == [("small", "name: small")]
        begun = post(server.url, "start", yaml=ONE)
        assert begun.status_code == 200, begun.text
        assert (begun.json()["state"], begun.json()["experiment"]) == ("running", "more")
        second = post(server.url, "start", yaml=ONE)
        assert (second.status_code, second.json()["code"]) == (409, "running")
        seen = list(events(server.url))
        assert set(seen[0]) == set(Started.__struct_fields__)
        assert (seen[0]["state"], seen[-1]["state"]) == ("running", "done"), seen[-1]
        assert (seen[-1]["computed"], seen[-1]["resumed"]) == (1, 0)
        assert ResultsStore(copy[0]).run(seen[-1]["runs"][0]).experiment == "more"
        assert httpx.get(f"{server.url}/v1/experiments/started").json() == seen[-1]
        idle = post(server.url, "stop")
        assert (idle.status_code, idle.json()["code"]) == (409, "not_running")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "experiment.yaml:"),
        (ONE.replace("serving: small", "serving: nothing"), "nothing"),
        (ONE.replace("derivative:", "magic:"), "magic"),
        (ONE + "\nbogus: 1\n", "bogus"),
    ],
)
def test_a_spec_that_does_not_hold_starts_nothing(copy: Researched, tmp_path: Path, text: str, said: str) -> None:
    with start_in_background(settings_of(copy)) as server:
        refused = post(server.url, "start", yaml=text)
        assert (refused.status_code, refused.json()["code"]) == (409, "bad_experiment")
        assert said in refused.json()["message"]
        assert str(tmp_path) not in refused.text
        assert httpx.get(f"{server.url}/v1/experiments/started").json()["state"] == "idle"


@pytest.mark.skipif(os.name != "posix", reason="asks for processes by their id")
def test_it_can_be_stopped_and_ends_with_the_server(
    copy: Researched, caplog: pytest.LogCaptureFixture, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    caplog.set_level("INFO", "vp_stream")
    with start_in_background(settings_of(copy)) as server:
        assert post(server.url, "start", yaml=MANY).status_code == 200
        pid = pid_of(caplog)
        stopped = post(server.url, "stop")
        assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
        wait_until(lambda: not is_running(pid))
        assert post(server.url, "start", yaml=MANY).json()["state"] == "running"
        pid = pid_of(caplog)
        assert is_running(pid)
        for state in events(server.url):
            if state["what"] != "starting":
                break
        assert state["state"] == "running"
    wait_until(lambda: not is_running(pid))


@pytest.mark.skipif(os.name != "posix", reason="a signal ends it")
def test_it_ends_when_the_server_was_killed(copy: Researched) -> None:
    """Nothing tells it: the other end of its input is gone."""
    command = [sys.executable, "-m", "vp_stream.http.research.worker", str(copy[0].root), str(copy[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(MANY).encode() + b"\n")
        process.stdin.flush()
        assert b"progress" in process.stdout.readline()
        process.stdin.close()
        begun = time.monotonic()
        assert process.wait(30) != 0
        print(f"it ended after {time.monotonic() - begun:.1f} s")


def test_another_page_starts_and_stops_nothing(copy: Researched) -> None:
    with start_in_background(settings_of(copy)) as server:
        for path in ("start", "stop"):
            foreign = httpx.post(
                f"{server.url}/v1/experiments/{path}", json={}, headers={"origin": "https://evil.example"}
            )
            assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
            assert httpx.get(f"{server.url}/v1/experiments/{path}").status_code == 405
