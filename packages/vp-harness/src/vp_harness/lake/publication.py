"""A copy of a dataset that explains itself, for researchers who have nothing but polars."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from vp_book.atomic import sha256_file
from vp_contract import BIN_COLUMNS, MARK_COLUMNS, MARKS, Column, RuntimeConfig, grid_columns
from vp_harness.directories import staged_directory
from vp_harness.errors import DatasetError
from vp_harness.execution.pipeline import utc_text
from vp_harness.execution.writer import MARKS_TYPE
from vp_harness.lake.dataset import BINS_FILE, CHECKSUMS_FILE, FILLS_FILE, GRID_FILE, MANIFEST_FILE, Dataset
from vp_harness.lake.paths import LakeLike, open_lake
from vp_harness.passive.table import FILL_COLUMNS, FillColumn

README: Final = "README.md"
DICTIONARY: Final = "data_dictionary.json"
CITATION: Final = "CITATION.cff"
EXAMPLE: Final = "example.py"
SUMS: Final = "SHA256SUMS"

_EXAMPLE: Final = '''"""Where liquidity was pulled fastest: needs polars and nothing else."""

from pathlib import Path

import polars as pl

here = Path(__file__).parent if "__file__" in globals() else Path()
bins = pl.scan_parquet(here / "bins.parquet").select("bin_seq", "bin_end_ns", "mid_price", "book_valid")
grid = pl.scan_parquet(here / "grid_clean.parquet").select("bin_seq", "k", "v_pull", "flow_score")
fastest = grid.sort("v_pull", descending=True).group_by("bin_seq", maintain_order=True).first()
answer = bins.filter("book_valid").join(fastest, on="bin_seq").top_k(5, by="v_pull").collect()
print(answer.with_columns(pl.from_epoch("bin_end_ns", time_unit="ns")))
'''


def publish(
    dataset_id: str,
    directory: str | os.PathLike[str],
    lake_root: LakeLike | None = None,
    *,
    authors: str = "The Spymaster authors",
) -> Path:
    """Copy a dataset to `directory` with a README, a data dictionary, a citation and an example; returns its path.

    The directory appears whole or not at all, and what it holds is compared with the dataset's checksums before that.
    `authors` are cited. Raises DatasetError when `directory` exists and is not empty, or the dataset is missing or
    damaged.
    """
    dataset = Dataset.open(open_lake(lake_root), dataset_id)
    checksums = dataset.verify()
    target = Path(directory)
    if target.exists() and (not target.is_dir() or next(target.iterdir(), None) is not None):
        raise DatasetError(f"{target} exists and is not an empty directory: nothing is written over")
    if target.exists():
        target.rmdir()
    with staged_directory(target) as staged:
        for name in (*checksums, CHECKSUMS_FILE):
            shutil.copyfile(dataset.path / name, staged.path / name)
        for name, digest in checksums.items():
            if sha256_file(staged.path / name) != digest:
                raise DatasetError(f"{name} changed while it was copied: publish again")
        texts = {
            README: _readme(dataset, authors),
            DICTIONARY: _dictionary(dataset),
            CITATION: _citation(dataset, authors),
            EXAMPLE: _EXAMPLE,
        }
        for name, text in texts.items():
            (staged.path / name).write_text(text, encoding="utf-8", newline="\n")
        names = sorted(path.name for path in staged.path.iterdir())
        sums = "".join(f"{sha256_file(staged.path / name)}  {name}\n" for name in names)
        (staged.path / SUMS).write_text(sums, encoding="utf-8", newline="\n")
    if not staged.published:
        raise DatasetError(f"{target} was made by another process meanwhile: nothing is written over")
    return target


def _entries(dataset: Dataset) -> dict[str, Sequence[Column | FillColumn]]:
    grid = [BIN_COLUMNS[0], *grid_columns(dataset.config.projection_horizons_ms)]
    per_bin: list[Column | FillColumn] = [*BIN_COLUMNS]
    if dataset.has_marks:
        members = " ".join(f"{c.name} ({c.type}, {c.unit}): {c.meaning}" for c in MARK_COLUMNS)
        meaning = f"At most 16 of what only order-level data show, the largest first. {members}"
        per_bin.append(FillColumn(MARKS, str(MARKS_TYPE), "marks", meaning))
    tables: dict[str, Sequence[Column | FillColumn]] = {BINS_FILE: per_bin, GRID_FILE: grid}
    if dataset.has_fills:
        tables[FILLS_FILE] = FILL_COLUMNS
    return tables


def _dictionary(dataset: Dataset) -> str:
    tables = {
        name: [{"name": e.name, "type": e.type, "unit": e.unit, "meaning": e.meaning} for e in entries]
        for name, entries in _entries(dataset).items()
    }
    return msgspec.json.format(msgspec.json.encode(tables), indent=2).decode() + "\n"


def _citation(dataset: Dataset, authors: str) -> str:
    manifest = dataset.manifest
    return f"""cff-version: 1.2.0
message: If you use this dataset, please cite it by its identifier.
type: dataset
title: {_quoted(f"Order book physics of {dataset.config.symbol}, {dataset.config.dt}")}
authors:
  - name: {_quoted(authors)}
identifiers:
  - type: other
    value: {_quoted(dataset.dataset_id)}
    description: Identifier over everything that decides a number of the dataset
