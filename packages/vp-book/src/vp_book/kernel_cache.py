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

This module stands alone and is the same in every package that cannot import it from another.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.resources
import logging
import os
import platform
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, TypeVar

import numba
import numpy as np

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

WAIT_S: float = 300.0
"""How long a process waits for another one that compiles; the longest kernel takes half a minute of processor time."""

_POLL_S: Final = 0.02
_KEPT: Final = 8
_MAGIC: Final = b"VPKERNEL"
_DIGEST_BYTES: Final = 32
_LOCK: Final = "lock"
_HALF: Final = ".half"

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


@cache
def source_digest(package: str) -> str | None:
    """Sha256, in hex, of every source file of an imported package: another one may mean other numbers.

    None where its sources cannot be seen, in a frozen program for one.
    """
    if not hasattr(sys.modules.get(package), "__path__"):  # a script, a module by itself
        return None
    files = dict(_sources(importlib.resources.files(package), ""))
    if not files:
        return None
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _sources(folder: Any, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".py", ".pyc")):
            yield prefix + entry.name, entry.read_bytes()


@cache
def _stamp(package: str) -> str | None:
    """Digest of everything that compiled code depends on but the processor; None if the sources cannot be seen."""
    sources = source_digest(package)
    if sources is None:
        return None
    llvmlite = importlib.import_module("llvmlite").__version__  # not ours to declare: numba brings it
    versions = (numba.__version__, llvmlite, np.__version__, platform.python_version())
    facts = (*versions, str(sys.implementation.cache_tag), getattr(sys, "abiflags", ""), sources)
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


class _Place(NamedTuple):
    """A directory that may hold kernels. It need not exist."""

    path: Path
    private: bool  # counts only if it is this user's own

    def trusted(self) -> bool:
        """Whether nobody but the user, or whoever can change the package, can have written there."""
        if not self.private or sys.platform == "win32":
            return True
        facts = self.path.lstat()
        shared = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not shared

    def make(self) -> None:
        """Make the directory if it is not there, for this user alone if it is private."""
        if self.private:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
        else:
            self.path.mkdir(parents=True, exist_ok=True)


@cache
def _places(package: str, chosen: str) -> tuple[_Place, ...]:
    """Where kernels of a package may be, the preferred place first."""
    places = []
    if chosen:
        places.append(_Place(Path(chosen).absolute(), private=False))
    else:
        beside = Path(next(iter(sys.modules[package].__path__)))
        if beside.is_dir():  # a zip is none
            places.append(_Place(beside / "__pycache__", private=False))
        with contextlib.suppress(RuntimeError):  # no HOME, and nothing known of the user either
            places.append(_Place(_user_cache() / "vp-kernels", private=True))
    with contextlib.suppress(OSError):
        temporary = Path(tempfile.gettempdir())
        mode = temporary.stat().st_mode
        # what anybody may rename, anybody may replace
        if sys.platform == "win32" or mode & stat.S_ISVTX or not mode & (stat.S_IWGRP | stat.S_IWOTH):
            user = "" if sys.platform == "win32" else f"-{os.geteuid()}"
            places.append(_Place(temporary / f"vp-kernels{user}", private=True))
    return tuple(places)


def _user_cache() -> Path:
    """The directory for caches of this user, by the custom of the platform."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


class _KernelCache:
    """The cache of one kernel, as a dispatcher of numba uses it: `load_overload`, `save_overload` and the rest."""

    def __init__(self, function: Callable[..., object], names: SimpleNamespace) -> None:
        self._package = function.__module__.partition(".")[0]
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._code = function.__code__.co_code
        self._numba = names
        self._keyed: dict[str, str] = {}
        # of the sources as they are now, when they have just been imported, not as they may be at the first call
        self._stamp = _stamp(self._package)
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
            if _writable(place, folder) and _write(folder / name, content):
                return
        _say_homeless(self._package)

    @contextlib.contextmanager
    def turn(self, signature: object, context: Any) -> Iterator[None]:
        """Wait until no other process compiles, or has compiled this, or has taken too long; then be the one."""
        folders = ((place, self._folder_in(place)) for place in self._places())
        folder = next((folder for place, folder in folders if _writable(place, folder)), None)
        if folder is None or folder in _HELD:  # nothing to share; or this is called by a kernel that is being compiled
            yield
            return
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context((folder / _LOCK).open("ab")).fileno()
            except OSError:  # the directory has been removed
                yield
                return
            if self._wait(lock, signature, context):
                stack.callback(_unlock, lock)
                _remove_halves(folder)
            _HELD.add(folder)
            stack.callback(_HELD.discard, folder)
            yield

    def _wait(self, lock: int, signature: object, context: Any) -> bool:
        """Whether the lock could be had before the kernel was there or the time was over."""
        limit = time.monotonic() + WAIT_S
        while not _lock(lock):
            if self.holds(signature, context):
                return False
            if time.monotonic() > limit:
                _log.warning("compiling %s: another process has not done so in %g s", self._name, WAIT_S)
                return False
            time.sleep(_POLL_S)
        return True

    def _places(self) -> tuple[_Place, ...]:
        return _places(self._package, os.environ.get("NUMBA_CACHE_DIR", "")) if self._enabled else ()

    def _folder_in(self, place: _Place) -> Path:
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
def _writable(place: _Place, folder: Path) -> bool:
    """Whether files can be written to `folder` in a place. Makes it, and then removes the oldest of the others."""
    try:
        place.make()
        if not place.trusted():
            return False
        new = not folder.is_dir()
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        (folder / _LOCK).touch()
        if new:
            _remove_old(folder)
    except OSError:
        return False
    return True


def _remove_old(newest: Path) -> None:
    """Leave the few newest of the directories that older code of the package has filled."""
    package = newest.name.rpartition("-")[0]
    locks = [lock for lock in newest.parent.glob(f"{package}-*/{_LOCK}") if lock.parent != newest]
    locks.sort(key=lambda lock: lock.stat().st_mtime, reverse=True)
    for lock in locks[_KEPT:]:
        shutil.rmtree(lock.parent, ignore_errors=True)


def _remove_halves(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left."""
    for path in folder.glob(f"*{_HALF}"):
        with contextlib.suppress(OSError):
            path.unlink()


@cache
def _say_homeless(package: str) -> None:
    _log.warning("no directory takes the kernels of %s: set NUMBA_CACHE_DIR to one of your own", package)


def _write(path: Path, content: bytes) -> bool:
    """Write a file whole or not at all; whether it was."""
    half = path.with_name(f"{path.name}.{os.getpid()}{_HALF}")
    try:
        half.write_bytes(content)
        half.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            half.unlink()
        return False
    return True


def _lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody has it. A file system that knows no locks is as good as free."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike `flock`, not handed on to forked children
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def _unlock(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.lockf(descriptor, fcntl.LOCK_UN)
