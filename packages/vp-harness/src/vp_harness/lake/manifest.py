"""The manifest of a dataset: what it is of, how it was made, and the hash in its id."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from vp_contract import RuntimeConfig, SourceFile, SourceOptions, VpContractError
from vp_harness.errors import DatasetDamagedError

FORMAT: Final = 2
"""Version of a dataset's layout."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Bins, those with a valid book, events in them, stored cells, and cells a bin has."""

    bins: int
    valid_bins: int
    events: int = 0
    grid_rows: int
    rows_per_bin: int


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the first record to the last byte, and bins a second."""

    elapsed_s: float
    bins_per_s: float


class EndedEarly(msgspec.Struct, frozen=True, kw_only=True):
    """That a dataset ends before its capture: at `end_ns` (exclusive), `missing_bins` too soon, because of `reason`."""

    end_ns: int
    missing_bins: int
    reason: Literal["damage", "coverage"]


class Frames(msgspec.Struct, frozen=True, kw_only=True):
    """The hash chain over the encoded frames: see docs/datasets.md."""

    contract_version: str
    head: str
    links: str


class Passive(msgspec.Struct, frozen=True, kw_only=True):
    """Of `fills.parquet`: its SHA-256, its orders, those that were filled, and when an order is given up.

    `crowded` orders were not followed: see `vp_book.queue.QueueFollower.crowded`.
    """

    sha256: str
    orders: int
    filled: int
    max_wait_bins: int
    crowded: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `generate` records of a dataset.

    `spec` are the specs as they were written, None where a resolved config was given. `identity` is what the id is the
    hash of, `sources` the raw files and what of them was taken, `window_ns` the capture [start, end) in ns UTC.
    `damaged` says where and how a file was damaged that was taken up to there, `ended_early` that there are fewer bins
    than the capture has. `certificate` is that of the replay, coverage and anomalies included.
    `passive` is of the passive orders; a dataset of before there were any has none.

    Format 1 knew one file and no coverage. It is still read, with that file as `sources`.
    """

    format: int
    dataset_id: str
    spec: dict[str, Any] | None = None
    config: RuntimeConfig
    identity: dict[str, Any]
    sources: SourceOptions
    window_ns: tuple[int, int]
    damaged: str | None = None
    ended_early: EndedEarly | None = None
    versions: dict[str, str]
    counts: Counts
    certificate: dict[str, Any]
    frames: Frames | None = None
    passive: Passive | None = None
    timings: Timings
    created_utc: str


class _Stated(msgspec.Struct):
    """What a manifest of any format begins with."""

    format: int
    dataset_id: str


class _Source1(msgspec.Struct):
    """The raw file in a manifest of format 1, which at first did not say where it lay."""

    name: str
    size: int
    sha256: str
    path: str = ""


class _Manifest1(Manifest, frozen=True, kw_only=True):
    """A manifest of format 1."""

    sources: SourceOptions | None = None  # type: ignore[assignment]  # filled in when it is read
    source: _Source1


# Made here, not at their first use: threads of an executor read manifests, and msgspec does not bear that.
_STATED: Final = msgspec.json.Decoder(_Stated)
_MANIFEST: Final = msgspec.json.Decoder(Manifest)
_MANIFEST_1: Final = msgspec.json.Decoder(_Manifest1)


def read_manifest(path: Path, dataset_id: str) -> Manifest:
    """The manifest at `path`, whose checksum is right. Raises DatasetDamagedError unless it is one of this id."""
    data = path.read_bytes()
    try:
        stated = _STATED.decode(data)
        if stated.format not in (1, FORMAT) or stated.dataset_id != dataset_id:
            raise DatasetDamagedError(
                f"{path} is of dataset {stated.dataset_id!r} in format {stated.format}, "
                f"expected {dataset_id!r} in format {FORMAT} or 1"
            )
        manifest = _MANIFEST.decode(data) if stated.format == FORMAT else _from_format_1(data)
    except (msgspec.DecodeError, UnicodeError, VpContractError) as error:
        raise DatasetDamagedError(f"{path} cannot be read: {error}") from error
    found = identity_hash(manifest.identity)
    if not dataset_id.endswith(f"__{found}"):
        raise DatasetDamagedError(f"{path} does not belong to its id: what decides the numbers hashes to {found}")
    return manifest


def _from_format_1(data: bytes) -> Manifest:
    """A manifest of format 1 as one of now: its one file, and a capture whose coverage nobody looked at."""
    old = _MANIFEST_1.decode(data)
    fields = {name: getattr(old, name) for name in Manifest.__struct_fields__}
    start_ns, end_ns = old.window_ns
    fields["sources"] = SourceOptions(
        product_type=old.config.product_type,
        symbol=old.config.symbol,
        publisher=old.identity.get("publisher"),
        start_ns=start_ns,
        end_ns=end_ns,
        warm_up_s=old.identity.get("warm_up_s", 0),
        files=(
            SourceFile(
                name=old.source.name,
                sha256=old.source.sha256,
                size=old.source.size,
                path=old.source.path or old.source.name,
            ),
        ),
    )
    return Manifest(**fields)


def identity_hash(identity: dict[str, Any]) -> str:
    """The eight hex digits at the end of a dataset's id."""
    return hashlib.sha256(canonical_json(identity)).hexdigest()[:8]


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys: the same value is always the same bytes."""
    return msgspec.json.encode(value, order="sorted")
