"""The digests of the two libraries as the interpreter computes them, for code that has just been changed.

    NUMBA_DISABLE_JIT=1 PYTHONPATH=tests python -m support.interpreted vp_book        # or vp_spectrum

prints a line of JSON: part of the built-in input -> digest, as the library that is installed gives it. Then it reads
names of directories, one a line, and prints for the library in each `{"part": …}`, the first part whose digest is
another one (null if none is), or `{"error": …}`.

Compiled kernels would take half a minute to compile; these run for a second. All that the libraries themselves import
is imported once, and every line is answered by a fork of that.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import traceback
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np

LONGEST_S = 60
_UNSIGNED = ("ts_recv", "ts_event", "order_id")
"""Read as int64, as the kernels do first of all."""


class Records:
    """An array of records as the kernels use it: `shape`, and elements with attributes.

    (The attributes `flags` and `size` of NumPy's own records are other things than the fields of these names.)
    """

    def __init__(self, records: np.ndarray) -> None:
        view = np.ascontiguousarray(records).view(importlib.import_module("vp_book.records").KERNEL_DTYPE)
        names = view.dtype.names or ()
        row = namedtuple("row", names)  # type: ignore[misc]
        columns = [(view[name].astype(np.int64) if name in _UNSIGNED else view[name]).tolist() for name in names]
        self._rows = [row(*values) for values in zip(*columns, strict=True)]
        self.shape = view.shape

    def __getitem__(self, index: int) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return self.shape[0]


def part_digests(package: str) -> Iterator[tuple[str, str]]:
    """(Part of the built-in input, digest), computed one after the other as they are asked for."""
    conformance = importlib.import_module(f"{package}.conformance")
    for name, module in list(sys.modules.items()):
        if name.startswith("vp_book.") and hasattr(module, "kernel_view"):
            module.kernel_view = Records  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):  # hashes are meant to overflow, and some quotients are clipped
        yield from conformance.part_digests()


def _forget(package: str) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            del sys.modules[name]


def _answer(package: str, folder: str, expected: dict[str, str], pipe: int) -> None:
    """In a fork: compute, write, end."""
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))  # of its own time, however busy the machine is
    sys.path.insert(0, folder)
    try:
        found = part_digests(package)
        answer = {"part": next((name for name, digest in found if expected.get(name) != digest), None)}
    except Exception:  # noqa: BLE001 - whatever the changed code does is the answer
        answer = {"error": traceback.format_exc()}
    with os.fdopen(pipe, "w") as out:
        out.write(json.dumps(answer))


def main(package: str) -> None:
    expected = dict(part_digests(package))
    print(json.dumps(expected), flush=True)
    _forget(package)
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _answer(package, line.strip(), expected, writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        print(text or json.dumps({"error": f"ended with status {status} (no end in {LONGEST_S} s?)"}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
