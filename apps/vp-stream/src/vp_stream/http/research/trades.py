"""The trades of runs, recomputed once for the pages and orders in which they are asked for, and their equity."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec
import polars as pl

from vp_harness import FILL_MODELS, Market, ResultsStore, equity_of
from vp_stream.http.research.answers import Equity, EquityCurve, EquityQuery, TradeSort

_KEPT: Final = 4
_NS_PER_MS: Final = 1_000_000


class CachedTrades:
    """The trades of the rows that were asked for last. Not safe across threads.

    A run and its dataset never change; one that is damaged meanwhile is found by whoever asks for it anew.
    """

    def __init__(self, store: ResultsStore) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, float | None], pl.DataFrame] = OrderedDict()

    def of(
        self, run_id: str, threshold: float | None, sort: TradeSort = "threshold", *, down: bool = False
    ) -> pl.DataFrame:
        """As `ResultsStore.trades`, in order of a column; equal ones in order of threshold and time."""
        key = run_id, threshold
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._kept[key] = self._store.trades(run_id, threshold)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        trades = self._kept[key]
        if sort == "threshold" and not down:
            return trades
        return trades.sort(sort, descending=down, nulls_last=True, maintain_order=True)

    def equity(self, run_id: str, query: EquityQuery) -> Equity:
        """The curves of a row. Raises what `ResultsStore.trades` raises."""
        run = self._store.run(run_id)
        trades = self.of(run_id, query.threshold)
        width_ns = int(msgspec.json.decode(run.runtime_json)["cell_width_ms"]) * _NS_PER_MS
        start: int | None = None
        if trades.height:  # a bin's time is that of its end
            start = int(trades["event_ts_ns"][0]) - (int(trades["event_bin"][0]) + 1) * width_ns

        market = msgspec.json.decode(run.market_json, type=Market) if run.days else None

        def at(bin_seq: int) -> int | None:
            if start is None:
                return None
            return start + bin_seq * width_ns if market is None else market.time_of(bin_seq)

        return Equity(
            run_id=run_id,
            threshold=query.threshold,
            start_ns=at(0),
            choose_end_ns=at(run.choose_end),
            confirm_first_ns=at(run.confirm_first),
            end_ns=at(run.confirm_end),
            curves=[_curve(trades, model, query.most) for model in FILL_MODELS],
        )


def _curve(trades: pl.DataFrame, model: str, most: int) -> EquityCurve:
    times, totals = equity_of(trades, model)
    step = max(1, -(-len(times) // (most - 1)))
    kept = [*range(0, len(times), step)]
    if kept and kept[-1] != len(times) - 1:
        kept.append(len(times) - 1)
    return EquityCurve(model=model, trades=len(times), ts_ns=times[kept].tolist(), total_ticks=totals[kept].tolist())
