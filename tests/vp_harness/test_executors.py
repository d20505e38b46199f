"""Executors: what is refused, and what happens when a worker dies or a task fails in another process."""

import os
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
