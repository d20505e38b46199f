"""A stretch of bins as one picture: displayed depth over pressure less vacuum. Needs the extra `plot` (matplotlib).

from vp_book import Instrument, open_dbn, plot, replay

instrument = Instrument("ESH6", "0.25")
figure = plot.draw(replay(open_dbn("esh6.mbo.dbn.zst"), instrument, start_ns=start_ns, end_ns=end_ns), instrument)
figure.savefig("stretch.png")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from .dbn.files import utc
from .errors import ParameterError
from .instrument import PRICE_SCALE, Instrument
from .tables.collected import BinLike, collect

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as _Figure

    Figure: TypeAlias = _Figure
else:
    Figure = Axes = Any

_MOST_ROWS: Final = 4096
_SHADES: Final = {"bid_depth": "Blues", "ask_depth": "Oranges", "force": "PRGn"}
_BEST: Final = {"bid": "-", "ask": "--"}
_BRIGHT: Final = 99.0  # percentile that is drawn full: one wall must not darken the rest


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Bins by time and price: of `n` bins the rows around spot, put at their prices.

    `edge_ns` (n + 1,) int64 are the ends of the bins, with the start of the first in front; `price_int` (rows,) int64
    the prices of the cells, ascending. The images are (rows, n) float64, NaN where a bin shows no such price:
    `bid_depth` and `ask_depth` in contracts or shares, `force` is `pressure_variant - vacuum_variant`. `best_bid` and
    `best_ask` (n,) float64 are prices, NaN where the book is not valid.
    """

    edge_ns: np.ndarray
    price_int: np.ndarray
    bid_depth: np.ndarray
    ask_depth: np.ndarray
    force: np.ndarray
    best_bid: np.ndarray
    best_ask: np.ndarray


def stretch(bins: Iterable[BinLike], instrument: Instrument) -> Stretch:
    """Put bins side by side on one axis of prices.

    Takes bins of `replay` or `LiveBins`, in order. Bins before the first valid book, which have no spot, stay empty.
    Raises `ParameterError` for no bins, for none with a spot, for an instrument that is not theirs, and when spot moves
    so far that the picture would have more than 4096 rows.

        found = stretch(bins, instrument)
        found.force[:, -1]  # of the last bin, by price
    """
    fields, cells = collect(bins)
    if not len(fields):
        raise ParameterError("bins: there are none; at least one is needed for a picture")
    spot = fields["spot_ref_price_int"]
    seen = spot > 0
    if not seen.any():
        raise ParameterError("bins: none of them has a price, since the book was never valid")
    if (spot[seen] % instrument.cell_int).any():
        raise ParameterError(
            f"instrument: its cell is {instrument.cell_int}, and spot of the bins is no multiple of that; give the "
            "instrument that the bins were made with"
        )
    rows = spot // instrument.cell_int
    radius = cells.shape[1] // 2
    lowest, highest = int(rows[seen].min()) - radius, int(rows[seen].max()) + radius
    if highest - lowest >= _MOST_ROWS:
        raise ParameterError(
            f"bins: they reach over {highest - lowest + 1} prices, at most {_MOST_ROWS} are drawn; draw fewer bins"
        )
    images = np.full((3, highest - lowest + 1, len(fields)), np.nan)
    force = cells["pressure_variant"] - cells["vacuum_variant"]
    for i in np.flatnonzero(seen):
        low = int(rows[i]) - radius - lowest
        images[:, low : low + cells.shape[1], i] = cells["bid_depth"][i], cells["ask_depth"][i], force[i]
    best_bid, best_ask = (
        np.where(fields["book_valid"], fields[f"best_{side}_price_int"] / PRICE_SCALE, np.nan)
        for side in ("bid", "ask")
    )
    return Stretch(
        edge_ns=np.concatenate([fields["bin_start_ns"][:1], fields["bin_end_ns"]]),
        price_int=np.arange(lowest, highest + 1) * instrument.cell_int,
        bid_depth=images[0],
        ask_depth=images[1],
        force=images[2],
        best_bid=best_bid,
        best_ask=best_ask,
    )


def draw(bins: Iterable[BinLike], instrument: Instrument, *, width_in: float = 11.0, height_in: float = 7.5) -> Figure:
    """The picture of `stretch(bins, instrument)`, as a `matplotlib.figure.Figure` that no window shows.

    Above the displayed depth, bids blue and asks orange; below pressure (green) less vacuum (purple); over both the
    best bid and ask. Each shade is full at the 99th percentile of what it shows, and depth goes by its square root.
    Raises as `stretch` does, and ImportError where matplotlib is not installed.

        draw(bins, instrument).savefig("stretch.png", dpi=110)
    """
    try:
        from matplotlib.colors import Normalize, PowerNorm
        from matplotlib.figure import Figure as NewFigure
    except ImportError:
        raise ImportError("plot.draw needs matplotlib: pip install 'vp-book[plot]'") from None
    found = stretch(bins, instrument)
    seconds = (found.edge_ns - found.edge_ns[0]) / 1e9
    half = instrument.cell_int / PRICE_SCALE / 2
    prices = found.price_int / PRICE_SCALE
    extent = (seconds[0], seconds[-1], prices[0] - half, prices[-1] + half)
    figure = NewFigure(figsize=(width_in, height_in), layout="constrained")
    depth, physics = figure.subplots(2, 1, sharex=True, sharey=True)
    fullest = max(_full(found.bid_depth), _full(found.ask_depth))
    strongest = _full(np.abs(found.force))
    for axes, name, image, scale in (
        (depth, "bid_depth", found.bid_depth, PowerNorm(0.5, 0.0, fullest)),
        (depth, "ask_depth", found.ask_depth, PowerNorm(0.5, 0.0, fullest)),
        (physics, "force", found.force, Normalize(-strongest, strongest)),
    ):
        shown = np.ma.masked_invalid(image)
        if axes is depth:  # a price has orders of one side: what has none lets the other's show
            shown = np.ma.masked_where(shown == 0, shown)
        drawn = axes.imshow(
            shown,
            cmap=_SHADES[name],
            norm=scale,
            aspect="auto",
            extent=extent,
            origin="lower",
            interpolation="nearest",
            label=name,
        )
        bar = {"bid_depth": "bid size", "ask_depth": "ask size", "force": "pressure less vacuum"}[name]
        figure.colorbar(drawn, ax=axes, label=bar, pad=0.01, aspect=30)
    for axes in (depth, physics):
        _draw_best(axes, seconds, found)
        axes.set_ylabel("price")
    depth.set_title(f"{instrument.symbol}: {len(found.edge_ns) - 1} bins from {utc(int(found.edge_ns[0]))}", loc="left")
    depth.legend(loc="upper left", frameon=True, fontsize=8)
    physics.set_xlabel("seconds")
    return figure


def _draw_best(axes: Axes, seconds: np.ndarray, found: Stretch) -> None:
    for side, best in (("bid", found.best_bid), ("ask", found.best_ask)):
        style: dict[str, Any] = {"color": "black", "linestyle": _BEST[side], "linewidth": 0.8}
        axes.stairs(best, seconds, baseline=None, label=f"best {side}", **style)


def _full(image: np.ndarray) -> float:
    """What is drawn full: high among what is there."""
    there = image[np.isfinite(image) & (image != 0)]
    return float(np.percentile(there, _BRIGHT)) if there.size else 1.0
