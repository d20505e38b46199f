"""Markets in which nothing leads the price, as per-bin tables, and how they are judged: by the harness itself.

Prices are martingales: whole ticks up or down with equal odds, whatever happened before. What is unpleasant about them
is when they move. `KINDS` names them:

- `martingale`: at the same rate throughout;
- `bursts`: in busy spells of some 6 s, twenty times as often as between them;
- `dying`: ever less often, to a fiftieth of the rate at the start.

Trades go along with the move of their own bin, and sizes at the best prices remember, so that signals of them
have trends, fire in bursts where the price moves in bursts, and say nothing of the moves to come. With a `lead` they
do: there are spells in which the sizes lean to one side, and a second later the price does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import numpy as np
import polars as pl
from numpy.typing import NDArray

import vp_harness.judgement.correction as correction
import vp_harness.judgement.drawing as drawing
import vp_harness.judgement.superior as superior
from vp_contract import EvalSpec
from vp_harness import Lake, ResultsStore, signals
from vp_harness.evaluation.evaluate import OutcomeTables, PricedBins, evaluate
from vp_harness.judgement.market import Market
from vp_harness.lake.manifest import canonical_json
from vp_harness.research.records import Run
from vp_harness.signals import Signal, SignalContext

TICK_INT: Final = 250_000_000
WIDTH_MS: Final = 100
SPELL_BINS: Final = 120
"""How long sizes lean to one side, or to none, where something leads."""
LEAD_BINS: Final = 10
"""How much later the price does."""
DATASET: Final = "market"
EVALUATION: Final = EvalSpec(
    tp_ticks=4, sl_ticks=4, max_hold_bins=100, cooldown_bins=10, min_signals=10, fill_model="mid"
)
"""The mid, at no cost: a market without an effect then earns exactly nothing on average. Costs would hide an error."""

TRIED: Final[Sequence[tuple[str, Mapping[str, Any], tuple[float, ...]]]] = (
    ("imbalance", {"span_bins": 5}, (0.35, 0.65)),
    ("imbalance", {"span_bins": 20}, (0.2, 0.35)),
    ("trade_flow", {"span_bins": 20}, (0.2, 0.4)),
    ("trade_flow", {"span_bins": 50}, (0.1, 0.2)),
)
"""Signal, parameters and thresholds of an experiment: eight rows."""


class Judged(NamedTuple):
    """What the harness said of one experiment.

    `p` is the smallest corrected p-value of its rows, 1 where none had events enough. `proven` says whether some row
    was called that, `excludes` whether the confirmed interval of some row with trades enough leaves 0 out.
    """

    p: float
    proven: bool
    excludes: bool
    rows: int


def judged(store: ResultsStore, evaluation: EvalSpec = EVALUATION) -> Judged:
    """The same of what is stored of one experiment."""
    corrections = store.corrections()
    enough = store.rows().filter(pl.col("confirm_n_signals") >= evaluation.min_signals)
    able = corrections.join(enough, on=["run_id", "threshold"], how="semi")
    excludes = able.select(((pl.col("confirmed_low") > 0) | (pl.col("confirmed_high") < 0)).any()).item()
    return Judged(
        float(corrections["p_corrected"].min()),  # type: ignore[arg-type]
        bool((corrections["verdict"] == "proven").any()),
        bool(excludes),
        corrections.height,
    )


@dataclass(frozen=True)
class Bins:
    """Stands for a dataset: its per-bin table. It has no grid, and nothing is known of passive orders."""

    bins: pl.DataFrame
    tick_int: int = TICK_INT
    has_fills = False
    passive_fills = None

    @property
    def config(self) -> Any:
        """Of the config outcomes need the tick alone."""
        return self

    @property
    def n_bins(self) -> int:
        return self.bins.height

    @property
    def context(self) -> SignalContext:
        return SignalContext(1, WIDTH_MS, TICK_INT)

    def grid(self, column: str) -> NDArray[Any]:
        raise KeyError(column)


def _steady(rng: np.random.Generator, n_bins: int) -> NDArray[np.float64]:  # noqa: ARG001
    return np.ones(n_bins)


def _bursts(rng: np.random.Generator, n_bins: int) -> NDArray[np.float64]:
    spells = np.empty(0, np.int64)
    while spells.sum() < n_bins:
        spells = np.append(spells, [rng.geometric(1 / 300), rng.geometric(1 / 60)])
    busy = np.repeat(np.arange(len(spells)) % 2, spells)[:n_bins]
    return np.where(busy == 1, 4.0, 0.2)


def _dying(rng: np.random.Generator, n_bins: int) -> NDArray[np.float64]:  # noqa: ARG001
    return np.asarray(5.0 * np.exp(-np.arange(n_bins) * (np.log(50.0) / n_bins)))


KINDS: Final[Mapping[str, Callable[[np.random.Generator, int], NDArray[np.float64]]]] = {
    "martingale": _steady,
    "bursts": _bursts,
    "dying": _dying,
}


def market(kind: str, seed: int, n_bins: int = 6000, lead: float = 0.0) -> Bins:
    """A market of one of the `KINDS`. With `lead`, in (0, 1], the odds of a move are (1 + lead) : (1 - lead)."""
    rng = np.random.default_rng([list(KINDS).index(kind), seed])
    rate = KINDS[kind](rng, n_bins)
    leans = np.repeat(rng.integers(-1, 2, n_bins // SPELL_BINS + 1), SPELL_BINS)[:n_bins] * (lead > 0)
    up = rng.random(n_bins) < 0.5 + 0.5 * lead * np.concatenate([np.zeros(LEAD_BINS), leans[:-LEAD_BINS]])
    moves = np.where(rng.random(n_bins) < np.minimum(0.9, 0.15 * rate), np.where(up, 1, -1), 0)
    bid = 20_000 + np.cumsum(moves)
    before = bid - moves
    columns: dict[str, Any] = {"book_valid": rng.random(n_bins) > 0.005}
    for side, price, sign in (("bid", 0, 1), ("ask", 1, -1)):
        size = 3.0 + sign * leans + _remembering(rng, np.sqrt(rate))
        columns |= {
            f"best_{side}_price_int": (bid + price) * TICK_INT,
            f"{side}_high_price_int": (np.maximum(bid, before) + price) * TICK_INT,
            f"{side}_low_price_int": (np.minimum(bid, before) + price) * TICK_INT,
            f"best_{side}_size": np.round(np.exp(size)).astype(np.int64),
        }
    for side, sign in (("buy", 1), ("sell", -1)):
        columns[f"{side}_volume"] = rng.poisson(2.0 * rate * (1.0 + 0.8 * sign * moves))
    return Bins(pl.DataFrame(columns))


def _remembering(rng: np.random.Generator, size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise of this size that halves its memory in some seven bins."""
    values = rng.normal(size=len(size)) * np.minimum(size, 1.5) * 0.44
    for t in range(1, len(values)):
        values[t] += 0.9 * values[t - 1]
    return values


