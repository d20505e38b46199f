"""`vp_book.plot`: what is drawn is what the bins say, price by price."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage, imread

from vp_book import Bin, Instrument, ParameterError, open_dbn, plot, synthetic
from vp_book import replay as bins_of

ES = Instrument("SYNM6", "0.25")


@dataclass
class Made:
    """A bin of 5 rows around spot."""

    fields: dict[str, Any]
    cells: dict[str, np.ndarray]


def made(i: int, spot: int, bid: list[int], ask: list[int], force: list[float], *, valid: bool = True) -> Made:
    fields = {
        "bin_start_ns": i * 10**8,
        "bin_end_ns": (i + 1) * 10**8,
        "spot_ref_price_int": spot * ES.tick_int,
        "best_bid_price_int": spot * ES.tick_int,
        "best_ask_price_int": (spot + 1) * ES.tick_int,
        "book_valid": valid,
    }
    amounts = np.array(force)
    cells = {
        "bid_depth": np.array(bid),
        "ask_depth": np.array(ask),
        "pressure_variant": amounts.clip(0),
        "vacuum_variant": -amounts.clip(max=0),
    }
    return Made(fields, cells)


SMALL = [
    made(0, 0, [0] * 5, [0] * 5, [0.0] * 5, valid=False),  # nothing is known yet
    made(1, 100, [7, 4, 9, 0, 0], [0, 0, 0, 2, 1], [1.0, 0.0, -2.0, 3.0, 0.0]),
    made(2, 102, [1, 1, 5, 0, 0], [0, 0, 0, 8, 3], [-1.0, 0.5, 0.0, 2.0, -3.0], valid=False),
]


def images(figure: Figure) -> dict[str, AxesImage]:
    return {str(image.get_label()): image for axes in figure.axes for image in axes.images}


def test_rows_around_spot_are_put_at_their_prices() -> None:
    found = plot.stretch(SMALL, ES)
    assert (found.price_int // ES.tick_int).tolist() == [98, 99, 100, 101, 102, 103, 104]
    assert found.edge_ns.tolist() == [0, 10**8, 2 * 10**8, 3 * 10**8]
    nan = np.nan
    expected = [[nan, 7, nan], [nan, 4, nan], [nan, 9, 1], [nan, 0, 1], [nan, 0, 5], [nan, nan, 0], [nan, nan, 0]]
    np.testing.assert_array_equal(found.bid_depth, expected)
    np.testing.assert_array_equal(found.force[:, 2], [nan, nan, -1.0, 0.5, 0.0, 2.0, -3.0])
    np.testing.assert_array_equal(found.best_ask, [nan, 25.25, nan])


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> list[Bin]:
    path = tmp_path_factory.mktemp("market") / "market.dbn.zst"
    synthetic.write_market(path, seed=7, minutes=1, start="09:40")
    return list(bins_of(open_dbn(path), ES, cell_width_ms=500, grid_radius_ticks=20, warmup_s=0))


def test_images_are_those_of_the_bins_cell_by_cell(replayed: list[Bin]) -> None:
    drawn = images(plot.draw(replayed, ES))
    lowest = round(drawn["force"].get_extent()[2] * 4 + 0.5)
    for i, bin_ in enumerate(replayed):
        for k in range(-20, 21):
            row = bin_.fields["spot_ref_price_int"] // ES.tick_int + k - lowest
            at = {name: image.get_array()[row, i] for name, image in drawn.items()}  # type: ignore[index]
            cell = {name: column[k + 20] for name, column in bin_.cells.items()}
            assert at["force"] == cell["pressure_variant"] - cell["vacuum_variant"]
            for side in ("bid_depth", "ask_depth"):
                assert at[side] is np.ma.masked if cell[side] == 0 else at[side] == cell[side]


def test_pixels_have_the_colour_of_their_cell() -> None:
    figure = plot.draw(SMALL, ES, width_in=8, height_in=6)
    figure.draw_without_rendering()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    picture.seek(0)
    pixels = imread(picture)
    for name, row, column in (("force", 2, 1), ("force", 3, 1), ("bid_depth", 0, 1), ("ask_depth", 5, 2)):
        image = images(figure)[name]
        x, y = 0.1 * (column + 0.25), (98 + row) * 0.25  # beside the middle of the cell, where lines may be
        axes, array = image.axes, image.get_array()
        assert axes is not None
        assert array is not None
        across, up = axes.transData.transform((x, y + 0.06))
        expected = image.to_rgba(array)[row, column]
        np.testing.assert_allclose(pixels[-1 - int(up), int(across)], expected, atol=2 / 255)


@pytest.mark.parametrize(
    ("bins", "instrument", "message"),
    [
        ([], ES, "bins: there are none"),
        (SMALL[:1], ES, "none of them has a price"),
        (SMALL[1:2], replace(ES, tick_size="0.7"), "instrument: its cell is 700000000"),
        ([*SMALL, made(3, 9000, [0] * 5, [0] * 5, [0.0] * 5)], ES, "they reach over 8905 prices, at most 4096"),
    ],
)
def test_what_cannot_be_drawn_is_named(bins: list[Made], instrument: Instrument, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        plot.draw(bins, instrument)


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'vp-book\[plot\]'"):
        plot.draw(SMALL, ES)


def test_it_makes_a_file(replayed: list[Bin], tmp_path: Path) -> None:
    plot.draw(replayed, ES).savefig(tmp_path / "stretch.png")
    assert (tmp_path / "stretch.png").read_bytes().startswith(b"\x89PNG")
