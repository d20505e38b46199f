"""Compiled kernels on disk: where they are kept, what they are valid for, and who compiles them.

numba's own cache looks at the one file that a kernel is written in, needs a place that it can write, believes what it
finds there, and lets every process of a cold start compile everything. This one differs in four points.

- A kernel is valid for the sources of its whole package, as they are imported (from a directory or a zip), and for the
  versions of Python, numba, llvmlite and numpy, and the kind of processor. All of that is in the names of the files.
- Places, in this order: `NUMBA_CACHE_DIR` if it is set, and else the package's `__pycache__`, then the user's cache
  directory; last a directory of the user's own among the temporary files. Kernels are read from all of them and written
  to the first that takes them. Without any, every process compiles for itself.
- A file that is not whole is not there. It is compiled anew.
- One process compiles and the others wait for it and load the result. The lock is the operating system's, so that it
  ends with the process that holds it. Whoever has waited too long compiles for itself.

What numba stores is pickled, and whoever can write it can run code. So directories outside of the package count only if
they belong to the user and nobody else can write there.

This module and `kernel_files` stand alone together, and are the same in every package that cannot import them from
another.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import numba

from .kernel_files import LOCK, Place, lock, places, remove_halves, stamp, unlock, writable, write

WAIT_S: float = 300.0
"""How long a process waits for another one that compiles; the longest kernel takes half a minute of processor time."""

_POLL_S: Final = 0.02
_MAGIC: Final = b"VPKERNEL"
_DIGEST_BYTES: Final = 32

_Dispatcher = TypeVar("_Dispatcher")
_log = logging.getLogger(__name__)


def cached(dispatcher: _Dispatcher) -> _Dispatcher:
    """Give what `numba.njit` (without `cache=True`) made of a function of a module this cache; returns it.

    No file of the cache is touched before its first call. Where numba compiles nothing (`NUMBA_DISABLE_JIT`), or has
    changed so that the cache finds no hold (a warning in the log), it is returned as it is.
    """
    function = getattr(dispatcher, "py_func", None)
    if function is None:
        return dispatcher
    names = numba_names()
    if missing := missing_names(dispatcher):
        _log.warning("compiled kernels are not kept on disk: numba %s lacks %s", numba.__version__, ", ".join(missing))
        return dispatcher
    target: Any = dispatcher
    store = _KernelCache(function, names)
    compile_now: Callable[[object], object] = target.compile

    def compile_once(signature: object) -> object:
        # numba's own lock first, as numba takes it: a thread that holds it may come here for a kernel that it calls
        with names.global_compiler_lock:
            if signature in target.overloads or store.holds(signature, target.targetctx):
                return compile_now(signature)
            with store.turn(signature, target.targetctx):
                return compile_now(signature)

    target._cache = store
    target.compile = compile_once
    return dispatcher


def uncounted() -> dict[str, Any]:
    """The option of `numba.njit` that leaves out the reference counting of arrays, if this numba has it.

    For kernels that allocate nothing. Counting slows them down several times, small functions most; the numbers are the
    same.
    """
    try:
        from numba.core.options import DefaultOptions
    except ImportError:
        return {}
    return {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


@cache
def numba_names() -> SimpleNamespace:
    """What of numba's insides is needed here; what it does not have (any more) is None."""
    found = {}
    for module, name in (
        ("numba.core.compiler_lock", "global_compiler_lock"),
        ("numba.core.compiler", "CompileResult"),
        ("numba.core.serialize", "dumps"),
        ("numba.core.serialize", "loads"),
    ):
        try:
            found[name] = getattr(importlib.import_module(module), name, None)
        except ImportError:
            found[name] = None
    return SimpleNamespace(**found)


def missing_names(dispatcher: object) -> list[str]:
    """The names of numba that the cache needs and does not find; none with every numba that it was tested with."""
    names = numba_names()
    missing = [name for name, value in vars(names).items() if value is None]
    result = names.CompileResult
    missing += [f"CompileResult.{name}" for name in ("_reduce", "_rebuild") if not hasattr(result, name)]
    needed = ("_cache", "compile", "stats", "targetctx")
    missing += [f"Dispatcher.{name}" for name in needed if not hasattr(dispatcher, name)]
    return missing


