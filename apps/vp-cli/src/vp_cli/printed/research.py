"""What the commands of research print: runs, rankings, trades, promotions, signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

import msgspec

from vp_harness import CONFIRM_PREFIX, FILL_MODELS, Measures, Verdict, WalkForward
from vp_harness.signals import Parameter, Part


class Tracked(TypedDict):
    """How runs were logged to MLflow: `logged` now, `known` there before; `problem` says why it was not all of them."""

    uri: str
    logged: int
    known: int
    problem: str | None


class BestRow(TypedDict):
    """The best row of an experiment: the verdict on its net pnl, and `cost`, what a round trip pays, in words."""

    run_id: str
    signal: str
    threshold: float
    verdict: Verdict | None
    doubt: str | None
    p_corrected: float | None
    confirmed_low: float | None
    confirmed_high: float | None
    cost: str


class ExperimentDone(TypedDict):
    """The runs of an experiment, `computed` now or `resumed` from an earlier time.

    `idle_axes` are axes of the sweep that changed no value of a signal, `left_out` says by date which days could not be
    made. `mlflow` is null unless the experiment is tracked, `report` where none was written, `best` where no row has
    enough signals, `walk_forward` unless days were walked over.
    """

    experiment: str
    datasets: list[str]
    runs: list[str]
    computed: int
    resumed: int
    idle_axes: list[str]
    mlflow: Tracked | None
    left_out: dict[str, str]
    report: str | None
    best: BestRow | None
    walk_forward: WalkForward | None


class RowDay(Measures, frozen=True, kw_only=True):
    """What one of several days gave of a row. `deviation_ticks` is the standard deviation of the net pnl a trade."""

    signal: str
    run_id: str
    threshold: float
    date: str
    dataset_id: str
    part: Literal["choose", "confirm"]
    deviation_ticks: float | None


if TYPE_CHECKING:
    RankedRow: TypeAlias = dict[str, Any]
    Trade: TypeAlias = dict[str, Any]
else:
    _FIGURES = [(field.name, field.type) for field in msgspec.structs.fields(Measures)]
    RankedRow = msgspec.defstruct(
        "RankedRow",
        [
            *((name, str) for name in ("run_id", "experiment", "dataset_id", "signal", "params_json", "eval_json")),
            *((name, str) for name in ("config_hash", "created_utc")),
            *((name, str | None) for name in ("cost_from", "fee_per_side")),
            ("cost", str),
            ("threshold", float),
            *_FIGURES,
            *((CONFIRM_PREFIX + name, kind) for name, kind in _FIGURES),
            ("verdict", Verdict | None),
            ("doubt", str | None),
            ("p_corrected", float | None),
            ("p_error", float | None),
            ("n_trials", int | None),
            ("statistic", float | None),
            ("confirmed_low", float | None),
            ("confirmed_high", float | None),
            ("n_looks", int | None),
            ("n_retired", int | None),
            ("deflated_sharpe", float | None),
            ("overfitting", float | None),
            ("ic_horizon_ms", int | None),
            *((name, float | None) for name in ("ic", "ic_low", "ic_high", "partial_ic")),
            *((CONFIRM_PREFIX + name, float | None) for name in ("ic", "ic_low", "ic_high", "partial_ic")),
            ("ic_half_ms", int | None),
            ("days", list[RowDay]),
        ],
        namespace={
            "__doc__": "A row of the ranking: the figures of the part that was searched, with the prefix `confirm_` "
            "those of the part that was kept, and what the whole search says about it, null where nothing was "
            "corrected: docs/research.md. `params_json` and `eval_json` are canonical JSON texts, `cost` says in words "
            "what a round trip pays. `days` is empty for a row on one dataset."
        },
    )
    Trade = msgspec.defstruct(
        "Trade",
        [
            ("threshold", float),
            ("part", Literal["choose", "confirm"]),
            ("side", Literal["buy", "sell"]),
            ("event_bin", int),
            ("event_ts_ns", int),
            *(
                (f"{model}_{name}", kind | None)
                for model in FILL_MODELS
                for name, kind in (
                    ("outcome", Literal["take_profit", "stop", "timeout"]),
                    ("entry_bin", int),
                    ("entry_ts_ns", int),
                    ("entry_price", float),
                    ("exit_bin", int),
                    ("exit_ts_ns", int),
                    ("exit_price", float),
                    ("pnl_ticks", float),
                )
            ),
        ],
        namespace={
            "__doc__": "A trade: the bin whose close decided it, and under each fill model its outcome, the bin, the "
            "time and the price of entry and exit in the quote currency, and its pnl after costs; null under a model "
            "that made no trade of it."
        },
    )


class Written(TypedDict):
    """The file that the trades of a run were written to."""

    run_id: str
    trades: int
    file: str


class Reported(TypedDict):
    """The report of a run; `alias` serves it, if one does."""

    run_id: str
    report: str
    alias: str | None


class Promoted(TypedDict):
    """A run that is published as a serving. The evidence that it was promoted on is null where the serving has none."""

    alias: str
    serving_id: str
    run_id: str
    threshold: float
    verdict: Verdict | None
    doubt: str | None
    proven: bool | None
    sound: bool | None


class Retired(TypedDict):
    """Runs that do not count any more, and why."""

    retired: list[str]
    reason: str


class Thresholds(TypedDict, total=False):
    """Where a signal fires: at `values`, or at `quantiles` of its own size on the first `calibration_share` of the
    bins."""

    values: list[float]
    quantiles: list[float]
    calibration_share: float


class ListedSignal(TypedDict):
    """A signal: what it reads, takes and tells. Of one that cannot be made `kind` and `thresholds` are null, and
    `about` says why."""

    signal: str
    package: str
    group: Literal["baseline", "statistical", "learned", "plug-in"]
    kind: Literal["signed", "probability"] | None
    columns: list[str]
    fields: list[str]
    parameters: list[Parameter]
    thresholds: Thresholds | None
    detail: list[Part]
    about: str
