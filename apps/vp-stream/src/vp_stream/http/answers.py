"""What the REST routes answer: the structs that are sent, and that the OpenAPI document is made from."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from vp_harness import Metrics, Sort, Verdict


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
    """A run at its best threshold.

    `choose` are the figures of the part that was searched, which rank it; `confirm` those of the part that was kept.
    `p_corrected` counts all `n_trials` trials on the market, `p_error` is its Monte Carlo error; `confirmed_low` and
    `confirmed_high` bound the net pnl of the kept part in ticks at 95 %, corrected for `n_looks` looks at it. `verdict`
    is proven, unproven or refuted, and `doubt` says why. All of them are null where nothing was corrected. A run can be
    streamed when an alias serves it: `streaming_url` is the address of the stream then, `page_url` of the page.
    """

    run_id: str
    experiment: str
    dataset_id: str
    signal: str
    params: dict[str, Any]
    threshold: float
    created_utc: str
    choose: Metrics
    confirm: Metrics
    verdict: Verdict | None
    doubt: str | None
    p_corrected: float | None
    p_error: float | None
    n_trials: int | None
    confirmed_low: float | None
    confirmed_high: float | None
    n_looks: int | None
    can_stream: bool
    alias: str | None
    streaming_url: str | None
    page_url: str | None


class RunChoices(Struct, frozen=True, kw_only=True):
    """What the parameters may be."""

    signal: list[str]
    dataset_id: list[str]
    sort: list[str]


class RunList(Struct, frozen=True, kw_only=True):
    """Runs, best first, and what they can be filtered by."""

    runs: list[RunRow]
    choices: RunChoices


class ThresholdFigures(Struct, frozen=True, kw_only=True):
    """One threshold of a run."""

    threshold: float
    choose: Metrics
    confirm: Metrics
    verdict: Verdict | None
    doubt: str | None
    p_corrected: float | None
    p_error: float | None
    n_trials: int | None
    confirmed_low: float | None
    confirmed_high: float | None
    n_looks: int | None


class RunDetail(Struct, frozen=True, kw_only=True):
    """A run with every threshold. `eval` is what it was judged by, `config` its whole runtime config."""

    run_id: str
    experiment: str
    dataset_id: str
    signal: str
    params: dict[str, Any]
    eval: dict[str, Any]
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
    can_stream: bool
    alias: str | None
    streaming_url: str | None
    page_url: str | None


class RunQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the list of runs."""

    signal: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    dataset_id: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    sort: Sort = "tp_rate"
    min_signals: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 5
    top_n: Annotated[int, Meta(ge=1, le=1000)] = 50


class TradeQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trades of a run: those at `threshold`, or of all its thresholds, `count` of them from the `first` on."""

    threshold: float | None = None
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
    """A trade: `part` is choose or confirm, `side` buy or sell, `event_bin` the bin whose close decided it.

    `mid` and `cross` are null where the order found no valid book to trade in.
    """

    threshold: float
    part: str
    side: str
    event_bin: int
    event_ts_ns: int
    mid: TradeFill | None
    cross: TradeFill | None


class TradeList(Struct, frozen=True, kw_only=True):
    """Trades of a run in order of threshold and time, from the one numbered `first` on, of `total` there are."""

    run_id: str
    total: int
    first: int
    trades: list[TradeRow]
