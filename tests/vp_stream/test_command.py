"""The `vp-stream` command and the settings behind it."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from vp_stream import SettingsError, StreamSettings, VpStreamError, start_in_background
from vp_stream.clients.transport import listen
from vp_stream.main import main
from vp_stream.options import OPTIONS, settings_of
from vp_stream.server import url_of

ROOT = Path(__file__).resolve().parents[2]
FIXED = (
    "--host",
    "--port",
    "--lake-root",
    "--config-root",
    "--web-root",
    "--speed",
    "--max-clients",
    "--allow-origin",
    "--perf-latency-jsonl",
    "--perf-window-start-et",
    "--perf-window-end-et",
    "--perf-summary-every-bins",
)


def make_settings(tmp_path: Path, **options: Any) -> StreamSettings:
    return StreamSettings(lake_root=tmp_path, config_root=tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"speed": 0.0}, "speed"),
        ({"speed": math.nan}, "speed"),
        ({"port": 65536}, "port"),
        ({"max_clients": 0}, "max_clients"),
        ({"max_clients_per_address": 0}, "max_clients_per_address"),
        ({"perf_summary_every_bins": 0}, "perf_summary_every_bins"),
        ({"dead_peer_s": math.inf}, "dead_peer_s"),
        ({"max_lag_s": 0.0}, "max_lag_s"),
        ({"shutdown_s": -1.0}, "shutdown_s"),
        ({"allow_origins": ("*",)}, "allow_origin"),
        ({"perf_window_start_et": "9:30"}, "perf_window_start_et"),
        ({"perf_window_end_et": "16"}, "perf_window_end_et"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        make_settings(tmp_path, **options)


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    for option in FIXED:
        assert re.search(rf"{option}\b", text)
    documented = (ROOT / "docs" / "stream.md").read_text()
    for option in set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help"}:
        assert option in documented, f"docs/stream.md does not mention {option}"


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--speed", "fast"], ["--no-such-option"], ["extra"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_setting_that_cannot_be_is_one_line_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--speed", "0"]) == 1
    assert capsys.readouterr().err == "vp-stream: speed=0.0: must be above 0; inf means no pacing\n"


def test_a_port_in_use_is_named(tmp_path: Path, market: Any) -> None:
    with listen("127.0.0.1", 0, dead_peer_s=1.0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"host=.127.0.0.1., port={port}: cannot be listened on"):
            start_in_background(make_settings(tmp_path, port=port), catalogue=market)


def test_accepted_sockets_do_not_hold_back_small_segments() -> None:
    with listen("127.0.0.1", 0, dead_peer_s=1.0) as listener:
        # asyncio turns Nagle's algorithm off for what says it is TCP, and what is accepted says what its listener says
        assert listener.proto == socket.IPPROTO_TCP


def test_a_host_that_is_not_here_is_named(tmp_path: Path, market: Any) -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        start_in_background(make_settings(tmp_path, host="192.0.2.1", port=0), catalogue=market)


def test_a_telemetry_file_that_cannot_be_written_is_named_before_anything_starts(tmp_path: Path, market: Any) -> None:
    with pytest.raises(VpStreamError, match="perf_latency_jsonl"):
        start_in_background(make_settings(tmp_path, port=0, perf_latency_jsonl=tmp_path), catalogue=market)


def test_addresses_are_written_as_a_browser_takes_them() -> None:
    assert url_of("127.0.0.1", 8002) == "http://127.0.0.1:8002"
    assert url_of("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert url_of("::1", 8002) == "http://[::1]:8002"


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_serves_and_stops_on_a_signal(tmp_path: Path, number: int) -> None:
    arguments = ["--port", "0", "--lake-root", str(tmp_path / "none"), "--config-root", str(tmp_path)]
    command = [sys.executable, "-c", "import sys; from vp_stream.main import main; sys.exit(main())", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            found = re.match(r"serving (http://127\.0\.0\.1:\d+)/ ", line)
            if found is None:
                process.kill()
                pytest.fail(f"first line {line!r}, then {process.stderr.read()}")
            response = httpx.get(found[1] + "/v1/servings", timeout=30)
            assert response.status_code == 503
            assert response.json()["code"] == "unavailable"
            process.send_signal(number)
            assert process.wait(10) == 0
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_version_is_the_newest_release_of_the_changelog() -> None:
    changelog = (ROOT / "apps" / "vp-stream" / "CHANGELOG.md").read_text()
    entry = re.search(r"^## (\d\S+)", changelog, re.MULTILINE)
    assert entry
    assert entry[1] == version("vp-stream")


def test_every_option_is_a_setting_or_makes_one() -> None:
    defaults = {option.name: option.default if option.parse is None else option.parse("1") for option in OPTIONS}
    settings = settings_of(defaults)
    assert (settings.speed, settings.max_log_bytes, settings.port) == (1.0, 1024**3, 8002)
    made = {"token_file": "token", "max_log_gib": "max_log_bytes"}
    made |= {"allow_origin": "allow_origins", "allow_host": "allow_hosts"}
    fields = {made.get(option.name, option.name) for option in OPTIONS} - {"log_format"}
    assert fields <= {field.name for field in dataclasses.fields(StreamSettings)}
