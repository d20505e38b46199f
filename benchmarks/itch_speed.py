"""How fast a day of Nasdaq TotalView-ITCH is converted: messages a second on one core.

    PYTHONPATH=tests uv run python benchmarks/itch_speed.py

A day of one stock among the messages of others, one of its own in every `--every`, as in a file of the exchange, of
which nearly all is passed over. Best of `--repeat`; `most_mb` is the most memory of the process so far.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from support.itch_day import LOCATES, OWN, ItchDay

from vp_book.feeds import convert_itch50

DATE = "2026-01-30"


def day_of(megabytes: int, every: int) -> bytes:
    """The messages of `OWN` in their order, each behind `every` of the other stocks, until it is so large."""
    day = ItchDay(10, 20_000)
    head = day.offsets[day.kinds.index("A")]
    own: list[bytes] = []
    others: list[bytes] = []
    for at, to, locate in zip(day.offsets, [*day.offsets[1:], len(day.data)], day.locates, strict=True):
        if at >= head:
            (own if locate in (0, LOCATES[OWN]) else others).append(day.data[at:to])
    pieces, size = [day.data[:head]], head
    foreign = b"".join(others[i % len(others)] for i in range(every))
    for message in own[:-1]:
        pieces += [foreign, message]
        size += len(foreign) + len(message)
    while size < megabytes * 10**6:
        pieces.append(foreign)
        size += len(foreign)
    return b"".join([*pieces, own[-1]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    data = day_of(args.megabytes, args.every)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "day.itch").write_bytes(data)
        best, messages, records = float("inf"), 0, 0
        for _ in range(args.repeat + 1):  # the first loads kernels
            began = time.perf_counter()
            made = convert_itch50(folder / "day.itch", folder / "out.dbn.zst", symbol=OWN, date=DATE)
            best = min(best, time.perf_counter() - began)
            messages, records = int(made.facts["messages"]), made.records
        status = Path("/proc/self/status").read_text(encoding="ascii")
        figures = {
            "mb": round((folder / "day.itch").stat().st_size / 1e6),
            "messages": messages,
            "records": records,
            "seconds": round(best, 3),
            "messages_per_s": round(messages / best),
            "most_mb": round(int(status.partition("VmHWM:")[2].split()[0]) / 1024),
        }
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
