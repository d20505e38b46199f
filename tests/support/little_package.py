"""A package of two small kernels that keeps them as the libraries keep theirs, and processes that use it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import vp_book.kernel_cache
import vp_book.kernel_files

_JIT = """
import numba
from .kernel_cache import cached, uncounted

def kernel(function):
    return cached(numba.njit(**uncounted())(function))
"""
_INNER = """
import numba

@numba.njit
def inner(x):
    return x + {amount}
"""
_OUTER = """
from .jit import kernel
from .inner import inner

@kernel
def outer(x):
    return 10.0 * inner(x)

@kernel
def twice(x):
    return 2.0 * outer(x)
"""
_RUN = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, format="log %(levelname)s %(message)s", stream=sys.stdout)
logging.getLogger("numba").setLevel(logging.WARNING)
from little import kernel_cache
from little.outer import outer, twice
{before}
print("result", outer(2.0), twice(2.0))
print("loaded", sum(outer.stats.cache_hits.values()) + sum(twice.stats.cache_hits.values()))
"""
KERNELS = 2


@dataclass(frozen=True)
class Ran:
    """What one process printed: what the kernels gave, how many were loaded and compiled, what the log says."""

    result: list[float]
    loaded: int
    compiled: int
    warnings: list[str]


class Little:
    """The package `little` below `root`, as a directory or as a zip, with the amount that a piece of it adds."""

    def __init__(self, root: Path, *, zipped: bool = False, cache: Path | None = None) -> None:
        self.folder = root / "little"
        self.path = root / "little.zip" if zipped else root
        self._zipped = zipped
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA")}
        self.environment |= {"PYTHONPATH": str(self.path), "PYTHONDONTWRITEBYTECODE": "1"}
        if cache is not None:
            self.environment["NUMBA_CACHE_DIR"] = str(cache)
        self.folder.mkdir()
        (self.folder / "__init__.py").touch()
        for module in (vp_book.kernel_cache, vp_book.kernel_files):
            shutil.copy(str(module.__file__), self.folder)
        (self.folder / "jit.py").write_text(_JIT)
        (self.folder / "outer.py").write_text(_OUTER)
        self.add(1.0)

    def add(self, amount: float) -> None:
        """Change the piece, which no kernel's own file shows."""
        (self.folder / "inner.py").write_text(_INNER.format(amount=amount))
        if self._zipped:
            with zipfile.ZipFile(self.path, "w") as archive:
                for file in sorted(self.folder.iterdir()):
                    archive.write(file, f"little/{file.name}")

    def start(self, *prefix: str, before: str = "") -> subprocess.Popen[str]:
        """Begin a process that calls both kernels, after the statements `before`."""
        command = [*prefix, sys.executable, "-W", "error", "-c", _RUN.format(before=before)]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *prefix: str, before: str = "") -> Ran:
        """The same, to its end."""
        return finish(self.start(*prefix, before=before))


def finish(process: subprocess.Popen[str]) -> Ran:
    """Wait for a process and read what it printed; a failure of it is the test's."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    lines = out.splitlines()
    (result,) = (line.split()[1:] for line in lines if line.startswith("result "))
    (loaded,) = (int(line.split()[1]) for line in lines if line.startswith("loaded "))
    return Ran(
        result=[float(word) for word in result],
        loaded=loaded,
        compiled=sum(line.startswith("log DEBUG compiled ") for line in lines),
        warnings=[line.removeprefix("log WARNING ") for line in lines if line.startswith("log WARNING ")],
    )
