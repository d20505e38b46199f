"""An `os` for `vp_book.atomic` and what builds on it: it counts calls and makes one fail, by error, death, or half."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from vp_book import atomic

CALLS = ("open", "write", "fsync", "close", "replace", "rename", "link", "unlink", "chmod", "mkdir", "makedirs")
FAILURES = ("EIO", "ENOSPC", "crash", "short")


class Crash(BaseException):
    """The process is dead from here on: nothing it would still do happens."""


class FailingOs:
    """Stands for `os` and `shutil` in the module; call number `at` (from 0) of the counted ones fails."""

    def __init__(self, at: int | None, failure: str = "EIO") -> None:
        self.calls: list[str] = []
        self.failed = False
        self._at = at
        self._failure = failure
        self._dead = False

    def __getattr__(self, name: str) -> Any:
        if name == "rmtree":
            return self._alive(shutil.rmtree)
        real = getattr(os, name)
        return self._counted(name, real) if name in CALLS else real

    def _alive(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._dead:
                raise Crash
            return real(*args, **kwargs)

        return call

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._dead:
                raise Crash
            number = len(self.calls)
            self.calls.append(name)
            if number != self._at:
                return real(*args, **kwargs)
            self.failed = True
            if self._failure == "crash":
                self._dead = True
                raise Crash
            if self._failure == "short":
                return real(args[0], args[1][: (len(args[1]) + 1) // 2]) if name == "write" else real(*args, **kwargs)
            if name == "close":  # the descriptor is gone, whatever close says
                real(*args)
            code = getattr(errno, self._failure)
            raise OSError(code, os.strerror(code))

        return call


@contextmanager
def failing_os(at: int | None = None, failure: str = "EIO", also: ModuleType | None = None) -> Iterator[FailingOs]:
    """Put it in the place of the module's own, and of that of one more module."""
    shim = FailingOs(at, failure)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "os", shim)
        patch.setattr(atomic, "shutil", shim)
        if also is not None:
            patch.setattr(also, "os", shim)
        yield shim


def calls_of(action: Callable[[], object], also: ModuleType | None = None) -> list[str]:
    """Which calls an action makes when nothing fails."""
    with failing_os(also=also) as shim:
        action()
    return shim.calls


def attempt(
    action: Callable[[], object], at: int, failure: str, also: ModuleType | None = None
) -> OSError | Crash | None:
    """Run an action with one call failing; what it raised, if anything. Any other exception goes through."""
    with failing_os(at, failure, also):
        try:
            action()
        except (OSError, Crash) as error:
            return error
    return None
