"""What the commands about data print: import, generate, list, download, campaigns, caches, specs."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from vp_harness import Origin
from vp_harness.intake import Planned


class Imported(TypedDict):
    """A file that is in the lake. `covers` are the first and the last time that it knows the market of, `size` its
    bytes, `damage` what was tolerated, `origin` what it was converted from."""

    path: str
    symbol: str
    dataset: str
    publishers: list[int]
    covers: list[str]
    records: int
    first_record: str
    last_record: str
    size: int
    sha256: str
    damage: str | None
    origin: Origin | None


class EndedEarly(TypedDict):
    """That a dataset ends before its capture: at `end_ns` (exclusive), `missing_bins` too soon."""

    end_ns: int
    missing_bins: int
    reason: Literal["damage", "coverage"]


class Generated(TypedDict):
    """A dataset; `made` is false where it was there already. `sources` are names of raw files, `unsound_reasons` says
    why it is not `sound`."""

    dataset_id: str
    path: str
    made: bool
    bins: int
    valid_bins: int
    events: int
    grid_rows: int
    rows_per_bin: int
    bytes: int
    sources: list[str]
    sound: bool
    unsound_reasons: list[str]
    ended_early: EndedEarly | None


class GeneratedDay(TypedDict):
    """The dataset of one of several days."""

    date: str
    dataset_id: str
    made: bool
    bins: int
    events: int
    sound: bool


class GeneratedDays(TypedDict):
    """The datasets of several days; `left_out` says by date why there is none."""

    days: list[GeneratedDay]
    left_out: dict[str, str]


class ListedDataset(TypedDict):
    """A dataset of the lake. `source` is its raw file and `source_sha256` the hash of that, of several with commas
    between; both, `pipeline`, `bins` and `created_utc` are null where the manifest cannot be read. `runs` counts those
    that were judged on it, `aliases` serve one of them."""

    dataset_id: str
    status: Literal["whole", "unsound", "damaged", "unfinished"]
    size_bytes: int
    pipeline: str | None
    bins: int | None
    source: str | None
    source_sha256: str | None
    created_utc: str | None
    campaigns: list[str]
    runs: int
    aliases: list[str]
    problem: str | None


class Refused(TypedDict):
    """An order that was not sent, because its price was not agreed to or is too high: what it would be."""

    usd: float
    files: list[Planned]


class PlannedDataset(TypedDict):
    """A dataset that a campaign asks for. `overrides` are the values of its axes by name."""

    dataset_id: str
    date: str
    bundle: str
    overrides: dict[str, Any]
    bins: int
    exists: bool


class CampaignPlan(TypedDict):
    """What a campaign would make: `datasets` in all, of which `to_make` are not there, with so many `bins` and `bytes`,
    in so many `minutes` on `workers`. `measured_on` says what that rests on."""

    datasets: int
    to_make: int
    bins: int
    bytes: int
    bytes_free: int
    minutes: float
    workers: int
    measured_on: str
    plan: list[PlannedDataset]


class CampaignDone(TypedDict):
    """The datasets of a campaign, `made` now or `found`."""

    campaign: str
    datasets: int
    made: int
    found: int
    dataset_ids: list[str]


class Published(TypedDict):
    """The copy of a dataset, with the bytes of each file by its name."""

    dataset_id: str
    path: str
    bytes: dict[str, int]


class WarmedCheckpoint(TypedDict):
    """A book checkpoint; `built` is false where it was there already."""

    pipeline: str
    checkpoint: str
    built: bool
    bytes: int
    elapsed_s: float


class WarmedLog(TypedDict):
    """The frame log of a serving; `built` is false where it was there already. `alias` is null where the serving was
    named by its id."""

    serving_id: str
    alias: str | None
    frame_log: str
    built: bool
    bins: int
    bytes: int
    elapsed_s: float


ResolvedField = TypedDict("ResolvedField", {"field": str, "value": Any, "from": str})
ResolvedField.__doc__ = "A field of a resolved config: its value, and the file and line that state it, or `default`."


class ResolvedConfig(TypedDict):
    """What a spec resolves to. `config_version` is a digest of it."""

    kind: Literal["experiment", "serving", "pipeline"]
    name: str
    config_version: str
    fields: list[ResolvedField]


class DemoChecked(TypedDict):
    """The demo as a client saw it: `bins_received` bins, all of them equal to the dataset of the serving."""

    ok: bool
    serving_id: str
    dataset_id: str
    signal: str
    rows_compared: int
    verdict: str | None
    proven: bool | None
    bins_received: int
    bins_valid: int
    grid_rows: int
    equal_to_dataset: bool
