"""The long fuzz of `open_dbn`, `BookEngine` and `replay`: `uv run --directory tests python -m fuzz --seconds 300`.

Sound, damaged and random inputs for a given time. An input that shows something new (an error of another shape) is
kept in memory and damaged further. At the end stands what came of them all. A finding is an input that gives anything
but a result or a `VpBookError`, or after which memory has grown beyond the limit: its file stays, and the exit code is
1. An input that takes longer than the limit ends the run at once, with a traceback.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from fuzz.dbn_inputs import any_input, mutated, packed
from fuzz.dbn_target import exercise

WARM_INPUTS = 300
"""Inputs after which everything is compiled and every buffer was allocated once."""
COMPILING_S = 300
KEPT_BYTES = 20_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz DBN files for a given time.")
    parser.add_argument("--seconds", type=float, default=300, help="how long (default 300)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the first input (default: from the clock)")
    parser.add_argument("--limit-s", type=float, default=20, help="longest time of one input, after the first ones")
    parser.add_argument("--limit-mb", type=float, default=200, help="growth of peak memory after the first inputs")
    arguments = parser.parse_args()
    seed = time.time_ns() if arguments.seed is None else arguments.seed
    folder = Path(tempfile.mkdtemp(prefix="fuzz-dbn-"))
    print(f"seed {seed}, inputs in {folder}", flush=True)
    outcomes, findings = Counter[str](), Counter[str]()
    kept: list[bytes] = []
    slowest, warm_mb, inputs = (0.0, 0), 0.0, 0
    started = time.monotonic()
    while time.monotonic() - started < arguments.seconds:
        draw = random.Random(seed)
        data = _next_input(draw, kept)
        path = folder / f"{seed}.dbn"
        path.write_bytes(data)
        warm = inputs >= WARM_INPUTS
        # a kernel can't be interrupted from Python: a thread of the runtime ends the process, the input stays
        faulthandler.dump_traceback_later(arguments.limit_s if warm else COMPILING_S, exit=True)
        before = time.monotonic()
        try:
            outcome = exercise(path, draw)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the decoder's own language is no Exception
            finding = f"{type(error).__name__} in {traceback.extract_tb(error.__traceback__)[-1].name}"
            if not findings[finding]:
                path.with_suffix(".found").write_bytes(data)
                print(f"\n{path.with_suffix('.found')}: {finding}", file=sys.stderr)
                traceback.print_exception(error, limit=-4)
            findings[finding] += 1
        else:
            if outcome not in outcomes and len(data) < KEPT_BYTES:
                kept.append(data)
            outcomes[outcome] += 1
        finally:
            faulthandler.cancel_dump_traceback_later()
        path.unlink()
        path.with_suffix(".next.dbn").unlink(missing_ok=True)
        inputs += 1
        if warm:
            slowest = max(slowest, (time.monotonic() - before, seed))
        else:
            warm_mb = _peak_mb()
        if _peak_mb() - warm_mb > arguments.limit_mb and not findings["memory"]:
            path.with_suffix(".found").write_bytes(data)
            findings["memory"] += 1
            print(f"{path.with_suffix('.found')}: {warm_mb:.0f} to {_peak_mb():.0f} MB", file=sys.stderr)
        seed += 1
    for outcome, times in outcomes.most_common():
        print(f"{times:8,}  {outcome}")
    for finding, times in findings.items():
        print(f"{times:8,}  FOUND {finding}")
    seconds = time.monotonic() - started
    print(f"{inputs:,} inputs in {seconds:.0f} s, {len(outcomes)} outcomes, {len(findings)} findings")
    print(f"slowest {slowest[0]:.2f} s (seed {slowest[1]})")
    print(f"peak memory {warm_mb:.0f} MB after {WARM_INPUTS} inputs, {_peak_mb():.0f} MB at the end")
    return 1 if findings else 0


def _next_input(draw: random.Random, kept: list[bytes]) -> bytes:
    """A new input, or one that showed something new, damaged further."""
    if not kept or draw.random() < 0.6:
        return any_input(draw)
    data = mutated(draw, draw.choice(kept))
    return packed(draw, data) if draw.random() < 0.2 else data


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    sys.exit(main())
