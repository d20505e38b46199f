"""Tables as Arrow and polars, many bins at once, and what a notebook shows."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest
from support.records import orderly, record, stream

import vp_book
from vp_book import (
    CELL_COLUMNS,
    BookEngine,
    Instrument,
    ParameterError,
    collect,
    lifetimes,
    replay,
    snapshots,
    to_arrow,
    to_polars,
)
from vp_book.display import clock_text, ladder_html, price_text, strip_html

ES = Instrument("ESH4", "0.25")


def records() -> np.ndarray:
    return orderly(3, 600)


@pytest.mark.parametrize("make", [to_arrow, to_polars])
def test_a_table_keeps_its_columns_and_numbers(make: Callable[[Any], Any]) -> None:
    for table in (lifetimes([records()], ES), snapshots([records()], ES, every_ns=10**7, levels=3)):
        frame = make(table)
        names = list(table.dtype.names or ())
        assert (frame.schema.names if make is to_arrow else frame.columns) == names
        for name in names:
            assert np.array_equal(
                np.array(frame[name].to_pylist() if make is to_arrow else frame[name].to_list()), table[name]
            )


def test_a_bin_as_a_table_of_cells() -> None:
    bin_ = next(iter(replay([records()], ES, grid_radius_ticks=4, warmup_s=0)))
    for names in (bin_.to_arrow().schema.names, bin_.to_polars().columns):
        assert names == ["bin_seq", *CELL_COLUMNS]
    assert bin_.to_arrow()["k"].to_pylist() == list(range(-4, 5))
    assert bin_.to_polars()["bin_seq"].to_list() == [bin_.fields["bin_seq"]] * 9


def test_collected_bins_are_those_of_the_replay() -> None:
    def bins() -> list[Any]:
        return list(replay([records()], ES, grid_radius_ticks=4, warmup_s=0))

    fields, cells = collect(bins())
    assert len(fields) > 3
    assert cells.shape == (len(fields), 9)
    assert cells.dtype.names == CELL_COLUMNS
    for i, bin_ in enumerate(bins()):
        assert {name: fields[name][i].item() for name in fields.dtype.names or ()} == bin_.fields
        for name in CELL_COLUMNS:
            assert cells[name].dtype == bin_.cells[name].dtype
            assert np.array_equal(cells[name][i], bin_.cells[name])
    assert to_arrow(fields).num_rows == to_polars(fields).height == len(fields)


def test_no_bins_and_bins_of_two_shapes() -> None:
    assert [len(table) for table in collect([])] == [0, 0]
    wide, narrow = (next(iter(replay([records()], ES, grid_radius_ticks=r, warmup_s=0))) for r in (4, 3))
    with pytest.raises(ParameterError, match="bin 1 has other cells than the first one, which has 9"):
        collect([wide, narrow])


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 2), [("a", int)]), 5, {"a": np.zeros((2, 2, 2))}])
def test_what_is_no_table_is_refused(wrong: Any) -> None:
    for make in (to_arrow, to_polars):
        with pytest.raises(ParameterError, match="table: "):
            make(wrong)


@pytest.mark.parametrize(("make", "module"), [(to_arrow, "pyarrow"), (to_polars, "polars")])
def test_a_missing_library_is_named_with_its_command(
    make: Callable[[Any], Any], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == module:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=rf"pip install 'vp-book\[{'arrow' if module == 'pyarrow' else module}\]'"):
        make({"a": np.zeros(1)})


class Tags(HTMLParser):
    """Tags that are open, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_book_says_what_it_is_and_shows_its_ladder() -> None:
    engine = BookEngine(ES)
    assert repr(engine) == "BookEngine(ESH4, no time yet, 0 orders)"
    assert "no orders" in engine._repr_html_()
    engine.apply(
        stream(
            record("A", "B", 20_000, 5, 1), record("A", "A", 20_002, 7, 2), record("A", "A", 20_001, 2, 3), record("T")
        )
    )
    assert repr(engine) == "BookEngine(ESH4, 2026-02-02 02:40:00.000 UTC, 3 orders)"
    tags = Tags(engine._repr_html_())
    assert not tags.open
    assert [word for word in tags.words if "." in word][1:] == ["5000.50", "5000.25", "5000.00"]


def test_a_bin_says_what_it_is_and_shows_its_cells() -> None:
    bin_ = list(replay([records()], ES, grid_radius_ticks=4, warmup_s=0))[-1]
    assert repr(bin_).startswith(f"Bin({bin_.fields['bin_seq']}, 2026-02-02 02:40:0")
    assert repr(bin_).endswith("9 cells)")
    assert bin_._repr_html_().count("k = ") == 9
    assert not Tags(bin_._repr_html_()).open


def test_prices_and_times_as_people_write_them() -> None:
    assert price_text(4_806_250_000_000, 250_000_000) == "4806.25"
    assert price_text(-37_630_000_000, 10_000_000) == "-37.63"
    assert price_text(100_000_000_000, 1_000_000_000) == "100"
    assert price_text(100_000_000_000, 25_000_000_000) == "100"
    assert clock_text(1_703_546_859_646_101_118) == "2023-12-25 23:27:39.646 UTC"


def test_words_in_html_are_words() -> None:
    assert "<b>" not in ladder_html("<b>", {"bid": _none(), "ask": _none()}, 1)
    assert "&lt;b&gt;" in strip_html("<b>", [], np.zeros(0))


def _none() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nothing = np.zeros(0, np.int64)
    return nothing, nothing, nothing


def test_version() -> None:
    assert vp_book.__version__ == version("vp-book")
