"""How often the harness is wrong where nothing is to be found, and how often it finds what is there.

    uv run python benchmarks/calibration.py [--markets 200] [--power 100] [--plot calibration.svg]

Each market is one experiment: several signals at several thresholds, judged by what judges `vp run`, from the events to
the ledger, the correction and the verdict. Kinds of markets without an effect:

- `martingale`, `bursts`, `dying`: prices made in memory, see `null_markets`;
- `synthetic`: ten minutes of `write_market(effect=0)`, from the DBN file through `run_experiment`;
- `real, shifted`: the signals of a real session (ESH4 of 2023-12-25, in $VP_REAL_DATA or ../shared/data), all of
  them later by one random share of it, so that they have nothing to do with its prices.

`synthetic, effect 0.8` is half an hour with the documented effect, with a signal made for it: what was added near
the touch less what was pulled. Nothing is asserted; without the real session that kind is left out.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import numpy as np

import null_markets
from null_markets import EVALUATION, KINDS, Judged, judge, judge_bins, judged
from synthetic_vs_real import REAL_NAME
from vp_book.synthetic import write_market
from vp_contract import EvalSpec, load_instrument
from vp_harness import Dataset, Lake, ResultsStore, generate, import_file, run_experiment, signals
from vp_harness.signals import FixedThresholds, Signal, SignalContext, Stepper
from vp_harness.signals.stages import Ema

LIMIT: Final = 0.05
SYNTHETIC, REAL, EFFECT = "synthetic", "real, shifted", "synthetic, effect 0.8"

_INSTRUMENT: Final = """
product_type: future_mbo
symbol: {symbol}
symbol_root: {root}
tick_size: 0.25
contract_multiplier: 50
grid_radius_ticks: 12
n_absolute_ticks: 1024
projection_horizons_ms: [500]
"""
_PIPELINE: Final = """
name: calibration
capture: {{product_type: future_mbo, symbol: {symbol}, dt: {day}, start_time: "{start}", end_time: "{end}"}}
pipeline: {{}}
"""
_SERVING: Final = """
name: calibration
pipeline: calibration
scoring: {}
signal: {name: imbalance, params: {span_bins: 5}}
"""
_EXPERIMENT: Final = """
name: calibration
serving: calibration
eval: {evaluation}
sweep:
  per_signal:
    imbalance: {{span_bins: [5, 20], thresholds: [0.35, 0.65]}}
    depth_imbalance: {{thresholds: [0.35, 0.50]}}
    ofi: {{thresholds: [0.35, 0.65]}}
    net_edge: {{thresholds: [0.10, 0.20]}}
    trade_flow: {{thresholds: [0.20, 0.40]}}
parallel: {{executor: local, workers: 1}}
"""
_OF_SESSION: Final[Sequence[tuple[str, Mapping[str, Any], tuple[float, ...]]]] = (
    ("imbalance", {"span_bins": 5}, (0.35, 0.65)),
    ("imbalance", {"span_bins": 20}, (0.35, 0.65)),
    ("depth_imbalance", {}, (0.35, 0.5)),
    ("ofi", {}, (0.35, 0.65)),
    ("net_edge", {}, (0.1, 0.2)),
    ("trade_flow", {}, (0.2, 0.4)),
)
"""The same rows as those of `_EXPERIMENT`."""

WITH_COSTS: Final = EvalSpec(tp_ticks=4, sl_ticks=4, max_hold_bins=300, cooldown_bins=20, min_signals=20)
"""That of the demo: a taker's fills, a bin late. What is found has to earn its spread."""


class AddedFlow(Signal):
    """Adds less pulls below spot, less the same above, as a share of all of them, averaged over a second.

    Made for the planted effect: `write_market` moves adds and pulls within 12 ticks of the touch, and the price later.
    """

    class Params(msgspec.Struct, frozen=True):
        """None."""

    name: ClassVar[str] = "added_flow"
    params_type: ClassVar[type[Params]] = Params
    required_columns: ClassVar[tuple[str, ...]] = ("v_add", "v_pull")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.11, 0.14))

    def start(self, context: SignalContext = SignalContext(12, 100, 1)) -> Stepper:  # noqa: B008
        """A stepper of one bin after the other."""
        side = np.sign(-np.arange(-context.radius, context.radius + 1))
        return _Steps(side)


