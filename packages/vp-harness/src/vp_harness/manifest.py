"""The manifest of a dataset: what it is of, how it was made, and the hash in its id."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec

from vp_contract import RuntimeConfig, VpContractError
from vp_harness.errors import DatasetDamagedError

FORMAT: Final = 1
"""Version of a dataset's layout."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The raw file a dataset was made of. `path` is below the lake's root; of a file elsewhere it is the name."""

    name: str
    size: int
    sha256: str
    path: str = ""


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


class Frames(msgspec.Struct, frozen=True, kw_only=True):
    """The hash chain over the encoded frames: see docs/datasets.md."""

    contract_version: str
    head: str
    links: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `generate` records of a dataset.

    `spec` are the specs as they were written, None where a resolved config was given; early versions wrote neither it
    nor `frames`. `identity` is what the id is the hash of, `window_ns` the capture [start, end) in ns UTC, and
    `certificate` that of the replay, anomalies included.
    """

    format: int
    dataset_id: str
    spec: dict[str, Any] | None = None
    config: RuntimeConfig
    identity: dict[str, Any]
    source: Source
    window_ns: tuple[int, int]
    versions: dict[str, str]
    counts: Counts
    certificate: dict[str, Any]
    frames: Frames | None = None
    timings: Timings
    created_utc: str


class _Stated(msgspec.Struct):
    """What a manifest of any format begins with."""

    format: int
    dataset_id: str


# Made here, not at their first use: threads of an executor read manifests, and msgspec does not bear that.
_STATED: Final = msgspec.json.Decoder(_Stated)
_MANIFEST: Final = msgspec.json.Decoder(Manifest)


def read_manifest(path: Path, dataset_id: str) -> Manifest:
    """The manifest at `path`, whose checksum is right. Raises DatasetDamagedError unless it is one of this id."""
    data = path.read_bytes()
    try:
        stated = _STATED.decode(data)
        if (stated.format, stated.dataset_id) != (FORMAT, dataset_id):
            raise DatasetDamagedError(
                f"{path} is of dataset {stated.dataset_id!r} in format {stated.format}, "
                f"expected {dataset_id!r} in format {FORMAT}"
            )
        manifest = _MANIFEST.decode(data)
    except (msgspec.DecodeError, UnicodeError, VpContractError) as error:
        raise DatasetDamagedError(f"{path} cannot be read: {error}") from error
    found = identity_hash(manifest.identity)
    if not dataset_id.endswith(f"__{found}"):
        raise DatasetDamagedError(f"{path} does not belong to its id: what decides the numbers hashes to {found}")
    return manifest


def identity_hash(identity: dict[str, Any]) -> str:
    """The eight hex digits at the end of a dataset's id."""
    return hashlib.sha256(canonical_json(identity)).hexdigest()[:8]


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys: the same value is always the same bytes."""
    return msgspec.json.encode(value, order="sorted")
