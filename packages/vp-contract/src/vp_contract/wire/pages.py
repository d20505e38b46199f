"""Texts that are generated from the table of columns and committed.

They are a Python module, a module of the page and a page of the documentation. What the page has to know of the wire
beside columns, the limits of messages and the kinds of marks, is written here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from vp_contract.specs.defaults import RuntimeDefaults
from vp_contract.wire.columns import (
    BIN_COLUMNS,
    BOOK_COLUMNS,
    LEVELS_MS,
    MARK_COLUMNS,
    MARK_KINDS,
    MARK_SIDES,
    MAX_HISTORY_STEP,
    MOST_MARKS,
    SCORE_COLUMNS,
    Column,
    Fold,
    JsonType,
    folding,
    grid_columns,
    projection_columns,
)
from vp_contract.wire.messages import ACK_WINDOW_BINS, LEAST_SPEED, MAX_HISTORY_BINS, MOST_SPEED

_ANNOTATIONS: Final[dict[JsonType, str]] = {
    "flag": "bool",
    "code": "int",
    "signed": "WireInt",
    "count": "WireCount",
    "text": "Int64Text",
    "number": "float",
    "word": "str",
}

_DEFAULTS: Final[dict[JsonType, str]] = {
    "flag": "False",
    "code": "0",
    "signed": "0",
    "count": "0",
    "text": '"0"',
    "number": "0.0",
    "word": '""',
}
"""Of members that a server of an earlier minor version does not send."""

_MODULE: Final = '''"""The scalars of a bin as members of `grid_update`.

Generated from `vp_contract.wire.columns` by `python -m vp_contract bin-fields`; edits are lost.
"""

from __future__ import annotations

from msgspec import Struct

from vp_contract.wire.numbers import Int64Text, WireCount, WireInt


class BinFields(Struct, frozen=True, kw_only=True):
    """Members in the order of `BIN_COLUMNS`, where their units and meanings are."""

'''

_FOLDS: Final = """/* Made by `npm run contract` from vp_contract.wire.columns. Edits are lost. */

/** Members of `grid_update` by what they are of several bins sent as one; all others are those of the last. */
export const BIN_FOLDS = {{
{bins}}} as const;

/** Columns of a cell, in the same way; they are put together by price. */
export const CELL_FOLDS = {{
{cells}}} as const;

/** About how long several bins are that are asked for as one, ms, by how far time is zoomed out. */
export const LEVELS_MS = [{levels}];
"""

_FACTS: Final = """/* Made by `npm run contract` from vp_contract.wire. Edits are lost. */

/** What a mark may be, in the order in which marks of equal size stand. */
export const MARK_KINDS = [{kinds}] as const;

/** Whose a mark may be, in the same order. */
export const MARK_SIDES = [{sides}] as const;

/** Marks of a bin, and of several as one. */
export const MOST_MARKS = {marks};

/** Bins that one `history` may ask for. */
export const MAX_HISTORY_BINS = {bins};

/** Bins that a `history` may ask for as one. */
export const MAX_HISTORY_STEP = {step};

/** Bins that a client which acknowledges may have on the way. */
export const ACK_WINDOW_BINS = {window};

/** How many times as fast as the market was a client may play. */
export const PLAY_SPEED = {{ least: {least:g}, most: {most:g} }} as const;
"""

_PAGE: Final = """# Columns

<!-- Generated from vp_contract.wire.columns by `python -m vp_contract columns`; edits are lost. -->

Every column of a bin and of its cells, on the wire and in a dataset. There is one table of them,
`vp_contract.wire.columns`; this page, the Arrow schema of the grid, `grid_update`, the Parquet tables, the data
dictionary of a published dataset and the page's types are made from it. No column holds a null.

Times and prices are integers of 64 bits, written as decimal text in JSON. The last column says which version of the
contract added a column; readers ignore columns that they do not know.

A map that shows hours is sent several bins [as one](stream.md#messages). The column "of several" says what a value is
then: that of the last or the first of these bins, their sum, or the highest or lowest among those that have quotes.
Cells are summed by price.

## Of a bin

Members of `grid_update` and columns of `bins.parquet`, one row a bin.

{bins}

## Of a mark

`marks` of `grid_update` and of `bins.parquet` is a list of at most 16 of what only order-level data show, the largest
first ([Marks](book.md#marks)). Servers and datasets of before have no such member and no such column.

{marks}

## Of a cell, from the book

Columns of the binary grid (`2*radius+1` rows a bin, `k` rising) and of `grid_clean.parquet`, which has `bin_seq` before
them and leaves out rows in which everything but `k` is 0.

{book}

## Of a cell, from the spectrum

{scores}

There is one `proj_<ms>` for each of the configured horizons; those of the default ones are shown.
"""


def bin_fields_module() -> str:
    """The text of `vp_contract/wire/bin_fields.py`."""
    return _MODULE + "".join(map(_member, BIN_COLUMNS))


def _member(column: Column) -> str:
    default = "" if column.since == "1.0" else f" = {_DEFAULTS[column.json_type]}"
    return f"    {column.name}: {_ANNOTATIONS[column.json_type]}{default}\n"


def columns_page() -> str:
    """The text of `docs/columns.md`."""
    scores = (*SCORE_COLUMNS, *projection_columns(RuntimeDefaults().projection_horizons_ms))
    return _PAGE.format(
        bins=_table(BIN_COLUMNS),
        marks=_table(MARK_COLUMNS, folds=False),
        book=_table(BOOK_COLUMNS),
        scores=_table(scores),
    )


def folds_module() -> str:
    """The text of `web/src/wire/generated/folds.ts`."""
    return _FOLDS.format(
        bins=_folds(BIN_COLUMNS), cells=_folds(grid_columns(())), levels=", ".join(map(str, LEVELS_MS))
    )


def facts_module() -> str:
    """The text of `web/src/wire/generated/facts.ts`."""
    return _FACTS.format(
        kinds=", ".join(map(repr, MARK_KINDS)),
        sides=", ".join(map(repr, MARK_SIDES)),
        marks=MOST_MARKS,
        bins=MAX_HISTORY_BINS,
        step=MAX_HISTORY_STEP,
        window=ACK_WINDOW_BINS,
        least=LEAST_SPEED,
        most=MOST_SPEED,
    )


def _folds(columns: Iterable[Column]) -> str:
    named = [(fold, folding(columns, fold)) for fold in get_args(Fold) if fold != "last"]
    return "".join(f"  {fold}: [{', '.join(map(repr, names))}],\n" for fold, names in named if names)


def _table(columns: Iterable[Column], *, folds: bool = True) -> str:
    heads = ["column", "type", "unit", "meaning", *["of several"] * folds, "since"]
    rows = [[f"`{c.name}`", c.type, c.unit, _escaped(c.meaning), *[c.folds] * folds, c.since] for c in columns]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
