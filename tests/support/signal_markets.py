"""Seeded random grids in the shape of a dataset: prices that hang together, flow that remembers, gaps and bad bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.signal_oracles import Market
from vp_harness import Dataset
from vp_harness.signals import Signal, SignalContext

CELL_INT = 250_000_000
_ANCHOR = 20_000  # cell that prices wander about, and that books are mirrored about

FLOWS = tuple(f"{order}_{channel}" for order in "vaj" for channel in ("add", "pull", "fill"))
OPPOSITE = {"bid_depth": "ask_depth", "ask_depth": "bid_depth"}


class RandomMarket:
    """A dataset of random numbers that obeys the rules of one.

    Rates are not negative, depth lies on its own side of the mid, codes are codes. A tenth of the bins is quiet (all
    rates 0), some are without a best price or with a crossed book, and spot jumps now and then as after a gap.
    `spreads` are the spreads in cells that occur. Everything is made with one row more to either side than is shown, so
    that the mirrored market can be cut from it.
    """

    def __init__(
        self, seed: int, n_bins: int = 900, radius: int = 10, spreads: tuple[int, ...] = (1, 2, 3), width_ms: int = 100
    ) -> None:
        self.n_bins = n_bins
        self.context = SignalContext(radius, width_ms, CELL_INT)
        rng = np.random.default_rng(seed)
        wide = 2 * radius + 3
        spread = rng.choice(spreads, n_bins)
        moves = rng.integers(-1, 2, n_bins) + rng.integers(-40, 41, n_bins) * (rng.random(n_bins) < 0.01)
        bid = _ANCHOR + np.cumsum(moves)
        ask = bid + spread
        spot = (bid + ask + 1) // 2
        k = np.arange(wide) - radius - 1
        price = spot[:, None] + k
        shape = (n_bins, wide)
        quiet = rng.random((n_bins, 1)) < 0.1
        self._wide: dict[str, NDArray[Any]] = {}
        for name in FLOWS:
            signed = _remembering(rng, shape)
            self._wide[name] = np.where(quiet, 0.0, signed**2 if name.startswith("v_") else signed)
        for name in ("pressure_variant", "vacuum_variant"):
            self._wide[name] = np.where(quiet, 0.0, _remembering(rng, shape) ** 2)
        depth = rng.integers(0, 60, shape)
        self._wide["bid_depth"] = np.where(price <= bid[:, None], depth, 0)
        self._wide["ask_depth"] = np.where(price >= ask[:, None], depth, 0)
        self._wide["flow_score"] = np.tanh(_remembering(rng, shape))
        self._wide["flow_state_code"] = (np.abs(self._wide["flow_score"]) > 0.4) * np.sign(self._wide["flow_score"])
        self._wide["flow_state_code"] = self._wide["flow_state_code"].astype(np.int8)
        self._wide["state5_code"] = np.repeat(rng.integers(-2, 3, (n_bins, 1)), wide, axis=1).astype(np.int8)
        bad = rng.random(n_bins)
        has_bid, has_ask = bad > 0.02, (bad < 0.01) | (bad > 0.03)
        self._ticks = {"bid": bid, "ask": ask, "spot": spot}
        self._odd = spread % 2 == 1
        self.bins: dict[str, NDArray[Any]] = {
            "best_bid_price_int": np.where(has_bid, bid * CELL_INT, 0),
            "best_ask_price_int": np.where(has_ask, ask * CELL_INT, 0),
            "spot_ref_price_int": spot * CELL_INT,
            "best_bid_size": np.where(has_bid, rng.integers(1, 90, n_bins), 0),
            "best_ask_size": np.where(has_ask, rng.integers(1, 90, n_bins), 0),
            "buy_volume": rng.integers(0, 30, n_bins) * (rng.random(n_bins) < 0.4),
            "sell_volume": rng.integers(0, 30, n_bins) * (rng.random(n_bins) < 0.4),
        }

    def grid(self, column: str) -> NDArray[Any]:
        """One column of the shown rows."""
        return np.ascontiguousarray(self._wide[column][:, 1:-1])

    def first(self, n_bins: int) -> RandomMarket:
        """Its first bins alone."""
        other = object.__new__(RandomMarket)
        other.n_bins, other.context, other._odd = n_bins, self.context, self._odd[:n_bins]
        other._wide = {name: rows[:n_bins] for name, rows in self._wide.items()}
        other.bins = {name: values[:n_bins] for name, values in self.bins.items()}
        return other

    def mirrored(self) -> RandomMarket:
        """The same market with bid and ask exchanged and every price reflected about one price.

        Spot is the mid rounded half up, so that with an odd spread what was at row k comes to row -k - 1.
        """
        other = object.__new__(RandomMarket)
        other.n_bins, other.context = self.n_bins, self.context
        other._odd = self._odd
        other._wide = {}
        for name in self._wide:
            rows = self._wide[OPPOSITE.get(name, name)][:, ::-1]
            shifted = np.zeros_like(rows)
            shifted[:, :-1] = rows[:, 1:]
            other._wide[name] = np.where(self._odd[:, None], shifted, rows)
        two = 2 * _ANCHOR * CELL_INT
        b = self.bins
        other.bins = {
            "best_bid_price_int": np.where(b["best_ask_price_int"] == 0, 0, two - b["best_ask_price_int"]),
            "best_ask_price_int": np.where(b["best_bid_price_int"] == 0, 0, two - b["best_bid_price_int"]),
            "spot_ref_price_int": two - b["spot_ref_price_int"] + CELL_INT * self._odd,
            "best_bid_size": b["best_ask_size"],
            "best_ask_size": b["best_bid_size"],
            "buy_volume": b["sell_volume"],
            "sell_volume": b["buy_volume"],
        }
        return other


class Spliced:
    """`before` up to bin `cut`, `after` from there on; without `after` the dataset ends there."""

    def __init__(self, before: Any, after: Any, cut: int) -> None:
        self.context = before.context
        self.n_bins = before.n_bins if after is not None else cut
        self._parts = before, after, cut
        joined = {name: self._join(values, name, "bins") for name, values in before.bins.items()}
        self.bins: Mapping[str, NDArray[Any]] = joined

    def grid(self, column: str) -> NDArray[Any]:
        """One column."""
        return self._join(self._parts[0].grid(column), column, "grid")

    def _join(self, first: NDArray[Any], name: str, kind: str) -> NDArray[Any]:
        _, after, cut = self._parts
        if after is None:
            return first[:cut]
        then = after.bins[name] if kind == "bins" else after.grid(name)
        return np.concatenate([first[:cut], then[: self.n_bins - cut]])


class Shifted:
    """The market `bins` later, the first bins coming last."""

    def __init__(self, market: Any, bins: int) -> None:
        self.context, self.n_bins, self._market, self._by = market.context, market.n_bins, market, bins
        self.bins = {name: np.roll(values, -bins) for name, values in market.bins.items()}

    def grid(self, column: str) -> NDArray[Any]:
        """One column."""
        return np.roll(self._market.grid(column), -self._by, axis=0)


def oracle_market(source: Any, signal: Signal | type[Signal], start: int = 0, stop: int | None = None) -> Market:
    """What an oracle takes, of bins `start` to `stop` of a random market or a dataset."""
    context = source.context
    bins = source.bins
    columns = {name: np.asarray(source.grid(name))[start:stop] for name in signal.required_columns}
    fields = {name: np.asarray(bins[name])[start:stop].tolist() for name in signal.required_fields}
    return Market(context.radius, context.cell_width_ms, context.cell_int, columns, fields)


class Window:
    """Bins `start` to `stop` of a dataset."""

    def __init__(self, dataset: Dataset, start: int, stop: int) -> None:
        self.context, self.n_bins = dataset.context, stop - start
        self._dataset, self._span = dataset, (start, stop)
        self.bins = {name: dataset.bins[name].to_numpy()[start:stop] for name in dataset.bins.columns}

    def grid(self, column: str) -> NDArray[Any]:
        """One column."""
        return self._dataset.grid(column, *self._span)


def _remembering(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Noise that halves its memory in some 7 bins."""
    noise = rng.normal(size=shape)
    out = np.empty(shape)
    out[0] = noise[0]
    for t in range(1, shape[0]):
        out[t] = 0.9 * out[t - 1] + 0.44 * noise[t]
    return out
