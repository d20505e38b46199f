"""What the REST routes answer: the structs that are sent, and that the OpenAPI document is made from."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from vp_contract import Date
from vp_harness import Measures, Sort, Verdict
from vp_stream.http.research.answers import HorizonRow, TradeSort

RunSort: TypeAlias = Literal[
    Sort,
    "experiment",
    "dataset_id",
    "date",
    "signal",
    "threshold",
    "n_signals",
    "verdict",
    "confirm_n_signals",
    "confirm_tp_rate",
    "confirm_net_pnl_ticks",
    "created_utc",
    "alias",
]
"""What a list of runs can be in order of: the figures that rank, and every other column of it."""

Order: TypeAlias = Literal["best", "ascending", "descending"]


class ErrorAnswer(Struct, frozen=True, kw_only=True, tag="error", omit_defaults=True):
    """A request that cannot be answered. `code` is for programs; `parameter` names the one that is wrong, if one is."""

    code: str
    message: str
    parameter: str | None = None


class Health(Struct, frozen=True, kw_only=True):
    """Whether the server can do its work: `ok`, `degraded` while an engine run stands failed, a serving's signal is
    missing here or the live feed is lost, or `unavailable`. `live` is the state of that feed, where there is one."""

    status: str
    service: str
    version: str
    instrument: dict[str, str]
    digests: dict[str, str]
    clients: int
    bins_sent: int
    bins_skipped: int
    problems: list[str]
    engine_failures: dict[str, str]
    signals_missing: dict[str, str]
    live: dict[str, Any] | None = None


class ServingEntry(Struct, frozen=True, kw_only=True):
    """An alias, the serving it points to, and since when."""

    alias: str
    serving_id: str
    updated: str


class ServingList(Struct, frozen=True, kw_only=True):
    """Every alias."""

    servings: list[ServingEntry]


class ServingEvent(Struct, frozen=True, kw_only=True):
    """One change of an alias; `from_id` is null for its first."""

    seq: int
    alias: str
    kind: str
    from_id: str | None
    to_id: str
    actor: str
    time: str
    reason: str


class ServingHistory(Struct, frozen=True, kw_only=True):
    """The audit trail of an alias, oldest first."""

    alias: str
    history: list[ServingEvent]


class LinkQuery(Struct, frozen=True, kw_only=True):
    """Which links of the chain."""

    bin_seq: Annotated[int, Meta(ge=0)] = 0
    count: Annotated[int, Meta(ge=1, le=4096)] = 256


class ServingLinks(Struct, frozen=True, kw_only=True):
    """The hash chain over a serving's frames, from one bin on.

    `before` is the whole link of the bin before `bin_seq`, 64 hex digits; `links` are the first 16 of the links of
    `bin_seq` and the bins after it, `head` the last link of all `bins`.
    """

    serving_id: str
    bins: int
    head: str
    bin_seq: int
    before: str
    links: list[str]


class RunRow(Struct, frozen=True, kw_only=True):
    """A run at its best threshold. `date` is that of its capture, YYYY-MM-DD in New York.

    `choose` are the figures of the part that was searched, which rank it; `confirm` those of the part that was kept.
    `p_corrected` counts all `n_trials` trials on the market, `p_error` is its Monte Carlo error; `confirmed_low` and
    `confirmed_high` bound the net pnl of the kept part in ticks at 95 %, corrected for `n_looks` looks at it. `verdict`
    is proven, unproven or refuted, and `doubt` says why; `statistic` is what `p_corrected` is of, `deflated_sharpe` and
    `overfitting` are probabilities, and `n_retired` runs do not count any more. All of them are null where nothing was
    corrected. `ic` is the rank IC of the signal at `ic_horizon_ms`, where the choosing part has its greatest. A run can
    be streamed when an alias serves it: `streaming_url` is the address of the stream then, `page_url` of the page.
    """

    run_id: str
    experiment: str
    dataset_id: str
    date: str
    signal: str
    params: dict[str, Any]
    threshold: float
    created_utc: str
    choose: Measures
    confirm: Measures
    verdict: Verdict | None
    doubt: str | None
    p_corrected: float | None
    p_error: float | None
    n_trials: int | None
    confirmed_low: float | None
    confirmed_high: float | None
    n_looks: int | None
    n_retired: int | None
    statistic: float | None
    deflated_sharpe: float | None
    overfitting: float | None
    ic: float | None
    ic_horizon_ms: int | None
    can_stream: bool
    alias: str | None
    streaming_url: str | None
    page_url: str | None


class RunChoices(Struct, frozen=True, kw_only=True):
    """What the parameters may be."""

    experiment: list[str]
    signal: list[str]
    dataset_id: list[str]
    date: list[str]
    sort: list[str]


class RunList(Struct, frozen=True, kw_only=True):
    """Runs from the one numbered `first` on, of the `total` that match, and what they can be filtered by."""

    total: int
    first: int
    runs: list[RunRow]
    choices: RunChoices


class ThresholdFigures(Struct, frozen=True, kw_only=True):
    """One threshold of a run."""

    threshold: float
    choose: Measures
    confirm: Measures
    verdict: Verdict | None
    doubt: str | None
    p_corrected: float | None
    p_error: float | None
    n_trials: int | None
    confirmed_low: float | None
    confirmed_high: float | None
    n_looks: int | None
    n_retired: int | None
    statistic: float | None
    deflated_sharpe: float | None
    overfitting: float | None
    ic: float | None
    ic_horizon_ms: int | None


class DayFigures(Struct, frozen=True, kw_only=True):
    """What one threshold of a run on several days gave on one of them, which is of the part `choose` or `confirm`."""

    threshold: float
    date: str
    dataset_id: str
    part: str
    figures: Measures


class DayLeftOut(Struct, frozen=True, kw_only=True):
    """A day that was asked for and could not be made, and why."""

    date: str
    reason: str


class RunDetail(Struct, frozen=True, kw_only=True):
    """A run with every threshold. `eval` is what it was judged by, `config` its whole runtime config.

    `cost` says in words what a round trip pays and who says so, the experiment or the instrument file.
    `information` is what its signal says before anything is traded; there is none where the parts are too short. `days`
    has a row a day of each threshold where it is of several days; `dataset_id` names them together then, and `config`
    is that of the first. `left_out` are days that could not be made.
    """

    run_id: str
    experiment: str
    dataset_id: str
    date: str
    signal: str
    params: dict[str, Any]
    eval: dict[str, Any]
    cost: str
    config: dict[str, Any]
    config_hash: str
    versions: dict[str, str]
    choose_first: int
    choose_end: int
    confirm_first: int
    confirm_end: int
    elapsed_s: float
    created_utc: str
    thresholds: list[ThresholdFigures]
    information: list[HorizonRow]
    days: list[DayFigures]
    left_out: list[DayLeftOut]
    can_stream: bool
    alias: str | None
    streaming_url: str | None
    page_url: str | None


class RunQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the list of runs: `top_n` of them from the one numbered `first` on.

    `order` is best (greatest first, the smallest p first, words from A), ascending or descending.
    """

    experiment: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    signal: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    dataset_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    date: Date | None = None
    verdict: Verdict | None = None
    sort: RunSort = "tp_rate"
    order: Order = "best"
    min_signals: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 5
    first: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    top_n: Annotated[int, Meta(ge=1, le=1000)] = 50


class TradeQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trades of a run: those at `threshold`, or of all its thresholds, `count` of them from the `first` on.

    They are in order of `sort`, and of threshold and time where that is equal.
    """

    threshold: float | None = None
    sort: TradeSort = "threshold"
    order: Literal["ascending", "descending"] = "ascending"
    first: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class TradeFill(Struct, frozen=True, kw_only=True):
    """A trade under one fill model: bins, times (ns since the epoch, UTC), prices in the quote currency, and its pnl
    in ticks after costs. `outcome` is take_profit, stop or timeout."""

    outcome: str
    entry_bin: int
    entry_ts_ns: int
    entry_price: float
    exit_bin: int
    exit_ts_ns: int
    exit_price: float
    pnl_ticks: float


class TradeRow(Struct, frozen=True, kw_only=True):
    """A trade: `part` is choose or confirm, `side` buy or sell, `event_bin` the bin whose close decided it, of
    `dataset_id`: of a run on several days that of its day, whose bins are numbered on from those of the days before.

    `mid`, `cross` and `queue` are null where the order was not filled under that fill model: it found no valid book to
    trade in, or waited in vain; `queue` also on a dataset that does not follow passive orders.
    """

    threshold: float
    part: str
    side: str
    event_bin: int
    event_ts_ns: int
    dataset_id: str
    mid: TradeFill | None
    cross: TradeFill | None
    queue: TradeFill | None


class TradeList(Struct, frozen=True, kw_only=True):
    """Trades of a run in the order that was asked for, from the one numbered `first` on, of `total` there are."""

    run_id: str
    total: int
    first: int
    trades: list[TradeRow]