class _Steps:
    def __init__(self, side: Any) -> None:
        self._side, self._mean = side, Ema.of_span(10)

    def step(self, bin: Any, /) -> float:
        added, pulled = bin.cells["v_add"], bin.cells["v_pull"]
        whole = float((added + pulled).sum())
        now = float(((added - pulled) * self._side).sum()) / whole if whole > 0 else 0.0
        return float(self._mean(np.array([now]))[0])


@dataclass(frozen=True)
class Measured:
    """One kind of markets: `effect` says whether there is something to find. `p` is the smallest one of each market."""

    kind: str
    effect: bool
    markets: int
    p: list[float]
    significant: float
    """Share of markets with a corrected p of at most 0.05."""
    proven: float
    """Share of markets in which a row was called proven."""
    excludes: float
    """Share of markets in which the confirmed interval of some row leaves 0 out, in either direction."""
    seconds: float


def allowed(markets: int, share: float = LIMIT) -> float:
    """The largest share of so many markets that is compatible with `share`, of one that is binomial, at 97.5 %.

    Example: 0.08 of 200 markets at 0.05.
    """
    below = 0.0
    for count in range(markets + 1):
        below += math.comb(markets, count) * share**count * (1 - share) ** (markets - count)
        if below >= 0.975:
            return count / markets
    return 1.0


def write_configs(root: Path, symbol: str, root_symbol: str, day: str, start: str, end: str) -> Path:
    """The YAML files of one market."""
    evaluation = json.dumps({k: v for k, v in msgspec.to_builtins(EVALUATION).items() if k != "split"})
    texts = {
        "instrument.yaml": _INSTRUMENT.format(symbol=symbol, root=root_symbol),
        "pipelines/calibration.yaml": _PIPELINE.format(symbol=symbol, day=day, start=start, end=end),
        "serving/calibration.yaml": _SERVING,
        "experiments/calibration.yaml": _EXPERIMENT.format(evaluation=evaluation),
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "serving_versions").mkdir(exist_ok=True)
    return root


@contextmanager
def synthetic_lake(seed: int, minutes: int, effect: float) -> Iterator[tuple[Lake, Path]]:
    """A lake with one synthetic market of so many minutes and one before them, and its configs."""
    with tempfile.TemporaryDirectory() as folder:
        configs = write_configs(Path(folder) / "configs", "SYNM6", "SYN", "2026-02-06", "09:25", f"09:{25 + minutes}")
        file = Path(folder) / "market.mbo.dbn.zst"
        write_market(file, seed=seed, minutes=minutes + 1, effect=effect, date="2026-02-06", start="09:24")
        lake = Lake(Path(folder) / "lake")
        import_file(lake, file, load_instrument(configs / "instrument.yaml"))
        yield lake, configs


def judge_synthetic(number: int) -> Judged:
    """Ten minutes in which nothing leads the price."""
    with synthetic_lake(10_000 + number, 10, 0.0) as (lake, configs):
        run_experiment("calibration", lake, config_root=configs)
        return judged(ResultsStore(lake))


def judge_effect(number: int) -> Judged:
    """Half an hour with the documented effect."""
    with synthetic_lake(20_000 + number, 30, 0.8) as (lake, configs):
        dataset_id = generate("calibration", lake, config_root=configs)
        dataset = Dataset.open(lake, dataset_id)
        signal = AddedFlow()
        tried = [(signal, signal.compute(dataset), AddedFlow.thresholds.values)]
        return judge(dataset, tried, WITH_COSTS, ResultsStore(lake), lake, dataset_id)


@functools.cache
def _session(lake_root: str, dataset_id: str) -> tuple[Dataset, list[tuple[Signal, Any, tuple[float, ...]]]]:
    dataset = Dataset.open(lake_root, dataset_id)
    made = [(signals.create(name, **params), thresholds) for name, params, thresholds in _OF_SESSION]
    return dataset, [(signal, signal.compute(dataset), thresholds) for signal, thresholds in made]


