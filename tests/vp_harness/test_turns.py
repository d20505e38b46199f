"""One at a time, whoever comes when and however they end."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from vp_harness import Dataset, ResultsStore, generate, run_experiment
from vp_harness.execution.turns import one_at_a_time

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")

HOLD = """
import pathlib, sys, time
from vp_harness.execution.turns import one_at_a_time
with one_at_a_time(pathlib.Path(sys.argv[1]), "it"):
    sys.stdout.write("held\\n"); sys.stdout.flush()
    sys.stdin.readline()
"""


@contextlib.contextmanager
def holder(path):
    """A process that has the turn until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()


def test_threads_take_turns_and_nothing_is_left(tmp_path):
    path = tmp_path / "deep" / "it.lock"
    inside, most, done = [0], [0], []

    def work():
        for _ in range(5):
            with one_at_a_time(path, "it"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.001)
                inside[0] -= 1
            done.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most[0], len(done)) == (1, 20)
    assert list(path.parent.iterdir()) == []


def test_whoever_waits_says_for_whom(tmp_path, caplog):
    path = tmp_path / "it.lock"
    with holder(path) as process:
        timer = threading.Timer(0.5, process.stdin.close)
        timer.start()
        with caplog.at_level(logging.WARNING), one_at_a_time(path, "dataset d"):
            timer.join()
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"dataset d: waiting for process {process.pid} on ")


def test_a_holder_that_is_killed_blocks_nobody(tmp_path):
    path = tmp_path / "it.lock"
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert path.exists()
        with one_at_a_time(path, "it", limit_s=30):
            pass
    assert not path.exists()


def test_a_holder_that_is_stopped_blocks_nobody_for_good(tmp_path, caplog):
    path = tmp_path / "it.lock"
    with holder(path) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            with one_at_a_time(path, "it", limit_s=0.3):
                pass
        finally:
            process.send_signal(signal.SIGCONT)
    assert "has not finished" in caplog.text


def test_where_no_lock_can_be_taken_the_work_is_done(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with one_at_a_time(tmp_path / "file" / "it.lock", "it"):
        pass
    monkeypatch.setattr("vp_harness.execution.turns._lock", lambda _: os.close(-1))
    with one_at_a_time(tmp_path / "it.lock", "it"):
        pass


def at_once(count, action):
    """The results of `count` threads that begin together."""
    results, start = [], threading.Barrier(count)

    def run():
        start.wait()
        results.append(action())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    return results


def until_three_wait(caplog: pytest.LogCaptureFixture, what: str) -> None:
    """The first of four goes on when the others have come."""
    limit = time.monotonic() + 60
    while caplog.text.count(f"{what}: waiting for") < 3 and time.monotonic() < limit:
        time.sleep(0.01)


def test_four_that_make_one_dataset_make_it_once(own, monkeypatch, caplog):
    made = []
    original = sys.modules["vp_harness.execution.generate"].scored_bins

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append(1)
        until_three_wait(caplog, f"dataset {own.dataset_id}")
        return original(*arguments, **options)

    monkeypatch.setattr(
        sys.modules["vp_harness.execution.generate"],
        "scored_bins",
        counted,
    )
    results = at_once(4, lambda: generate("small", own.lake, config_root=own.configs))
    assert results == [own.dataset_id] * 4
    assert len(made) == 1
    assert caplog.text.count(f"dataset {own.dataset_id}: waiting for") == 3
    Dataset.open(own.lake, own.dataset_id).verify()
    assert list(own.lake.turns_dir.iterdir()) == []


def test_four_that_run_one_experiment_compute_it_once(own, monkeypatch, caplog):
    research = sys.modules["vp_harness.research.experiment"]
    original = research._run_missing

    def last(*arguments: Any) -> Any:
        until_three_wait(caplog, "experiment small")
        return original(*arguments)

    monkeypatch.setattr(research, "_run_missing", last)
    results = at_once(4, lambda: run_experiment("small", own.lake, config_root=own.configs))
    assert sorted(result.computed for result in results) == [0, 0, 0, 4]
    assert len({result.run_ids for result in results}) == 1
    assert ResultsStore(own.lake).runs().height == 4
    assert len(list((own.lake.results_dir / "corrections.parquet").iterdir())) == 1
    assert caplog.text.count("experiment small: waiting for") == 3
