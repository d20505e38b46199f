"""A fact is stated once: scales, paths, codes and names of columns are in one module, others import them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from support.packages import ROOT, packages

from vp_book import CELL_COLUMNS, BookEngine, Instrument, ParameterError, marks
from vp_book.book.engine import GUARD_CELLS
from vp_book.instrument import PRICE_SCALE
from vp_contract import (
    BIN_COLUMNS,
    BOOK_COLUMNS,
    CLOSE_CODES,
    MARK_COLUMNS,
    MARK_KINDS,
    MARK_SIDES,
    MOST_MARKS,
    SpecError,
    grid_columns,
)
from vp_contract.specs import decimals, defaults
from vp_contract.specs.defaults import RuntimeDefaults
from vp_stream.http.answers import RunQuery

BILLION = 1_000_000_000
OWN_BILLION = {
    "vp_book/records.py": "ns of a second",
    "vp_book/instrument.py": "price scale",
    "vp_contract/specs/decimals.py": "price scale",
    "vp_contract/_types.py": "a bound of sizes",
    "vp_book/synthetic/market/generate.py": "numbers of orders",
    "vp_stream/http/answers.py": "a bound of row numbers",
}
"""Modules that may say it, and what it is there."""


def constants(path: Path) -> Iterator[tuple[int, object]]:
    """(Line, value) of every literal that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documents:
            yield node.lineno, node.value


def modules() -> Iterator[tuple[str, Path]]:
    """(Name below its source folder, file) of all Python modules of the packages."""
    for package in packages():
        for path in sorted(package.source.rglob("*.py")):
            yield path.relative_to(package.source.parent).as_posix(), path


def test_packages_that_cannot_import_one_another_mean_the_same() -> None:
    assert decimals.PRICE_SCALE == PRICE_SCALE
    assert defaults.GUARD_CELLS == GUARD_CELLS


def test_marks_are_the_same_in_the_book_and_on_the_wire() -> None:
    """The page has them of the wire: `web/src/wire/generated/facts.ts`."""
    assert MARK_KINDS == marks.MARK_KINDS
    assert MARK_SIDES == marks.MARK_SIDES
    assert MOST_MARKS == marks.MOST_MARKS
    assert tuple(column.name for column in MARK_COLUMNS) == marks.Mark._fields


def test_the_page_states_no_limit_of_the_wire_itself() -> None:
    facts = (ROOT / "web/src/wire/generated/facts.ts").read_text(encoding="utf-8")
    names = re.findall(r"export const (\w+)", facts)
    assert "MAX_HISTORY_BINS" in names
    for path in sorted((ROOT / "web/src").rglob("*.ts")):
        text = path.read_text(encoding="utf-8")
        if "generated" not in path.parts:
            assert not [name for name in names if re.search(rf"const {name}\b", text)], path


def test_the_research_page_asks_for_what_the_routes_take() -> None:
    """Their numbers stand in `RunQuery`; the OpenAPI document has them, the page's types do not."""
    query = {field.name: field for field in msgspec.structs.fields(RunQuery)}
    (most,) = (note.le for note in get_args(query["top_n"].type) if isinstance(note, msgspec.Meta))
    views = ROOT / "web/src/research/views"
    assert f"const MOST = {most};" in (views / "compare.ts").read_text(encoding="utf-8")
    runs = (views / "runs.ts").read_text(encoding="utf-8")
    assert f"const FEWEST_SIGNALS = {query['min_signals'].default};" in runs
    (best,) = re.findall(r"const BEST = '(\w+)';", runs)
    assert best in get_args(query["sort"].type)


@pytest.mark.parametrize("radius", [1, 50, 200])
def test_a_range_that_a_spec_may_name_is_one_that_the_engine_takes(radius: int) -> None:
    least = 2 * (radius + GUARD_CELLS) + 2
    instrument = Instrument("TEST", "0.25")
    assert RuntimeDefaults(grid_radius_ticks=radius, n_absolute_ticks=least).n_absolute_ticks == least
    BookEngine(instrument, n_absolute_ticks=least, edge_margin_ticks=radius + GUARD_CELLS)
    with pytest.raises(SpecError, match=f"at least {least} "):
        RuntimeDefaults(grid_radius_ticks=radius, n_absolute_ticks=least - 1)
    with pytest.raises(ParameterError, match=f"at least {least} "):
        BookEngine(instrument, n_absolute_ticks=least - 1, edge_margin_ticks=radius + GUARD_CELLS)


def test_the_table_of_columns_has_what_a_bin_has() -> None:
    assert sorted(CELL_COLUMNS) == sorted(column.name for column in BOOK_COLUMNS)


def test_how_a_column_folds_stands_in_the_table_of_columns_alone() -> None:
    folded = [column for column in (*BIN_COLUMNS, *grid_columns(())) if column.folds != "last"]
    assert {(column.folds, column.json_type) for column in folded} == {
        ("first", "text"),
        ("sum", "count"),
        ("highest", "text"),
        ("lowest", "text"),
    }, "what overview.py and fold.ts can do"
    summed_cells = {column.name for column in grid_columns(()) if column.folds != "last"}
    assert summed_cells <= {column.name for column in BIN_COLUMNS if column.folds == "sum"}, "a bin says if it has any"
    names = {column.name for column in folded}
    server = sorted((ROOT / "apps/vp-stream/src/vp_stream/frames").glob("*.py"))
    assert not [path for path in server for _, value in constants(path) if value in names]
    page = (ROOT / "web/src/state/zoom/fold.ts").read_text(encoding="utf-8")
    assert not [name for name in names if name in page]


def test_seconds_and_prices_have_one_scale_each() -> None:
    found = {
        name for name, path in modules() for _, value in constants(path) if type(value) is int and value == BILLION
    }
    assert found == set(OWN_BILLION)


def test_close_codes_stand_in_their_table_alone() -> None:
    codes = {close.code for close in CLOSE_CODES} - {1000}  # a number of something else too
    speak = [(name, path) for name, path in modules() if not name.startswith(("vp_book/", "vp_spectrum/"))]
    found = {name for name, path in speak for _, value in constants(path) if type(value) is int and value in codes}
    assert found == {"vp_contract/wire/close.py"}


@pytest.mark.parametrize("folder", ["packages", "apps", "benchmarks", "web/src"])
def test_the_paths_of_streams_stand_in_one_module(folder: str) -> None:
    own = {"close.py", "contract.ts", "rest.ts"}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix == ".py" and path.name not in own:
            assert not any("/v1/vacuum-pressure/" in str(value) for _, value in constants(path)), path
        elif path.suffix == ".ts" and path.name not in own:
            code = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("*")]
            assert not any("/v1/vacuum-pressure/" in line for line in code), path
