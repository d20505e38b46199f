"""Where tasks run: one `concurrent.futures.Executor`, whatever is behind it.

A task is a function of this package with plain arguments. It does its work by name and hash in the lake and returns
little; only the process that submits it writes results and registry. So a task that runs twice does no harm, and the
results are the same whatever the executor and the number of workers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec

from vp_contract import ParallelSpec, SpecError
from vp_harness.errors import ExecutorError
from vp_harness.generate import code_versions
from vp_harness.pipeline import conformance_digests

T = TypeVar("T")

_DASK_RETRIES: Final = 2
_CONNECT_S: Final = 20


def parallel_of(spec: ParallelSpec, executor: str | None, workers: int | None, scheduler: str | None) -> ParallelSpec:
    """The spec with what a command line says instead. Raises ExecutorError for what does not go together."""
    fields: dict[str, Any] = msgspec.to_builtins(spec)
    if executor is not None:
        fields |= {"executor": executor, "address": spec.address if executor == "dask" else None}
    if workers is not None:
        fields["workers"] = workers
    if scheduler is not None:
        fields["address"] = scheduler
    try:
        return msgspec.convert(fields, ParallelSpec)
    except (msgspec.ValidationError, SpecError) as error:
        raise ExecutorError(f"executor: {error}") from error


@contextlib.contextmanager
def executor_of(parallel: ParallelSpec) -> Iterator[Executor]:
    """The executor of a spec: threads (kernels release the GIL), spawned processes, or a Dask cluster.

    Tasks that have not begun are dropped when the block ends with an error. Raises ExecutorError when the cluster
    cannot be used.
    """
    if parallel.executor == "dask":
        with _dask(parallel.address) as executor:
            yield executor
        return
    pool: Executor
    if parallel.executor == "processes":
        # spawned, not forked: a fork copies locks that threads of the parent hold
        pool = ProcessPoolExecutor(parallel.workers, mp_context=multiprocessing.get_context("spawn"))
    else:
        pool = ThreadPoolExecutor(parallel.workers, thread_name_prefix="task")
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()


def in_order(futures: Sequence[Future[T]]) -> Iterator[T]:
    """Results in the order of submission: what is stored of them does not depend on the number of workers.

    The first error cancels what has not begun and is raised; ExecutorError when it is a worker that died.
    """
    for position, future in enumerate(futures):
        try:
            yield future.result()
        except BaseException as error:
            for later in futures[position:]:
                later.cancel()
            if isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "KilledWorker":
                raise ExecutorError(
                    f"a worker ended in the middle of its task ({type(error).__name__}): what was finished is kept, "
                    "run the same command again to go on"
                ) from error
            raise


@contextlib.contextmanager
def _dask(address: str | None) -> Iterator[Executor]:
    if address is None:
        raise ExecutorError("executor dask needs the address of a scheduler: --scheduler tcp://HOST:8786")
    try:
        import distributed  # an extra: threads and processes do without it
    except ImportError:
        raise ExecutorError(
            "executor dask needs an extra that is not installed: pip install 'vp-harness[dask]'"
        ) from None
    connect: Any = distributed.Client
    try:
        client: Any = connect(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ExecutorError(f"no Dask scheduler answers at {address}: {error or type(error).__name__}") from error
    try:
        _check_workers(client.run(installed))
        with client.get_executor(pure=False, retries=_DASK_RETRIES) as executor:
            yield executor
    finally:
        client.close()


def installed() -> dict[str, str]:
    """What decides the numbers of a worker: versions and conformance digests, in one mapping."""
    return {**code_versions(), **{f"digest of {name}": digest for name, digest in conformance_digests().items()}}


def _check_workers(found: Mapping[str, Mapping[str, str]]) -> None:
    """Raise ExecutorError unless every worker computes what this process would."""
    if not found:
        raise ExecutorError("the Dask scheduler has no workers: start some with `dask worker SCHEDULER --nthreads 1`")
    ours = installed()
    for worker, theirs in sorted(found.items()):
        names = [name for name in ours if theirs.get(name) != ours[name]]
        if names:
            said = "; ".join(
                f"{name} {theirs.get(name, 'none')[:16]} where this has {ours[name][:16]}" for name in names
            )
            raise ExecutorError(f"worker {worker} would compute other numbers: {said}; install the same versions there")
