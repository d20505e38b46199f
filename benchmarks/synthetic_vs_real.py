"""The synthetic market beside a real session: the same measurements of both, as a table and as plots.

    uv run python benchmarks/synthetic_vs_real.py [--seed 1] [--plots docs/img] [--json FILE]

The real session is ESH4 of 2023-12-25, looked for in $VP_REAL_DATA or in ../shared/data beside the repository. Two
synthetic ones stand beside it: one of the same hour of the evening, and one of the morning after the open, which is
what the demo shows. Without `--plots` nothing but NumPy and vp-book is needed. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from session_measures import (
    NS,
    Session,
    autocorrelation,
    counts,
    fano,
    measure,
    returns,
    share_up_to,
    survival,
)
from vp_book.synthetic import write_market

REAL_NAME = "esh4-glbx-mdp3-20231225.mbo.dbn.zst"


def table(session: Session) -> dict[str, float]:
    """The figures of one session by name; units are in the names."""
    orders, minutes = session.orders, session.seconds / 60
    ended, filled = np.array(orders.ended), np.array(orders.filled)
    adds, trades = session.of(b"A")["size"], np.array(orders.taken)
    gaps_ms = np.diff(session.event_ns) / 1e6
    at_s = np.array([0.001, 0.01, 0.1, 1.0, 10.0, 60.0])
    all_fills = sum(orders.fills_of.values())
    jumps = returns(session, 1.0)
    rows = {"records/s": len(session.records) / session.seconds}
    rows |= {f"  {a} %": 100 * float(np.mean(session.records["action"] == a.encode())) for a in "ACMTF"}
    rows |= {"events/s": len(session.event_ns) / session.seconds}
    rows |= {f"  of one record, {n} or fewer records %": 100 * share_up_to(session.event_sizes, n) for n in (1, 3, 10)}
    rows |= {f"order size: {n} or fewer %": 100 * share_up_to(adds, n) for n in (1, 5, 20)} | {
        "  mean": float(adds.mean())
    }
    rows |= {f"orders older than {t:g} s %": 100 * float(x) for t, x in zip(at_s, survival(orders, at_s), strict=True)}
    rows |= {"ended orders that were filled %": 100 * float(filled.sum() / ended.sum())}
    rows |= {"aggressors/min": len(trades) / minutes, "  contracts, mean": float(trades.mean())}
    rows |= {f"  {n} or fewer %": 100 * share_up_to(trades, n) for n in (1, 10)}
    rows |= {"  met more than one level %": 100 * float(np.mean(np.array(orders.levels_taken) > 1))}
    rows |= {"volume/min": float(trades.sum()) / minutes}
    rows |= {"iceberg refreshes per 1000 fills": 1000 * orders.refreshes / len(session.of(b"F"))}
    rows |= {"  volume of icebergs %": 100 * sum(orders.fills_of[i] for i in orders.icebergs) / all_fills}
    rows |= {f"depth at {k} ticks": float(session.depth[k]) for k in (0, 1, 5, 10, 20, 50, 90)}
    for action, word in (("A", "adds"), ("C", "cancels")):
        rows |= {
            f"{word} within {k} ticks of the touch %": 100 * share_up_to(session.distance_of[action], k)
            for k in (0, 4, 20)
        }
    rows |= {f"spread of {n} tick %": 100 * float(np.mean(session.spread_ticks == n)) for n in (1, 2)}
    rows |= {"mid: SD of 1 s, ticks": float(jumps.std()), "  of 60 s": float(returns(session, 60.0).std())}
    rows |= {"  seconds without change %": 100 * float(np.mean(jumps == 0))}
    rows |= {"  kurtosis of 1 s": float(np.mean((jumps - jumps.mean()) ** 4) / jumps.var() ** 2)}
    rows |= {f"time between events, {q} %, ms": float(np.percentile(gaps_ms, q)) for q in (10, 25, 50, 75, 90)}
    for window in (0.1, 1.0, 10.0):
        n = counts(session, window).astype(float)
        rows |= {
            f"counts of {window:g} s: Fano factor": fano(session, window),
            f"  SD / mean ({window:g} s)": float(n.std() / n.mean()),
        }
        rows[f"  autocorrelation, lag 1 ({window:g} s)"] = float(autocorrelation(n, 1)[0])
    return rows


def real_path() -> Path:
    """The real session, or an exit that says where it belongs."""
    folder = os.environ.get("VP_REAL_DATA")
    path = (Path(folder) if folder else Path(__file__).parents[1].parent / "shared" / "data") / REAL_NAME
    if not path.is_file():
        sys.exit(f"{REAL_NAME} is not in {path.parent}: put it there, or name its folder in VP_REAL_DATA")
    return path


def sessions(seed: int, effect: float, folder: Path) -> list[Session]:
    """Real, synthetic of the same hour, synthetic after the open."""
    opened = datetime(2023, 12, 25, 23, 10, tzinfo=UTC)
    begin = int(opened.timestamp()) * NS
    out = [measure("real evening", real_path(), "ESH4", begin, begin + 50 * 60 * NS)]
    for name, start in (("synthetic evening", "18:10"), ("synthetic morning", "09:31")):
        market = write_market(folder / "m.dbn", seed=seed, minutes=30, start=start, effect=effect)
        # the first minute is left out: the book was made, not traded, before it
        begin = market.start_ns + 60 * NS
        out.append(measure(name, market.path, "SYNM6", begin, market.end_ns))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description="The synthetic market beside a real session.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--effect", type=float, default=0.0)
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write synthetic-*.png there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = sessions(options.seed, options.effect, Path(folder))
    tables = [table(session) for session in measured]
    print(f"{'':44}" + "".join(f"{session.name:>20}" for session in measured))
    for row in tables[0]:
        print(f"{row:44}" + "".join(f"{figures[row]:20.4g}" for figures in tables))
    if options.json:
        by_name = {session.name: figures for session, figures in zip(measured, tables, strict=True)}
        options.json.write_text(json.dumps(by_name, indent=2) + "\n")
    if options.plots:
        from session_plots import draw  # matplotlib is in the dependency group `plots` only

        draw(measured, options.plots)


if __name__ == "__main__":
    main()
