"""Peak memory of replaying a file of any size: it must not grow with the file.

    uv run python benchmarks/book_memory.py --gigabytes 0.5 1 4

Tiles a session to each size on disk and replays every file in a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from vp_bench.book import real_session
from vp_book import BookEngine, Instrument, open_dbn
from vp_book.synthetic import write_market


def write_tiled(session: Path, target: Path, size: int) -> int:
    """Repeat the records of a raw DBN file until it has `size` bytes; times stay as they are. Returns the records."""
    records = np.concatenate(list(open_dbn(session)))
    plain = session.read_bytes() if session.suffix == ".dbn" else unpacked(session)
    head = plain[: 8 + int.from_bytes(plain[4:8], "little")]
    count = 0
    with target.open("wb") as file:
        file.write(head)
        while file.tell() < size:
            file.write(records.tobytes())
            count += len(records)
    return count


def unpacked(session: Path) -> bytes:
    """The decompressed bytes of a zstd file."""
    import zstandard

    with session.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read()


def replay(path: Path) -> None:
    """Decode, book and physics of a whole file; prints peak memory in MB and seconds."""
    start = time.perf_counter()
    source = open_dbn(path)
    engine = BookEngine(Instrument(source.symbol, "0.25"))
    for records in source:
        engine.apply(records)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:.0f} {time.perf_counter() - start:.1f}")


def replay_in_process(path: Path) -> list[str]:
    """`replay` in a fresh process: what it printed, word by word."""
    command = [sys.executable, __file__, "--replay", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.25, 1, 4])
    parser.add_argument("--replay", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.replay:
        replay(arguments.replay)
        return
    with tempfile.TemporaryDirectory() as scratch:
        session = real_session()
        if session is None:
            session = Path(scratch) / "synthetic.dbn"
            write_market(session, seed=1, minutes=5)
        replay_in_process(session)  # compiles, which takes memory of its own
        print("GB      records   peak MB   seconds")
        for size in arguments.gigabytes:
            path = Path(scratch) / "tiled.dbn"
            records = write_tiled(session, path, int(size * 1e9))
            peak, seconds = replay_in_process(path)
            print(f"{size:<5g} {records:>10,} {peak:>9} {seconds:>9}")
            path.unlink()


if __name__ == "__main__":
    main()
