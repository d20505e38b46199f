"""The plot of `calibration.py`: p-values against uniform ones, what is called proven, and what is found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from calibration import Measured

COLOURS = ("#222222", "#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""One a kind, apart for the colour-blind too."""
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
LIMIT = 0.05
POWER = 0.8


def interval(share: float, count: int) -> tuple[float, float]:
    """95 % score interval of a share of so many (Wilson 1927)."""
    z2 = 1.959963984540054**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count * count))) / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def band(markets: int) -> tuple[Any, Any, Any]:
    """Shares of uniform p-values and, of so many, between which the share found is in 95 % of the cases: each (99,)."""
    at = np.arange(1, 100) / 100
    draws = np.random.default_rng(1).binomial(markets, at, (4000, 99)) / markets
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return at, low, high


def _quantiles(axes: Axes, null: Sequence[Measured]) -> None:
    at, low, high = band(min(one.markets for one in null))
    axes.fill_between(at, low, high, color="#999999", alpha=0.25, lw=0, label="uniform, 95 % at each p")
    axes.plot([0, 1], [0, 1], color="#999999", lw=0.8)
    for one, colour, line in zip(null, COLOURS, LINES, strict=False):
        p = np.sort(one.p)
        axes.plot(np.append(0, p), np.arange(len(p) + 1) / len(p), ls=line, color=colour, lw=1.6, label=one.kind)
    axes.axvline(LIMIT, color="#999999", lw=0.8, ls=":")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xlabel("smallest corrected p of an experiment")
    axes.set_ylabel("share of experiments with this p or a smaller one")
    axes.set_title("Nothing to find: p-values", loc="left")
    axes.legend(loc="upper left", frameon=False)


def _bars(axes: Axes, rows: Sequence[tuple[str, float, int, str]], mark: float, title: str) -> None:
    """Rows are (name, share, markets, colour); with the interval of each, and a mark."""
    at = np.arange(len(rows))[::-1]
    shares = np.array([100 * share for _, share, _, _ in rows])
    ends = np.array([interval(share, count) for _, share, count, _ in rows]) * 100
    axes.barh(at, shares, color=[colour for *_, colour in rows], height=0.6)
    errors = np.maximum([shares - ends[:, 0], ends[:, 1] - shares], 0.0)
    axes.errorbar(shares, at, xerr=errors, fmt="none", ecolor="#666666", lw=1.2, capsize=3)
    axes.axvline(100 * mark, color="#B00000", lw=1.2, ls="--")
    axes.set_yticks(at, [name for name, *_ in rows])
    for place, share, end in zip(at, shares, ends[:, 1], strict=True):
        axes.annotate(f"{share:.1f} %", (end, place), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set_xlim(0, min(100.0, 1.25 * max(100 * mark, float(ends[:, 1].max()))) if mark < 0.5 else 118)
    axes.set_xlabel("% of experiments, with 95 % interval")
    axes.set_title(title, loc="left")


def draw(measured: Sequence[Measured], path: Path) -> None:
    """Write the plot; the suffix of the path is its format."""
    null = [one for one in measured if not one.effect]
    power = [one for one in measured if one.effect]
    mpl.rcParams.update({"font.size": 9, "svg.hashsalt": "calibration", "axes.spines.top": False})
    mpl.rcParams.update({"axes.spines.right": False})
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    grid = figure.add_gridspec(3, 2, width_ratios=(1.1, 1.0), height_ratios=(1.3, 1.3, 0.75))
    if null:
        _quantiles(figure.add_subplot(grid[:, 0]), null)
        coloured = list(zip(null, COLOURS, strict=False))
        significant = [(one.kind, one.significant, one.markets, colour) for one, colour in coloured]
        proven = [(one.kind, one.proven, one.markets, colour) for one, colour in coloured]
        _bars(figure.add_subplot(grid[0, 1]), significant, LIMIT, "Nothing to find: corrected p of 0.05 or less")
        _bars(figure.add_subplot(grid[1, 1]), proven, LIMIT, "Nothing to find: called proven")
    if power:
        one = power[0]
        found = [("p of 0.05 or less", one.significant, one.markets, COLOURS[1])]
        found.append(("called proven", one.proven, one.markets, COLOURS[3]))
        _bars(figure.add_subplot(grid[2, 1]), found, POWER, f"Found: {one.kind}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
