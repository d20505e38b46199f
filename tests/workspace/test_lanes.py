"""Steps of `.ci` that run side by side: whole output, an end at the first failure, and nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.packages import ROOT

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None or os.name != "posix", reason="scripts of bash, process groups of POSIX")
HEAD = f"""
set -euo pipefail
. {ROOT / ".ci" / "lanes"}
trap end_steps EXIT
for step in one two three; do HEADING[$step]="step $step"; done
"""
WITH_CHILDREN = """
two() {
  sleep 600 &
  echo $! >child
  sleep 600
}
"""


def start(folder: Path, body: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BASH), "-c", HEAD + body],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    """Exit code, what was printed under each heading (with its times taken off), and what bash itself complains of."""
    out, err = process.communicate(timeout=60)
    return process.returncode, re.sub(r" \(\d+ s to \d+ s\)", "", out).split("\n== ")[1:], err


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(path: Path) -> int:
    """The number that a step writes to a file."""
    until = time.monotonic() + 60
    while not (path.is_file() and path.read_text().endswith("\n")):
        assert time.monotonic() < until
        time.sleep(0.02)
    return int(path.read_text())


def test_what_runs_side_by_side_is_printed_one_after_the_other(tmp_path: Path) -> None:
    body = """
one() { echo 1a; until [ -e third ]; do sleep 0.01; done; echo 1b >&2; }
two() { echo 2a; until [ -s first ]; do sleep 0.01; done; echo 2b; }
three() { touch third; echo 3; }
begin() { echo begun >first; one; }
HEADING[begin]="step one"
side_by_side "begin" "two three"
echo after
"""
    code, steps, err = finish(start(tmp_path, body))
    assert (code, err) == (0, "")
    assert steps[0] == "step two\n2a\n2b\n"
    assert sorted(step.removesuffix("after\n") for step in steps[1:]) == ["step one\n1a\n1b\n", "step three\n3\n"]
    assert steps[2].endswith("after\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "third"]


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks for processes in /proc")
def test_the_first_failure_is_named_and_ends_the_others_with_their_children(tmp_path: Path) -> None:
    body = (
        WITH_CHILDREN
        + """
one() { until [ -s child ]; do sleep 0.01; done; echo before; (exit 7); echo behind; }
three() { touch reached; }
side_by_side "one three" "two"
touch reached
"""
    )
    code, steps, err = finish(start(tmp_path, body))
    assert (code, err) == (7, "")
    assert steps == ["step one\nbefore\n", "FAILED with 7: step one\n"]
    assert not is_running(wait_for(tmp_path / "child"))
    assert [path.name for path in tmp_path.iterdir()] == ["child"]


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_them(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, WITH_CHILDREN + "one() { sleep 600; }\nside_by_side one two\ntouch reached\n")
    child = wait_for(tmp_path / "child")
    process.send_signal(number)
    assert finish(process)[0] == 128 + number
    assert not is_running(child)
    assert [path.name for path in tmp_path.iterdir()] == ["child"]


def test_every_step_of_the_run_has_a_heading_and_is_run() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    defined = set(re.findall(r"^(\w+)\(\) ", script, re.MULTILINE)) - {"step"}
    lanes = re.findall(r'^side_by_side (".*")$', script, re.MULTILINE)
    named = [step for lane in lanes for step in lane.replace('"', "").split()]
    assert defined == set(re.findall(r"^HEADING\[(\w+)\]=", script, re.MULTILINE)) == set(named)
    assert len(named) == len(set(named))
