"""What the routes of the research page answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from vp_contract import like
from vp_harness import HorizonFigures

TradeSort: TypeAlias = Literal[
    "threshold",
    "event_ts_ns",
    "part",
    "side",
    "mid_outcome",
    "mid_pnl_ticks",
    "cross_outcome",
    "cross_pnl_ticks",
    "queue_outcome",
    "queue_pnl_ticks",
]


class HorizonRow(HorizonFigures, frozen=True, kw_only=True):
    """What the signal of a run says about the move of the mid over one horizon, on one part (choose, confirm).

    `ic` is the rank correlation of value and move, `partial_ic` that of what the baselines `after` leave of both,
    `autocorrelation` that of the signal's ranks at this lag. `decile_ticks` has the mean move in ticks of each decile
    of the signal, the lowest values first. `*_low` and `*_high` bound 95 % intervals; null is what cannot be measured.
    """

    part: str
    n_samples: int
    after: list[str]
    turnover_per_hour: float | None


class EquityQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which row of a run, and at most how many points of a curve."""

    threshold: float
    most: Annotated[int, Meta(ge=2, le=20_000)] = 2000


class EquityCurve(Struct, frozen=True, kw_only=True):
    """Sum of the pnl in ticks of the trades that had ended by each time (ns since the epoch, UTC), under one fill
    model. Of a curve with more points than asked for every n-th is there, and the last."""

    model: str
    trades: int
    ts_ns: list[int]
    total_ticks: list[float]


class Equity(Struct, frozen=True, kw_only=True):
    """The curves of a row, one a fill model. The embargo is between `choose_end_ns` and `confirm_first_ns`.

    Times are null where there is no trade.
    """

    run_id: str
    threshold: float
    start_ns: int | None
    choose_end_ns: int | None
    confirm_first_ns: int | None
    end_ns: int | None
    curves: list[EquityCurve]


class DatasetRow(Struct, frozen=True, kw_only=True):
    """A dataset of the lake, or what an unfinished one left. `status` is whole, unsound, damaged or unfinished, and
    `problem` says why. `source` is the raw file, of several with commas between; `runs` were judged on it, `aliases`
    serve one of those, `campaigns` asked for it."""

    dataset_id: str
    status: str
    size_bytes: int
    pipeline: str
    bins: int
    source: str
    source_sha256: str
    created_utc: str
    campaigns: list[str]
    runs: int
    aliases: list[str]
    problem: str


class DatasetList(Struct, frozen=True, kw_only=True):
    """The datasets by id; `problems` says what of their lineage cannot be read."""

    datasets: list[DatasetRow]
    problems: list[str]


class DatasetDetail(Struct, frozen=True, kw_only=True):
    """What a dataset records of itself: certificate of its replay, what it was made of and by, sizes and digests."""

    dataset_id: str
    sound: bool
    unsound_reasons: list[str]
    created_utc: str
    certificate: dict[str, Any]
    sources: dict[str, Any]
    counts: dict[str, Any]
    identity: dict[str, Any]
    versions: dict[str, Any]
    config: dict[str, Any]
    checksums: dict[str, str]
    files: dict[str, int]


class PublishedRow(Struct, frozen=True, kw_only=True):
    """A published serving and the aliases that point to it now."""

    serving_id: str
    run_id: str
    experiment: str
    config_hash: str
    created: str
    aliases: list[str]


class PublishedList(Struct, frozen=True, kw_only=True):
    """Every published serving, oldest first."""

    published: list[PublishedRow]


class ServingDetail(Struct, frozen=True, kw_only=True):
    """A published serving: the run it comes from, its whole config, and the evidence it was promoted on."""

    serving_id: str
    alias: str | None
    promoted_at: str
    created_utc: str
    source: dict[str, Any]
    config: dict[str, Any]
    sources: dict[str, Any]
    versions: dict[str, str]
    digests: dict[str, str]
    evidence: dict[str, Any]


class Permission(Struct, frozen=True, kw_only=True):
    """Whether whoever asks may change anything here, and if not, why not."""

    allowed: bool
    reason: str


Reason: TypeAlias = Annotated[str, like(r"\S", "text that is not blank", 1000, min_length=1)]
RunIdText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]


class PromoteBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which run an alias is to serve, and why: the gates are those of `vp promote`.

    Without `threshold` it is the best of the choosing part. `expected` is what the alias serves now, null for a new
    one; it is moved only from there. Left out, from anywhere.
    """

    run_id: RunIdText
    reason: Reason
    threshold: float | None = None
    accept_unproven: bool = False
    accept_unsound: bool = False
    actor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    expected: str | UnsetType | None = UNSET


class RollbackBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an alias is to serve what it served before. `expected` is what it serves now, if only from there."""

    reason: Reason
    actor: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    expected: str | UnsetType = UNSET


class Promoted(Struct, frozen=True, kw_only=True):
    """What an alias serves now. `verdict` and `doubt` are of the evidence that was published with it."""

    alias: str
    serving_id: str
    run_id: str
    threshold: float
    verdict: str | None
    doubt: str | None


class ExperimentFile(Struct, frozen=True, kw_only=True):
    """A spec under the config root: its name and its text."""

    name: str
    text: str


class ExperimentFiles(Struct, frozen=True, kw_only=True):
    """The experiments that can be started, by name."""

    experiments: list[ExperimentFile]


class StartBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The YAML of an experiment. The serving and pipeline that it names are those under the server's config root."""

    yaml: Annotated[str, Meta(min_length=1, max_length=200_000)]


class StopBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing has to be said to stop an experiment."""


class Started(Struct, frozen=True, kw_only=True):
    """The last experiment that was started here, the `number`-th since the server began.

    `state` is idle (none was), running, done, failed or stopped. While it runs it has `done` of `total` of `what`; when
    it is done it has its `runs`, `computed` now or `resumed` from earlier. `problem` says why it failed.
    """

    state: Literal["idle", "running", "done", "failed", "stopped"]
    experiment: str
    started_utc: str
    ended_utc: str
    what: str
    done: int
    total: int
    runs: list[str]
    computed: int
    resumed: int
    problem: str
    number: int