def tried_on(source: Bins) -> list[tuple[Signal, NDArray[np.float64], tuple[float, ...]]]:
    """The signals of `TRIED` with their values (n_bins) and thresholds."""
    made = [(signals.create(name, **params), thresholds) for name, params, thresholds in TRIED]
    return [(signal, signal.compute(source), thresholds) for signal, thresholds in made]


def judge_bins(source: Bins, evaluation: EvalSpec = EVALUATION) -> Judged:
    """What the harness says of the experiment `TRIED` on bins at hand."""
    with tempfile.TemporaryDirectory() as folder, datasets_are(source):
        lake = Lake(folder)
        lake.dataset_dir(DATASET).mkdir(parents=True)
        return judge(source, tried_on(source), evaluation, ResultsStore(lake), lake, DATASET)


def judge(
    source: PricedBins,
    tried: Sequence[tuple[Signal, NDArray[np.float64], tuple[float, ...]]],
    evaluation: EvalSpec,
    store: ResultsStore,
    lake: Lake,
    dataset_id: str,
) -> Judged:
    """Judge signals with their values (n_bins) at some thresholds, as `run_experiment` does: what it stores of them is
    stored, and the search is corrected for all of them.
    """
    tables = OutcomeTables(source)
    n_bins = source.bins.height
    place = Market(
        product_type="future_mbo",
        symbol="NULL",
        sources=(),
        start_ns=0,
        end_ns=n_bins * WIDTH_MS * 1_000_000,
        cell_width_ms=WIDTH_MS,
    )
    runs = []
    for number, (signal, values, thresholds) in enumerate(tried):
        run_id = f"{number:016x}"
        split, rows, _, _ = evaluate(
            values, signal, tables, evaluation, cell_width_ms=WIDTH_MS, seed=run_id, thresholds=thresholds
        )
        run = Run(
            run_id=run_id,
            experiment="calibration",
            dataset_id=dataset_id,
            signal=signal.name,
            params_json="{}",
            eval_json=canonical_json(evaluation).decode(),
            runtime_json="{}",
            config_hash="0" * 64,
            versions_json="{}",
            choose_first=split.choose_first,
            choose_end=split.choose_end,
            confirm_first=split.confirm_first,
            confirm_end=split.confirm_end,
            elapsed_s=0.0,
            created_utc="2026-02-06T00:00:00Z",
            market_json=canonical_json(place).decode(),
        )
        runs.append((run, rows))
    store.append(runs)
    correction.correct_search(store, lake, [dataset_id])
    return judged(store, evaluation)


@contextmanager
def datasets_are(source: Bins) -> Iterator[None]:
    """While it lasts, the bins that the correction opens are these: nothing of them is on the disk.

    Only where bins come from is replaced, and the look whether a file of theirs has changed.
    """
    opens = type("Opens", (), {"open": staticmethod(lambda *_: source)})
    with ExitStack() as stack:
        for module in (drawing, correction, superior):
            stack.enter_context(patch.object(module, "Dataset", opens))
            stack.enter_context(patch.object(module, "check_runs", lambda *_: 0))
        yield
