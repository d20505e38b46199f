"""The process of one experiment: `python -m vp_stream.http.research.worker LAKE CONFIGS`.

Its standard input has the spec as one line of JSON and stays open: when it ends, so does the process, however the
server ended. Its standard output has lines of JSON, each with one of `progress`, `result` and `error`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from vp_contract import SpecError, load_experiment
from vp_harness import VpHarnessError, run_experiment

_LEAST_BETWEEN_S: Final = 0.1
_PATIENCE_S: Final = 2.0
_NICE: Final = 10
"""Streams come first: an experiment takes what they leave."""


def main(lake_root: str, config_root: str, lines: RawIOBase, out: BinaryIO) -> int:
    """Run the experiment; the exit code is 0 when it is done, 1 when it cannot be, 130 when it was interrupted."""
    sent = 0.0

    def say(**what: Any) -> None:
        out.write(msgspec.json.encode(what) + b"\n")
        out.flush()

    def progress(what: str, done: int, total: int) -> None:
        nonlocal sent
        now = time.monotonic()
        if done == total or now - sent >= _LEAST_BETWEEN_S:
            sent = now
            say(progress={"what": what, "done": done, "total": total})

    text: str = msgspec.json.decode(lines.readline(), type=str)
    threading.Thread(target=_end_with, args=(lines,), daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="vp-experiment-") as scratch:
        file = Path(scratch) / "experiment.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            result = run_experiment(load_experiment(file), lake_root, config_root=config_root, progress=progress)
        except KeyboardInterrupt:
            return 130
        except (SpecError, VpHarnessError, OSError) as error:
            say(error=str(error).replace(str(file), file.name))
            return 1
    say(
        result={
            "datasets": list(result.dataset_ids),
            "runs": list(result.run_ids),
            "computed": result.computed,
            "resumed": result.resumed,
        }
    )
    return 0


def _end_with(lines: RawIOBase) -> None:
    """End this process, and those it started, when nobody holds the other end of its input any more."""
    with contextlib.suppress(OSError, ValueError):
        while lines.read(1):
            pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_PATIENCE_S)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(130)


if __name__ == "__main__":
    # A server that a shell started in the background ignores SIGINT, and so would this process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    # Without a buffer: a thread that waits in one holds its lock when the interpreter ends.
    with open(0, "rb", buffering=0, closefd=False) as source:
        code = main(sys.argv[1], sys.argv[2], source, sys.stdout.buffer)
    sys.exit(code)