def judge_shifted(lake_root: str, dataset_id: str, number: int) -> Judged:
    """The real session with its signals later by a random share of it."""
    dataset, tried = _session(lake_root, dataset_id)
    hold = EVALUATION.max_hold_bins
    by = int(np.random.default_rng(number).integers(hold, dataset.n_bins - hold))
    moved = [(signal, np.roll(values, by), thresholds) for signal, values, thresholds in tried]
    with tempfile.TemporaryDirectory() as folder:
        return judge(dataset, moved, EVALUATION, ResultsStore(folder), Lake(lake_root), dataset_id)


def judge_made(kind: str, number: int) -> Judged:
    """A market made in memory."""
    return judge_bins(null_markets.market(kind, number))


def real_path() -> Path | None:
    """The real session, where it is."""
    folder = os.environ.get("VP_REAL_DATA")
    path = (Path(folder) if folder else Path(__file__).parents[1].parent / "shared" / "data") / REAL_NAME
    return path if path.is_file() else None


def session_dataset(folder: Path, path: Path) -> tuple[str, str]:
    """The lake and the dataset of 50 minutes of the real session."""
    configs = write_configs(folder / "configs", "ESH4", "ES", "2023-12-25", "18:05", "18:55")
    lake = Lake(folder / "lake")
    import_file(lake, path, load_instrument(configs / "instrument.yaml"))
    return str(lake.root), generate("calibration", lake, config_root=configs)


def measure(kind: str, of: Callable[[int], Judged], markets: int, pool: ProcessPoolExecutor) -> Measured:
    """Judge so many markets of one kind."""
    began = time.perf_counter()
    found = list(pool.map(of, range(markets), chunksize=2))
    p = np.array([one.p for one in found])
    return Measured(
        kind=kind,
        effect=kind == EFFECT,
        markets=markets,
        p=p.tolist(),
        significant=float(np.mean(p <= LIMIT)),
        proven=float(np.mean([one.proven for one in found])),
        excludes=float(np.mean([one.excludes for one in found])),
        seconds=round(time.perf_counter() - began, 1),
    )


def show(one: Measured) -> None:
    """One line of the table."""
    figures = f"{100 * one.significant:11.1f} %{100 * one.proven:11.1f} %"
    figures += " " * 13 if one.effect else f"{100 * one.excludes:11.1f} %"
    bound = "at least 80 %" if one.effect else f"at most {100 * allowed(one.markets):.1f} %"
    print(f"{one.kind:24}{one.markets:8}{figures}   {bound:16}{one.seconds:8.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markets", type=int, default=200, help="markets of each kind without an effect")
    parser.add_argument("--power", type=int, default=100, help="markets with the effect")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS, SYNTHETIC, REAL, EFFECT], metavar="KIND")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there as well")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot there")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="given", help="show an earlier --json instead")
    options = parser.parse_args()
    print(f"{'':24}{'markets':>8}{'p <= 0.05':>13}{'proven':>13}{'0 left out':>13}")
    measured: list[Measured] = []
    if options.given:
        measured = [Measured(**one) for one in json.loads(options.given.read_text())]
        for one in measured:
            show(one)
    else:
        wanted = options.kinds or [*KINDS, SYNTHETIC, REAL, EFFECT]
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(options.workers) as pool:
            judges: dict[str, Callable[[int], Judged]] = {kind: functools.partial(judge_made, kind) for kind in KINDS}
            judges |= {SYNTHETIC: judge_synthetic, EFFECT: judge_effect}
            path = real_path()
            if REAL in wanted and path is not None:
                judges[REAL] = functools.partial(judge_shifted, *session_dataset(Path(folder), path))
            for kind in wanted:
                if kind in judges:
                    count = options.power if kind == EFFECT else options.markets
                    measured.append(measure(kind, judges[kind], count, pool))
                    show(measured[-1])
                else:
                    print(f"{kind:24}left out: {REAL_NAME} is not here; name its folder in VP_REAL_DATA")
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measured], indent=1) + "\n")
    if options.plot:
        from calibration_plots import draw  # matplotlib is in the dependency group `plots` only

        draw(measured, options.plot)


if __name__ == "__main__":
    main()
