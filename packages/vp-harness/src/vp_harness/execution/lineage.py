"""The index of which campaign made which dataset of a lake: append-only, like the results."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
import polars as pl

from vp_harness.lake.ledger import Ledger
from vp_harness.lake.paths import Lake
from vp_harness.research.parts import PART, PartTable


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset of one campaign. `overrides_json` is what it has of the campaign's bundle and axes."""

    campaign: str
    spec_sha256: str
    dataset_id: str
    pipeline: str
    dt: str
    bundle: str
    overrides_json: str
    config_version: str
    source: str
    created_utc: str


_SCHEMA = {field.name: pl.String() for field in msgspec.structs.fields(Lineage)}


class LineageIndex:
    """The index of a lake. Made by the first append."""

    def __init__(self, lake: Lake) -> None:
        self._table = PartTable(lake.lineage_dir, _SCHEMA)
        self._ledger = Ledger(lake.ledger_dir)

    def append(self, row: Lineage) -> None:
        """Enter a dataset."""
        stem = hashlib.sha256(f"{row.spec_sha256} {row.dataset_id}".encode()).hexdigest()[:16]
        self._table.append(stem, pl.DataFrame([msgspec.to_builtins(row)], schema=_SCHEMA, orient="row"))
        self._ledger.append_parts(self._table.entries())

    def read(self) -> pl.DataFrame:
        """One row a dataset of a campaign, with the fields of `Lineage`. Raises ResultsError for a damaged part."""
        rows = self._table.read().drop(PART)
        return rows.unique(["spec_sha256", "dataset_id"], keep="first", maintain_order=True).sort(
            "campaign", "created_utc", "dataset_id"
        )

    def entered(self, campaign: str, spec_sha256: str) -> set[str]:
        """Ids of the datasets of this campaign that are entered."""
        of_spec = (pl.col("campaign") == campaign) & (pl.col("spec_sha256") == spec_sha256)
        return set(self.read().filter(of_spec)["dataset_id"])

    def check_parts(self) -> Iterator[tuple[str, str]]:
        """Read every part again: (its table and name, what is wrong with it or an empty text)."""
        return self._table.check_all()

    def missing(self) -> Iterator[tuple[str, str]]:
        """Parts that are not there though the ledger names them: (table and name, who names it)."""
        table = f"{self._table.directory.name}/"
        entered = {part for part in self._ledger.parts() if part.startswith(table)}
        yield from ((part, "the ledger names it") for part in sorted(entered - set(self._table.entries())))
