"""The kernels' cache on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from vp_spectrum import _jit, kernel_cache, kernel_files

INNER = """
from ._jit import kernel

@kernel
def inner(x):
    return x + {amount}
"""
OUTER = """
from ._jit import kernel
from .inner import inner

@kernel
def outer(x):
    return 10.0 * inner(x)
"""


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_in_another_module_changes(tmp_path: Path) -> None:
    package = tmp_path / "little"
    package.mkdir()
    (package / "__init__.py").touch()
    for module in (_jit, kernel_cache, kernel_files):
        shutil.copy(str(module.__file__), package)
    (package / "outer.py").write_text(OUTER)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }
    command = "from little.outer import outer as f; print(f(2.0), sum(f.stats.cache_hits.values()))"

    def run(amount: float) -> list[float]:
        (package / "inner.py").write_text(INNER.format(amount=amount))
        done = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [float(word) for word in done.stdout.split()]

    assert run(1.0) == [30.0, 0.0]
    assert run(1.0) == [30.0, 1.0]
    assert run(5.0) == [70.0, 0.0]
