"""Executors: what is refused, and what happens when a worker dies or a task fails in another process."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest

from vp_contract import ParallelSpec, load_campaign
from vp_harness.errors import ExecutorError
from vp_harness.execution.executors import call_elsewhere, executor_of, in_order, installed, parallel_of


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("cloud", None, None), "cloud"),
        ((None, 0, None), "workers"),
        (("local", 2, "tcp://127.0.0.1:1"), "address"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given, message):
    with pytest.raises(ExecutorError, match=message):
        parallel_of(ParallelSpec(), *given)


def test_options_go_before_the_spec():
    spec = ParallelSpec(executor="dask", workers=3, address="tcp://127.0.0.1:1")
    assert parallel_of(spec, None, None, None) == spec
    assert parallel_of(spec, "processes", None, None) == ParallelSpec(executor="processes", workers=3)
    assert parallel_of(spec, None, None, "tcp://127.0.0.1:2").address == "tcp://127.0.0.1:2"


def test_results_come_in_the_order_of_submission():
    assert run_all(ParallelSpec(workers=3), *[(divmod, n, 3) for n in range(9)]) == [divmod(n, 3) for n in range(9)]


def run_all(spec, *calls):
    with executor_of(spec) as pool:
        return list(in_order([pool.submit(*call) for call in calls]))


ENDLESS = """
import os, threading
import polars as pl
from vp_contract import ParallelSpec
from vp_harness.execution.executors import executor_of, in_order

pl.DataFrame({"a": [1, 2]}).lazy().filter(pl.col("a") > 1).collect()  # has polars listen to interrupts too
with executor_of(ParallelSpec(workers=1)) as pool:
    pool.submit(print, "begun", flush=True).result()
    try:
        list(in_order([pool.submit(threading.Event().wait)]))
    except KeyboardInterrupt:
        print("heard", flush=True)
        os._exit(130)  # an exit would wait for the task
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_an_interrupt_is_heard_while_a_task_never_ends():
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.3)  # now it waits for the task
        process.send_signal(signal.SIGINT)
        heard = process.communicate(timeout=120)[0]
    finally:
        process.kill()
        process.wait()
    assert (heard, process.returncode) == ("heard\n", 130)


SPAWNING = """
import signal
from vp_contract import ParallelSpec
from vp_harness.execution.executors import executor_of, in_order

with executor_of(ParallelSpec(executor="processes", workers=2)) as pool:
    blocked = [pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()) for _ in range(2)]
    assert all(signal.SIGINT in found for found in in_order(blocked)), "a worker can be interrupted"
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()), "this process cannot"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no masks of signals")
def test_worker_processes_are_started_deaf_to_interrupts(tmp_path):
    """From their first moment on: one that is interrupted while it imports says so with a traceback."""
    script = tmp_path / "spawning.py"
    script.write_text("if __name__ == '__main__':\n" + textwrap.indent(SPAWNING, "    "))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_first_error_drops_what_has_not_begun():
    done: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        run_all(ParallelSpec(), (divmod, 1, 0), (time.sleep, 0.5), *[(done.append, n) for n in range(100)])
    assert done == []


def test_a_process_that_dies_is_one_clear_error():
    with pytest.raises(ExecutorError, match=r"worker ended in the middle of its task.*run the same command again"):
        run_all(ParallelSpec(executor="processes"), (os._exit, 3), (divmod, 1, 1))


def test_an_error_with_more_than_a_message_comes_back_from_a_process(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\npipeline: small\nbundle: {}\n")
    with pytest.raises(ExecutorError, match=r"bad\.yaml:3"):
        run_all(ParallelSpec(executor="processes"), (load_campaign, path))


def test_a_worker_checks_itself_before_a_task():
    assert call_elsewhere(installed(), divmod, 7, 3) == (2, 1)
    with pytest.raises(ExecutorError, match=r"vp-book .* where 9\.9\.9 is expected"):
        call_elsewhere({**installed(), "vp-book": "9.9.9"}, divmod, 7, 3)


def test_nothing_listens_at_the_address():
    spec = ParallelSpec(executor="dask")
    with pytest.raises(ExecutorError, match=r"parallel\.address: executor dask needs"), executor_of(spec):
        pass
