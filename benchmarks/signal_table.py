"""Rank IC of every signal at one horizon: on synthetic markets with and without an effect, and on the real session.

    uv run python benchmarks/signal_table.py --real ../shared/data/esh4-glbx-mdp3-20231225.mbo.dbn.zst

The rank IC is Spearman's correlation of the value at a bin with the change of the mid from that bin to the one
`--horizon-s` later, over the bins with a valid book at both ends and after the first 300. Its standard error is of a
circular block bootstrap; of several markets the mean is told.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vp_book.synthetic import write_market
from vp_contract import load_instrument
from vp_harness import Dataset, Lake, generate, import_file, signals
from vp_harness.execution.configs import pipeline_config

Floats = NDArray[np.float64]

CONFIGS = Path(__file__).parents[1] / "configs"
WARM_UP_BINS = 300
BLOCK_BINS = 300
DRAWS = 1000
VARIANTS = (("spg", "even"), ("erd", "b"), ("msd", "sum"))


def ranks(values: Floats) -> Floats:
    """Ranks, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse]


def rank_ic(values: Floats, dataset: Dataset, horizon_bins: int) -> tuple[float, float]:
    """(rank IC, its standard error)."""
    mid = dataset.bins["mid_price"].to_numpy()
    now, later = mid[:-horizon_bins], mid[horizon_bins:]
    kept = (now > 0) & (later > 0)
    kept[:WARM_UP_BINS] = False
    x, y = values[:-horizon_bins][kept], (later - now)[kept]
    if not (np.ptp(x) and np.ptp(y)):
        return 0.0, float("nan")
    x, y = ranks(x), ranks(y)
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    products = np.stack([x * y, x, y, x * x, y * y])
    rounds = np.concatenate([np.zeros((5, 1)), np.cumsum(np.tile(products, 2), axis=1)], axis=1)
    n, blocks = len(x), -(-len(x) // BLOCK_BINS)
    starts = np.random.default_rng(0).integers(0, n, (DRAWS, blocks))
    xy, mx, my, xx, yy = (rounds[:, starts + BLOCK_BINS] - rounds[:, starts]).sum(axis=2) / (blocks * BLOCK_BINS)
    drawn = (xy - mx * my) / np.sqrt((xx - mx * mx) * (yy - my * my))
    return float((x * y).mean()), float(drawn.std())


def synthetic(folder: Path, seed: int, minutes: int, effect: float) -> Dataset:
    lake = Lake(folder / f"synthetic_{effect}_{seed}")
    market = folder / f"{effect}_{seed}.mbo.dbn.zst"
    write_market(market, seed=seed, minutes=minutes, effect=effect)
    lock = load_instrument(CONFIGS / "instrument.yaml")
    import_file(lake, market, lock)
    config = pipeline_config("demo", CONFIGS, lock)
    return Dataset.open(lake, generate(config, lake))


def real(folder: Path, path: Path) -> Dataset:
    lake = Lake(folder / "real")
    lock = load_instrument(CONFIGS / "instruments" / "esh4.yaml")
    import_file(lake, path, lock)
    return Dataset.open(lake, generate(pipeline_config("esh4_reopen", CONFIGS, lock), lake))


def measure(datasets: dict[str, list[Dataset]], horizon_s: float, only: list[str]) -> list[dict[str, Any]]:
    rows = []
    entries: list[tuple[str, dict[str, Any]]]
    entries = [(name, {}) for name in signals.names()] + [(name, {"variant": v}) for name, v in VARIANTS]
    entries = [entry for entry in entries if not only or entry[0] in only]
    for name, params in sorted(entries, key=lambda entry: (entry[0], str(entry[1]))):
        row: dict[str, Any] = {"signal": name + (f" ({params['variant']})" if params else "")}
        for label, group in datasets.items():
            signal = signals.create(name, **params)
            found = []
            for dataset in group:
                began = time.perf_counter()
                values = signal.compute(dataset)
                row["compute_ms"] = round(1000 * (time.perf_counter() - began), 1)
                found.append(rank_ic(values, dataset, round(horizon_s / dataset.context.bin_seconds)))
            ic, error = np.array(found).T
            row[label] = round(float(ic.mean()), 4)
            row[f"{label} error"] = round(float(np.sqrt((error**2).sum()) / len(error)), 4)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Rank IC of every signal.")
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--effect", type=float, default=0.8)
    parser.add_argument("--seeds", type=int, default=1, help="markets with the effect")
    parser.add_argument("--null-seeds", type=int, default=4, help="markets without one")
    parser.add_argument("--horizon-s", type=float, default=5.0)
    parser.add_argument("--real", type=Path, help="the real session, a DBN file")
    parser.add_argument("--signal", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        datasets = {
            f"effect {effect:g}": [synthetic(folder, seed, options.minutes, effect) for seed in range(1, seeds + 1)]
            for effect, seeds in ((options.effect, options.seeds), (0.0, options.null_seeds))
        }
        if options.real:
            datasets["real session"] = [real(folder, options.real)]
        rows = measure(datasets, options.horizon_s, options.signal)
    labels = list(datasets)
    print("| signal | " + " | ".join(labels) + " |")
    print("| --- " * (len(labels) + 1) + "|")
    for row in rows:
        print(f"| {row['signal']} | " + " | ".join(f"{row[x]:+.3f} ± {row[x + ' error']:.3f}" for x in labels) + " |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
