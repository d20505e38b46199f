"""Where tasks run: one `concurrent.futures.Executor`, whatever is behind it.

A task is a function of this package with plain arguments. It does its work by name and hash in the lake and returns
little; only the process that submits it writes results and registry. So a task that runs twice does no harm, and the
results are the same whatever the executor and the number of workers.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar, cast

import msgspec

from vp_book import VpBookError
from vp_contract import ParallelSpec, SpecError, VpContractError
from vp_contract.yaml import convert_plain
from vp_harness.errors import ExecutorError, TaskError
from vp_harness.execution.generate import code_versions
from vp_harness.execution.pipeline import conformance_digests

P = ParamSpec("P")
T = TypeVar("T")

TASK_THREADS: Final = "vp-task"
"""Names of threads that run tasks begin so."""

_DASK_RETRIES: Final = 2
_CONNECT_S: Final = 20
_HEARD_S: Final = 0.2
"""An interrupt is heard within this time while a task is waited for."""
_DROPPED_S: Final = 1.0


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
        return convert_plain(fields, ParallelSpec)
    except SpecError as error:
        raise ExecutorError(f"executor: {error}") from error


@contextlib.contextmanager
def executor_of(parallel: ParallelSpec) -> Iterator[Executor]:
    """The executor of a spec: threads (kernels release the GIL), spawned processes, or a Dask cluster.

    Tasks that have not begun are dropped when the block ends with an error. After an interrupt nobody waits for those
    that run: processes are ended, threads end with what they are at. Raises ExecutorError when the cluster cannot be
    used.
    """
    if parallel.executor == "dask":
        with _dask(parallel.address) as executor:
            yield executor
        return
    pool: Executor
    others = set(multiprocessing.active_children())
    if parallel.executor == "processes":
        # spawned, not forked: a fork copies locks that threads of the parent hold
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(parallel.workers, mp_context=spawn, initializer=_ignore_interrupts)
    else:
        pool = ThreadPoolExecutor(parallel.workers, thread_name_prefix=TASK_THREADS)
    try:
        yield pool if parallel.executor == "local" else _Elsewhere(pool)
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        _wait_until_dropped(pool)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()


def _wait_until_dropped(pool: Executor) -> None:
    """Wait until the thread behind a pool of processes has dropped what had not begun, a second at most.

    Python 3.11 prints the traceback of that thread when it finds the processes ended before it has: it sets an error
    on tasks that are cancelled.
    """
    limit = time.monotonic() + _DROPPED_S
    while getattr(pool, "_cancel_pending_futures", False) and time.monotonic() < limit:
        time.sleep(_DROPPED_S / 200)


def _ignore_interrupts() -> None:
    """A terminal interrupts all processes at once: the one that handed out the work ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_order(futures: Iterable[Future[T]], ahead: int | None = None) -> Iterator[T]:
    """Results in the order of submission: what is stored of them does not depend on the number of workers.

    The first error cancels what has not begun and is raised; ExecutorError when it is a worker that died. With `ahead`
    no more than so many are taken from `futures` before the first of them is done: an iterator that submits as it goes
    may be of any length.
    """
    for result in settled(futures, (), ahead):
        yield cast("T", result)


def settled(
    futures: Iterable[Future[T]], tolerated: tuple[type[Exception], ...], ahead: int | None = None
) -> Iterator[T | Exception]:
    """The same, but an error of a `tolerated` type is yielded in the place of the result, and the rest goes on."""
    source = iter(futures)
    waiting: deque[Future[T]] = deque()
    while True:
        waiting.extend(itertools.islice(source, None if ahead is None else max(1, ahead) - len(waiting)))
        if not waiting:
            return
        future = waiting.popleft()
        try:
            yield _awaited(future)
        except tolerated as error:
            yield error
        except BaseException as error:
            future.cancel()
            for later in waiting:
                later.cancel()
            if isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ == "KilledWorker":
                raise ExecutorError(
                    f"a worker ended in the middle of its task ({type(error).__name__}): what was finished is kept, "
                    "run the same command again to go on"
                ) from error
            raise


def _awaited(future: Future[T]) -> T:
    """The result of a future. A signal does not end the wait for a lock once polars has put its handler before that of
    Python (it has the system begin waits again), so the wait is in turns.
    """
    while not future.done():
        wait((future,), _HEARD_S)
    return future.result()


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started here never get an interrupt: not while they import either, with a traceback each. One
    that comes meanwhile reaches this process afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _dask(address: str | None) -> Iterator[Executor]:
    if address is None:
        raise ExecutorError(
            "parallel.address: executor dask needs the address of a scheduler, as tcp://HOST:8786", argument="address"
        )
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
        _check_workers(_ask_workers(client, address))
        with client.get_executor(pure=False, retries=_DASK_RETRIES) as executor:
            yield _Elsewhere(executor, installed())
    finally:
        client.close()


def installed() -> dict[str, str]:
    """What decides the numbers of a worker: versions and conformance digests, in one mapping."""
    return {**code_versions(), **{f"digest of {name}": digest for name, digest in conformance_digests().items()}}


def call_elsewhere(expected: Mapping[str, str] | None, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call `fn` in a worker's process. Raises ExecutorError if the worker has not what is `expected` installed.

    Errors of the libraries below that cannot travel between processes as they are (they take more than a message) come
    as TaskError with the same words.
    """
    if expected is not None:  # a worker may have joined after all others were asked
        difference = _difference(expected, installed())
        if difference:
            raise ExecutorError(f"a worker would compute other numbers: {difference}; install the same versions there")
    try:
        return fn(*args, **kwargs)
    except (VpBookError, VpContractError) as error:
        raise TaskError(str(error)) from None


class _Elsewhere(Executor):
    """An executor of other processes: every task goes through `call_elsewhere`."""

    def __init__(self, pool: Executor, expected: Mapping[str, str] | None = None) -> None:
        self._pool = pool
        self._expected = expected

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        task: Callable[..., T] = partial(call_elsewhere, self._expected, fn)
        with _deaf_children():  # a pool starts its processes when the first tasks come
            return self._pool.submit(task, *args, **kwargs)


def _ask_workers(client: Any, address: str) -> Mapping[str, Mapping[str, str]]:
    """What every worker has installed, once there is one."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_S)
    except TimeoutError:
        raise ExecutorError(
            f"the Dask scheduler at {address} has no workers: start some with `dask worker {address} --nthreads 1`"
        ) from None
    try:
        answers: Mapping[str, Mapping[str, str]] = client.run(installed)
    except (ImportError, AttributeError) as error:
        raise ExecutorError(
            f"a worker of {address} lacks what a task needs: {error}; install vp-harness there"
        ) from error
    return answers


def _check_workers(found: Mapping[str, Mapping[str, str]]) -> None:
    """Raise ExecutorError unless every worker computes what this process would."""
    ours = installed()
    for worker, theirs in sorted(found.items()):
        difference = _difference(ours, theirs)
        if difference:
            raise ExecutorError(
                f"worker {worker} would compute other numbers: {difference}; install the same versions there"
            )


def _difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """What is installed otherwise than expected, in words; empty if nothing is."""
    return "; ".join(
        f"{name} {found.get(name, 'missing')[:16]} where {expected[name][:16]} is expected"
        for name in expected
        if found.get(name) != expected[name]
    )
