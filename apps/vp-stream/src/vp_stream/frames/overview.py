"""Bins sent once more: marked as history, and several of them as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from vp_book.marks import MARK_KINDS, MARK_SIDES, MOST_MARKS
from vp_contract import Frame, GridUpdate, Mark, RuntimeConfig, decode_grid, encode_grid, encode_message, grid_schema

_KINDS: Final[Mapping[str, int]] = {kind: rank for rank, kind in enumerate(MARK_KINDS)}
_SIDES: Final[Mapping[str, int]] = {side: rank for rank, side in enumerate(MARK_SIDES)}
_UPDATES: Final = msgspec.json.Decoder(GridUpdate)
_SUMMED: Final = ("bin_event_count", "trade_count", "buy_volume", "sell_volume")
_VOLUMES: Final = ("buy_volume", "sell_volume")
_HIGHS: Final = ("bid_high_price_int", "ask_high_price_int")
_LOWS: Final = ("bid_low_price_int", "ask_low_price_int")


def marked(frame: Frame) -> Frame:
    """A frame as it is sent for a `history`: nothing is decoded, so it costs next to nothing."""
    return Frame(frame.update[:-1] + b',"history":true}', frame.grid)


def _rank(mark: Mark) -> tuple[int, ...]:
    """The order of the marks of a bin: the largest first, of equal ones by kind, price, side and detail."""
    return (
        -mark.size,
        _KINDS.get(mark.kind, len(_KINDS)),
        int(mark.price_int),
        _SIDES.get(mark.side, len(_SIDES)),
        mark.detail,
    )


class Overview:
    """Makes one bin of several that follow one another, for the maps that show hours.

    It is the last of them, with the counts and volumes of all, their highest and lowest quotes, their largest marks,
    and the start of the first one. The volumes of a cell are summed by price, wherever the window of each bin lay; what
    was traded outside of the last bin's window is in the bin's volume alone.
    """

    def __init__(self, config: RuntimeConfig) -> None:
        self._schema = grid_schema(config)
        self._cell_int = config.cell_int

    def one_of(self, frames: Sequence[Frame]) -> Frame:
        """One frame for `frames`, of which there is at least one."""
        updates = [_UPDATES.decode(frame.update) for frame in frames]
        last = updates[-1]
        changed: dict[str, Any] = {name: sum(getattr(update, name) for update in updates) for name in _SUMMED}
        quoted = [update for update in updates if any(getattr(update, name) != "0" for name in (*_HIGHS, *_LOWS))]
        for names, pick in ((_HIGHS, max), (_LOWS, min)):
            for name in names:
                prices = [int(getattr(update, name)) for update in quoted]
                changed[name] = str(pick(prices)) if prices else "0"
        known = [update.marks for update in updates if isinstance(update.marks, tuple)]
        if known:
            marks = [mark for of_bin in known for mark in of_bin]
            changed["marks"] = tuple(sorted(marks, key=_rank)[:MOST_MARKS])
        changed |= {"bin_start_ns": updates[0].bin_start_ns, "history": True, "every": len(frames)}
        columns = {name: column.copy() for name, column in decode_grid(frames[-1].grid).items()}
        for update, frame in zip(updates[:-1], frames[:-1], strict=True):
            if update.buy_volume or update.sell_volume:
                self._add_volumes(columns, int(last.spot_ref_price_int), decode_grid(frame.grid), update)
        return Frame(encode_message(msgspec.structs.replace(last, **changed)), encode_grid(self._schema, columns))

    def _add_volumes(
        self, columns: dict[str, np.ndarray[Any, Any]], spot: int, grid: dict[str, np.ndarray[Any, Any]], of: GridUpdate
    ) -> None:
        moved = (
            int(of.spot_ref_price_int) - spot
        ) // self._cell_int  # rows by which a price stands higher in `columns`
        rows = len(columns["k"])
        to, from_ = slice(max(moved, 0), min(rows + moved, rows)), slice(max(-moved, 0), min(rows - moved, rows))
        if abs(moved) < rows:
            for name in _VOLUMES:
                columns[name][to] += grid[name][from_]