class _KernelCache:
    """The cache of one kernel, as a dispatcher of numba uses it: `load_overload`, `save_overload` and the rest."""

    def __init__(self, function: Callable[..., object], names: SimpleNamespace) -> None:
        self._package = function.__module__.partition(".")[0]
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._code = function.__code__.co_code
        self._numba = names
        self._keyed: dict[str, str] = {}
        # of the sources as they are now, when they have just been imported, not as they may be at the first call
        self._stamp = stamp(self._package)
        # what a closure holds is in no source, and a module loaded again may come of other ones than were hashed
        self._enabled = self._stamp is not None and function.__closure__ is None and self._name not in _MADE
        _MADE.add(self._name)
        self._began = 0.0

    @property
    def cache_path(self) -> str | None:
        """The first directory that may hold the kernel; shown by `dispatcher.stats`."""
        return next((str(self._folder_in(place)) for place in self._places()), None)

    def enable(self) -> None:
        """Use the cache again after `disable`."""
        self._enabled = True

    def disable(self) -> None:
        """Neither read nor write from now on."""
        self._enabled = False

    def flush(self) -> None:
        """Forget every compiled form of the kernel."""
        for place in self._places():
            with contextlib.suppress(OSError):
                for path in self._folder_in(place).glob(f"{self._stem()}-*"):
                    path.unlink()

    def holds(self, signature: object, context: Any) -> bool:
        """Whether the kernel is there in this form, whole."""
        return self._read(signature, context) is not None

    def load_overload(self, signature: object, context: Any) -> object | None:
        """The compiled kernel, None if it is not there."""
        context.refresh()
        payload = self._read(signature, context)
        if payload is None:
            self._began = time.perf_counter()
            return None
        return self._numba.CompileResult._rebuild(context, *self._numba.loads(payload))  # type: ignore[no-any-return]

    def save_overload(self, signature: object, result: Any) -> None:
        """Keep a kernel that has just been compiled; without a place that takes it, nothing happens."""
        _log.debug("compiled %s in %.1f s", self._name, time.perf_counter() - self._began)
        if not self._enabled or result.library.has_dynamic_globals or any(not x.can_cache for x in result.lifted):
            return
        payload = self._numba.dumps(result._reduce())
        content = _MAGIC + hashlib.sha256(payload).digest() + payload
        name = self._file_name(signature, result.target_context)
        for place in self._places():
            folder = self._folder_in(place)
            if writable(place, folder) and write(folder / name, content):
                return
        _say_homeless(self._package)

    @contextlib.contextmanager
    def turn(self, signature: object, context: Any) -> Iterator[None]:
        """Wait until no other process compiles, or has compiled this, or has taken too long; then be the one."""
        folders = ((place, self._folder_in(place)) for place in self._places())
        folder = next((folder for place, folder in folders if writable(place, folder)), None)
        if folder is None or folder in _HELD:  # nothing to share; or this is called by a kernel that is being compiled
            yield
            return
        with contextlib.ExitStack() as stack:
            try:
                descriptor = stack.enter_context((folder / LOCK).open("ab")).fileno()
            except OSError:  # the directory has been removed
                yield
                return
            if self._wait(descriptor, signature, context):
                stack.callback(unlock, descriptor)
                remove_halves(folder)
            _HELD.add(folder)
            stack.callback(_HELD.discard, folder)
            yield

    def _wait(self, descriptor: int, signature: object, context: Any) -> bool:
        """Whether the lock could be had before the kernel was there or the time was over."""
        limit = time.monotonic() + WAIT_S
        while not lock(descriptor):
            if self.holds(signature, context):
                return False
            if time.monotonic() > limit:
                _log.warning("compiling %s: another process has not done so in %g s", self._name, WAIT_S)
                return False
            time.sleep(_POLL_S)
        return True

    def _places(self) -> tuple[Place, ...]:
        return places(self._package, os.environ.get("NUMBA_CACHE_DIR", "")) if self._enabled else ()

    def _folder_in(self, place: Place) -> Path:
        return place.path / f"{self._package}-{str(self._stamp)[:16]}"

    def _stem(self) -> str:
        return self._name.replace("<", "").replace(">", "")

    def _file_name(self, signature: object, context: Any) -> str:
        form = str(signature)
        if form not in self._keyed:
            processor = context.codegen().magic_tuple()
            options = [os.environ.get(name) for name in ("NUMBA_OPT", "NUMBA_BOUNDSCHECK")]
            facts = repr((form, processor, options)).encode() + self._code
            self._keyed[form] = hashlib.sha256(facts).hexdigest()[:16]
        return f"{self._stem()}-{self._keyed[form]}"

    def _read(self, signature: object, context: Any) -> bytes | None:
        """What is stored of this form of the kernel, from the first place that has it whole."""
        for place in self._places():
            path = self._folder_in(place) / self._file_name(signature, context)
            try:
                content = path.read_bytes() if place.trusted() else b""
            except OSError:
                continue
            head, payload = content[: len(_MAGIC) + _DIGEST_BYTES], content[len(_MAGIC) + _DIGEST_BYTES :]
            if head == _MAGIC + hashlib.sha256(payload).digest():
                return payload
            if content:
                _log.warning("%s is damaged: the kernel is compiled anew", path)
        return None


_MADE: Final[set[str]] = set()
"""Kernels that this process has made."""
_HELD: Final[set[Path]] = set()
"""Directories whose lock this process has, or has given up waiting for. Guarded by numba's lock."""


@cache
def _say_homeless(package: str) -> None:
    _log.warning("no directory takes the kernels of %s: set NUMBA_CACHE_DIR to one of your own", package)
