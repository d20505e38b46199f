"""The service as a process, until its input ends.

    python -m support.batch_service FIRST_DAY CHANCE PAUSE_S SEED

Prints its address, and in the end as JSON what was ordered of it.
"""

from __future__ import annotations

import datetime as dt
import json
import sys

from support.batch_service import BatchServer, Service
from support.batch_service.market import two_roots


def main(first: str, chance: str, pause_s: str, seed: str) -> None:
    market = two_roots(dt.date.fromisoformat(first))
    with BatchServer(Service(market, chance=float(chance), pause_s=float(pause_s), seed=int(seed))) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        print(json.dumps({"submitted": server.service.submitted, "asked": server.service.asked}))


if __name__ == "__main__":
    main(*sys.argv[1:])