abstract: {_quoted(_abstract(dataset))}
version: {_quoted(manifest["frames"]["head"] if manifest["frames"] else dataset.dataset_id)}
date-released: {manifest["created_utc"][:10]}
"""


def _abstract(dataset: Dataset) -> str:
    files = dataset.manifest["sources"]["files"]
    named = ", ".join(f"{file['name']} (sha256 {file['sha256']})" for file in files)
    return f"{_window(dataset.config)}, replayed from {named}."


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _readme(dataset: Dataset, authors: str) -> str:
    config, manifest = dataset.config, dataset.manifest
    counts, sources = manifest["counts"], manifest["sources"]
    facts = {
        "instrument": f"{config.symbol} ({config.product_type}, tick {config.tick_size})",
        "window": _window(config),
        "bins": f"{counts['bins']} of {config.cell_width_ms} ms, {counts['valid_bins']} with a valid book",
        "cells": f"{config.grid_rows} a bin, {config.grid_radius_ticks} on each side of spot",
        "rows stored": f"{counts['grid_rows']} cells that are not all zero",
        **_soundness(dataset),
        **_files(sources),
        "taken of it": _taken(sources),
        "made with": ", ".join(f"{name} {version}" for name, version in manifest["versions"].items()),
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    tables = "\n\n".join(f"### {name}\n\n{_table(entries)}" for name, entries in _entries(dataset).items())
    return f"""# {dataset.dataset_id}

Liquidity added, pulled and filled at every price around spot, with its velocity, acceleration and jerk, in fixed time
bins, replayed from market-by-order data.

| | |
| --- | --- |
{table}

`{BINS_FILE}` has one row a bin, `{GRID_FILE}` one row a cell with any value that is not zero (cells that are absent are
zero throughout), sorted by `bin_seq` and `k`. `{MANIFEST_FILE}` holds the whole resolved configuration, and
`{DICTIONARY}` the tables below for programs.{_passive(manifest)}

## Use it

`{EXAMPLE}` runs with polars alone: `pip install polars`, then `python {EXAMPLE}`.

```python
{_EXAMPLE}```

## Check it

`sha256sum -c {SUMS}` compares every file with what was published. The identifier ends in a hash over everything that
decides a number: capture, configuration, the sha256 of each raw file, and the digests of the numerical libraries.

## Rights

The raw market data is not included. It is under its vendor's terms, which may also limit what may be done with data
derived from it: ask before you pass this on.

## Cite it

{authors}, *Order book physics of {config.symbol}, {config.dt}*, dataset `{dataset.dataset_id}`.
`{CITATION}` says the same for reference managers.

## Columns

{tables}
"""


def _passive(manifest: Mapping[str, Any]) -> str:
    """What there is of passive orders, in a sentence."""
    facts = manifest["passive"]
    if facts is None:
        return ""
    return (
        f" `{FILLS_FILE}` says what would have\nbecome of a one-lot order at the best bid and ask of every bin, by "
        f"what rests ahead of it and without effect on\nthe market: {facts['filled']} of {facts['orders']} were filled "
        f"within {facts['max_wait_bins']} bins."
    )


def _window(config: RuntimeConfig) -> str:
    end = config.end_time if config.end_dt == config.dt else f"{config.end_dt} {config.end_time}"
    return f"{config.dt} {config.start_time} to {end} New York"


def _soundness(dataset: Dataset) -> dict[str, str]:
    """What the certificate says, and why there are fewer bins than the window has."""
    reasons = "; ".join(dataset.unsound_reasons)
    facts = {"replay certificate": f"does NOT hold: {reasons}" if reasons else "holds"}
    early = dataset.manifest["ended_early"]
    if early is not None:
        why = "a raw file is damaged from there on" if early["reason"] == "damage" else "the raw files end there"
        facts["ends early"] = f"at {utc_text(early['end_ns'])}, {early['missing_bins']} bins before the window: {why}"
    return facts


def _files(sources: Mapping[str, Any]) -> dict[str, str]:
    texts = [f"`{file['name']}`, sha256 `{file['sha256']}`" for file in sources["files"]]
    if len(texts) == 1:
        return {"source": texts[0]}
    return {f"source {number}": text for number, text in enumerate(texts, 1)}


def _taken(sources: Mapping[str, Any]) -> str:
    publisher = sources["publisher"]
    silence = sources["max_silence_s"]
    return ", ".join(
        (
            f"records of {sources['symbol']}" + ("" if publisher is None else f" from publisher {publisher}"),
            f"on_damage {sources['on_damage']}",
            f"on_short {sources['on_short']}",
            "max_silence_s none" if silence is None else f"max_silence_s {silence:g}",
            f"warm-up of {sources['warm_up_s']} s",
        )
    )


def _table(entries: Sequence[Column | FillColumn]) -> str:
    rows = "\n".join(f"| `{e.name}` | {e.type} | {e.unit} | {_escaped(e.meaning)} |" for e in entries)
    return f"| column | type | unit | meaning |\n| --- | --- | --- | --- |\n{rows}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def published_facts(path: Path) -> dict[str, Any]:
    """Files of a published copy and their sizes in bytes."""
    return {entry.name: entry.stat().st_size for entry in sorted(path.iterdir())}
