"""Plots of several sessions on the same axes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from session_measures import (
    DEPTH_TICKS,
    RADIUS,
    Floats,
    Ints,
    Session,
    autocorrelation,
    counts,
    fano,
    returns,
    survival,
    tail,
)

COLOURS = ("#222222", "#0072B2", "#D55E00")
"""One a session, apart for the colour-blind too."""
WIDTHS = (2.2, 1.5, 1.5)
FANO_WINDOWS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
IMAGE_S = 600
"""Seconds that an image shows, the last ones."""
IMAGE_TICKS = 30
"""Ticks that an image shows on either side of its middle."""


def _curves(axes: Axes, sessions: list[Session], curve: Callable[[Session], tuple[Any, Any]]) -> None:
    for session, colour, width in zip(sessions, COLOURS, WIDTHS, strict=True):
        axes.plot(*curve(session), color=colour, lw=width, label=session.name)


def _dress(axes: Axes, title: str, x: str, y: str, **scales: str) -> None:
    axes.set_title(title, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set(**scales)
    axes.grid(alpha=0.25, lw=0.6)


def _figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(np.ravel(figure.subplots(rows, columns)))


def _tail_of(values: Callable[[Session], Ints], at: Ints) -> Callable[[Session], tuple[Ints, Floats]]:
    def curve(session: Session) -> tuple[Ints, Floats]:
        shares = tail(values(session), at)
        return at[shares > 0], 100 * shares[shares > 0]

    return curve


def orders(sessions: list[Session]) -> Figure:
    """Sizes, lives and places of orders."""
    figure, (sizes, lives, places, depth) = _figure(2, 2, 10, 7)
    _curves(sizes, sessions, _tail_of(lambda s: s.of(b"A")["size"].astype(np.int64), np.arange(1, 301)))
    _dress(sizes, "Size of new orders", "contracts", "orders of at least this size, %", xscale="log", yscale="log")
    at_s = np.logspace(-4, 2.5, 200)
    _curves(lives, sessions, lambda s: (at_s, 100 * survival(s.orders, at_s)))
    _dress(lives, "Life of orders", "seconds", "orders that live longer, %", xscale="log")
    ticks = np.arange(61)
    _curves(places, sessions, lambda s: (ticks, 100 * (1 - tail(s.distance_of["A"], ticks + 1))))
    _dress(places, "Where orders arrive", "ticks behind the touch", "adds up to this distance, %")
    _curves(depth, sessions, lambda s: (np.arange(DEPTH_TICKS), s.depth / s.depth.mean()))
    _dress(depth, "Depth profile, each over its own mean", "ticks behind the touch", "resting size / mean")
    depth.set_ylim(0)
    sizes.legend(frameon=False)
    return figure


def clock(sessions: list[Session]) -> Figure:
    """When events come, and how many at once."""
    figure, (gaps, clusters, memory, records) = _figure(2, 2, 10, 7)
    at_ms = np.logspace(-3.5, 4, 300)

    def gap_shares(session: Session) -> tuple[Floats, Floats]:
        sorted_ms = np.sort(np.diff(session.event_ns)) / 1e6
        return at_ms, 100 * np.searchsorted(sorted_ms, at_ms, side="right") / len(sorted_ms)

    _curves(gaps, sessions, gap_shares)
    _dress(gaps, "Time between events", "milliseconds", "gaps up to this, %", xscale="log")
    _curves(clusters, sessions, lambda s: (FANO_WINDOWS_S, [fano(s, w) for w in FANO_WINDOWS_S]))
    clusters.axhline(1, color="#888888", lw=1, ls=":")
    clusters.annotate("Poisson process", (0.0011, 1.07), color="#666666", fontsize=9)
    _dress(clusters, "Clustering: Fano factor", "window, s", "variance / mean of counts", xscale="log", yscale="log")
    lags = np.arange(1, 61)
    _curves(memory, sessions, lambda s: (lags, autocorrelation(counts(s, 1.0).astype(float), len(lags))))
    memory.axhline(0, color="#888888", lw=1, ls=":")
    _dress(memory, "Memory of the rate: events per second", "lag, s", "autocorrelation")
    _curves(records, sessions, _tail_of(lambda s: s.event_sizes, np.arange(1, 201)))
    _dress(records, "Records of one event", "records", "events of at least this many, %", xscale="log", yscale="log")
    gaps.legend(frameon=False)
    return figure


def price(sessions: list[Session]) -> Figure:
    """Moves of the mid, and the trades."""
    figure, (moves, vol, spread, trades) = _figure(2, 2, 10, 7)

    def move_shares(session: Session) -> tuple[Floats, Floats]:
        size = np.sort(np.abs(returns(session, 1.0)))
        at = np.unique(size[size > 0])
        return at / size.std(), 100 * (1 - np.searchsorted(size, at) / len(size))

    _curves(moves, sessions, move_shares)
    _dress(moves, "Mid over 1 s, each in its own SD", "|change| / SD", "at least this, %", xscale="log", yscale="log")

    def minute_vol(session: Session) -> tuple[Ints, Floats]:
        change = np.diff(session.mid_ticks[::10])
        minutes = change[: len(change) // 60 * 60].reshape(-1, 60)
        by_minute = np.sqrt(np.nansum(minutes**2, axis=1))
        return np.arange(1, len(by_minute) + 1), by_minute / by_minute.mean()

    _curves(vol, sessions, minute_vol)
    _dress(vol, "Volatility by minute, each over its mean", "minute", "volatility / mean")
    vol.set_ylim(0)
    widths = np.arange(1, 4)
    for i, (session, colour) in enumerate(zip(sessions, COLOURS, strict=True)):
        shares = [100 * max(float(np.mean(session.spread_ticks == w)), 1e-6) for w in widths]
        spread.bar(widths + 0.27 * (i - 1), shares, 0.25, color=colour)
    _dress(spread, "Spread at the end of each 100 ms", "ticks", "share, %", yscale="log")
    spread.set_ylim(0.01, 200)
    spread.set_xticks(widths)
    _curves(trades, sessions, _tail_of(lambda s: np.array(s.orders.taken), np.arange(1, 501)))
    _dress(trades, "Size of aggressors", "contracts", "at least this, %", xscale="log", yscale="log")
    moves.legend(frameon=False)
    return figure


def _absolute(image: Any, spots: Ints, middle: int) -> Floats:
    """Rows around spot as rows around one price: (tick, second), highest price first."""
    out = np.full((2 * IMAGE_TICKS + 1, len(spots)), np.nan)
    for column, (row, spot) in enumerate(zip(image, spots, strict=True)):
        lo = middle - IMAGE_TICKS - spot + RADIUS
        if lo >= 0 and lo + len(out) <= len(row):
            out[::-1, column] = row[lo : lo + len(out)]
    return out


def images(sessions: list[Session]) -> Figure:
    """Depth, and pressure less vacuum, by time and price."""
    figure, axes = _figure(2, len(sessions), 12, 6.4)
    for i, session in enumerate(sessions):
        last = slice(-IMAGE_S, None)
        spots = session.spot_ticks[last]
        middle = (int(spots.min()) + int(spots.max())) // 2
        extent = (0.0, len(spots) / 60, -IMAGE_TICKS - 0.5, IMAGE_TICKS + 0.5)
        depth = _absolute(session.depth_image[last], spots, middle)
        force = _absolute(session.force_image[last], spots, middle)
        limit = float(np.nanpercentile(np.abs(force), 98))
        # the square root keeps a wall from darkening everything else
        looks: tuple[tuple[int, Floats, dict[str, Any]], ...] = (
            (i, np.sqrt(depth), {"cmap": "magma", "vmin": 0, "vmax": float(np.nanpercentile(np.sqrt(depth), 99))}),
            (i + len(sessions), force, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}),
        )
        for at, image, look in looks:
            axes[at].imshow(image, aspect="auto", extent=extent, interpolation="nearest", **look)
            minutes = np.arange(len(spots)) / 60
            axes[at].step(minutes, spots - middle, color="white" if at == i else "#222222", lw=0.8)
        axes[i].set_title(session.name, loc="left")
        axes[i + len(sessions)].set_xlabel("minutes")
    axes[0].set_ylabel("depth\n\nticks")
    axes[len(sessions)].set_ylabel("pressure less vacuum\n\nticks")
    return figure


def draw(sessions: list[Session], folder: Path) -> None:
    """Write the plots as synthetic-<subject>.png; the directory is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    style: dict[Any, Any] = {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titleweight": "bold",
    }
    with mpl.rc_context(style):
        for subject, figure in (("heatmap", images), ("orders", orders), ("clock", clock), ("price", price)):
            figure(sessions).savefig(folder / f"synthetic-{subject}.png", dpi=100)
