"""Kill processes that download by batch at random moments, and see what is left.

    python -m support.download_kills DIRECTORY KILLS SEED     # in tests/, with the packages installed

Every process goes on with five days of two roots, from a service that fails at random, and ends with SIGKILL after a
random time. When a set of files is whole before all kills are used, the next five days follow in a lake of their own.
Prints JSON.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import databento  # noqa: F401 - before the processes are forked

from support.batch_service import KEY, environment
from support.batch_service.market import two_roots
from vp_contract import InstrumentLock
from vp_harness import Lake
from vp_harness.intake import DatabentoApi, Downloads, Patience, StateFile, days_of, make_plan

FIRST = dt.date(2024, 3, 11)
PATIENCE = Patience(first_s=0.01, longest_s=0.05, attempts=200, poll_s=0.03, settle_s=0.4)
LOCKS = [
    InstrumentLock(product_type="future_mbo", symbol=symbol, symbol_root=symbol[:2], tick_size=Decimal("0.25"))
    for symbol in ("ESH4", "NQH4")
]


def work(lake: Lake, url: str, first: dt.date) -> None:
    """What a daemon does: the plan, its orders, their files."""
    api = DatabentoApi(KEY, url)
    days = days_of([f"{first}..{first + dt.timedelta(days=4)}"])
    with Downloads(lake, api, patience=PATIENCE) as downloads:
        downloads.want(make_plan(api, lake, downloads.state, LOCKS, days, patience=PATIENCE))
        downloads.run()


def start(lake: Lake, url: str, first: dt.date) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(lake, url, first)
            code = 0
        except Exception as problem:  # noqa: BLE001 - the child says what it was and ends
            sys.stderr.write(f"{type(problem).__name__}: {problem}\n")
        finally:
            os._exit(code)
    return pid


def killed(pid: int, after_s: float) -> bool:
    """Kill a process after a while; False if it had ended before, which has to be well."""
    until = time.monotonic() + after_s
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            if status:
                raise SystemExit(f"a process ended with {status}")
            return False
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def check(lake: Lake, first: dt.date) -> list[tuple[str, str]]:
    """Exactly the files that were wanted, each with the service's bytes; returns (symbol, day) of each."""
    market, expected = two_roots(FIRST), {}
    for day in days_of([f"{first}..{first + dt.timedelta(days=4)}"]):
        for root in ("ES", "NQ"):
            symbol = market.front(root, day) or ""
            expected[symbol, day] = hashlib.sha256(market.file(symbol, day)).hexdigest()
    names = {f"{symbol.lower()}-{day:%Y%m%d}.mbo.dbn.zst": digest for (symbol, day), digest in expected.items()}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in lake.root.rglob("*")
        if path.is_file() and path.suffix not in (".json", ".sqlite")
    }
    if found != names:
        raise SystemExit(f"wrong files: {sorted(set(found.items()) ^ set(names.items()))}")
    with StateFile(lake.downloads_path) as state:
        if any(wanted.state != "stored" for wanted in state.all()) or len(state.all()) != len(names):
            raise SystemExit(f"wrong state: {state.all()}")
    return [(symbol, str(day)) for symbol, day in expected]


def main(directory: Path, kills: int, seed: int) -> None:
    os.environ.update(environment())
    chance = random.Random(seed)
    command = [sys.executable, "-m", "support.batch_service", str(FIRST), "0.1", "0.01", str(seed)]
    service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    url = service.stdout.readline().strip()
    done, unsure, number, began = 0, 0, 0, time.monotonic()
    wanted: list[tuple[str, str]] = []
    while number == 0 or done < kills:
        lake, first = Lake(directory / f"lake{number}"), FIRST + dt.timedelta(days=7 * number)
        while done < kills and killed(start(lake, url, first), chance.random() * 1.2):
            done += 1
            if lake.downloads_path.exists():
                with StateFile(lake.downloads_path) as state:
                    unsure += bool(state.all("submitting"))
        while killed(start(lake, url, first), 120):
            raise SystemExit("an undisturbed process did not come to its end")
        wanted += check(lake, first)
        number += 1
    for again in range(number):  # a second time there is nothing to do
        work(Lake(directory / f"lake{again}"), url, FIRST + dt.timedelta(days=7 * again))
        check(Lake(directory / f"lake{again}"), FIRST + dt.timedelta(days=7 * again))
    out, _ = service.communicate("", timeout=20)
    report = json.loads(out)
    twice = [one for one, count in Counter(map(tuple, report["submitted"])).items() if count > 1]
    if sorted(map(tuple, report["submitted"])) != sorted(wanted):
        raise SystemExit(f"ordered twice: {twice}; ordered {len(report['submitted'])} of {len(wanted)}")
    facts = {"killed": done, "with_an_order_unknown": unsure, "files": len(wanted), "ordered": len(report["submitted"])}
    facts |= {"requests": len(report["asked"]), "file_requests": Counter(report["asked"])["file"]}
    print(json.dumps({**facts, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
