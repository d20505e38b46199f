"""Changing stored things as a careful forger would: with every checksum beside them set right again."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import polars as pl

from vp_book.checkpoint import state_file as checkpoint
from vp_contract import Frame, FrameChain, FrameEncoder
from vp_harness import Dataset, Lake
from vp_harness.lake.frames import _NO_SIGNAL, _tables
from vp_stream.frames.logfile import BLOCK_BINS, LogKey, LogWriter


def reseal(directory: Path, name: str, data: bytes) -> None:
    """Give a file of a dataset other bytes, and its line in the checksums the digest of those."""
    (directory / name).chmod(0o644)
    (directory / name).write_bytes(data)
    checksums = json.loads((directory / "checksums.json").read_bytes())
    checksums[name] = hashlib.sha256(data).hexdigest()
    (directory / "checksums.json").chmod(0o644)
    (directory / "checksums.json").write_bytes(canonical(checksums))


def rewrite_manifest(directory: Path, **changes: object) -> None:
    """Change members of a dataset's manifest."""
    manifest = json.loads((directory / "manifest.json").read_bytes())
    manifest.update(changes)
    reseal(directory, "manifest.json", canonical(manifest))


def edit_prices(lake: Lake, dataset_id: str) -> None:
    """Raise every mid price from bin 700 on by a tick, and set the checksum right."""
    directory = lake.dataset_dir(dataset_id)
    path = directory / "bins.parquet"
    bins = pl.read_parquet(path).with_columns(
        pl.when(pl.col("bin_seq") >= 700).then(pl.col("mid_price") + 0.25).otherwise(pl.col("mid_price"))
    )
    path.chmod(0o644)
    bins.write_parquet(path)
    reseal(directory, "bins.parquet", path.read_bytes())


def edit_cells(lake: Lake, dataset_id: str) -> None:
    """Change one cell of bin 700, and set the checksum right."""
    directory = lake.dataset_dir(dataset_id)
    path = directory / "grid_clean.parquet"
    cell = (pl.col("bin_seq") == 700) & (pl.col("k") == 0)
    grid = pl.read_parquet(path).with_columns(
        pl.when(cell).then(pl.col("composite") + 1e-12).otherwise(pl.col("composite")).alias("composite")
    )
    path.chmod(0o644)
    grid.write_parquet(path)
    reseal(directory, "grid_clean.parquet", path.read_bytes())


def rechain(lake: Lake, dataset_id: str) -> None:
    """Set the chain of frames in the manifest right as well."""
    dataset = Dataset.open(lake, dataset_id)
    encoder, chain = FrameEncoder(dataset.config), FrameChain()
    for fields, cells in _tables(dataset):
        chain.add(encoder.encode(fields, cells, _NO_SIGNAL))
    frames = dataset.manifest["frames"]
    frames = {**frames, "head": chain.head, "links": base64.b64encode(chain.links).decode()}
    rewrite_manifest(lake.dataset_dir(dataset_id), frames=frames)


def write_log(path: Path, key: LogKey, frames: list[Frame]) -> None:
    """A frame log of any frames, whole by its own checksums."""
    writer = LogWriter(path, key)
    for first in range(0, len(frames), BLOCK_BINS):
        writer.write_block(frames[first : first + BLOCK_BINS])
    writer.finish(len(frames))


def edit_checkpoint(path: Path) -> None:
    """Double every physical quantity in a book checkpoint, and set its checksum right."""
    facts, arrays = checkpoint.load(path)
    arrays.physics[:] *= 2
    path.chmod(0o644)
    checkpoint.save(path, arrays, facts)


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
