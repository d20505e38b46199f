"""Where the tasks of a sweep run: one `concurrent.futures.Executor`, whatever is behind it."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

from vp_contract import ParallelSpec
from vp_harness.errors import ExperimentError


def executor_of(parallel: ParallelSpec) -> Executor:
    """The executor of a spec: threads (kernels release the GIL) or spawned processes; leave its context to end it.

    Results are the same whatever the executor and the number of workers. Raises ExperimentError for `dask`, which this
    version does not run.
    """
    if parallel.executor == "local":
        return ThreadPoolExecutor(parallel.workers, thread_name_prefix="sweep")
    if parallel.executor == "processes":
        # spawned, not forked: a fork copies locks that threads of the parent hold
        return ProcessPoolExecutor(parallel.workers, mp_context=multiprocessing.get_context("spawn"))
    raise ExperimentError(
        f"parallel.executor {parallel.executor!r} cannot be run by this version; use local or processes"
    )
