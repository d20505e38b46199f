"""A synthetic market session as the daily files a vendor makes of it: cut at 00:00 UTC, each with its snapshot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from vp_book.dbn.writing import utc_date
from vp_book.records import NS_PER_S
from vp_book.synthetic.files.arguments import checked_pattern, checked_span
from vp_book.synthetic.files.part import MarketFile, Part
from vp_book.synthetic.market.generate import Market
from vp_book.synthetic.market.model import MarketModel
from vp_book.synthetic.orders.resting import RestingOrders

_DAY_NS: Final = 86_400_000_000_000
_BOOK_AHEAD_NS: Final = NS_PER_S
"""The book is read this long before a cut, when nothing has been received that belongs behind it."""


def write_session(
    path: str | os.PathLike[str],
    *,
    seed: int,
    date: str = "2026-02-05",
    start: str = "18:00",
    end: str | None = None,
    minutes: int | None = None,
    symbol: str = "SYNM6",
    effect: float = 0.0,
    cut: bool = True,
) -> list[MarketFile]:
    """Write a synthetic session as daily DBN files in order of time, as a vendor delivers a session of a future.

    A session that crosses 00:00 UTC is cut there. Each file claims its own part in its metadata, and the later one
    begins with a snapshot: a clear and an add per resting order, received at 00:00 UTC, each with the time and the
    sequence of the order's own latest change. Each file has a sidecar. All of them appear once all are written.

    Args:
        path: A directory, or the pattern of the files' names: `{date}` in it is the UTC date of a file, `YYYYMMDD`, and
            it ends in `.dbn` or `.dbn.zst`. In a directory they are `<symbol>-<date>.mbo.dbn.zst`.
        seed: 0 or a positive integer.
        date: Day in New York on which the session starts, `YYYY-MM-DD`.
        start: Start in New York, `HH:MM`.
        end: End in New York, `HH:MM`; at or before `start` it is of the next day. 17:00 if `minutes` is not given
            either.
        minutes: Length of the session instead, 1 to 1440.
        symbol: Raw symbol of the one instrument, as for `write_market`.
        effect: Strength of the planted effect, as for `write_market`.
        cut: False writes one file with the same records, but for the snapshot at 00:00 UTC.

    Raises:
        ParameterError: An argument is not what is allowed; nothing has been written.
        OSError: The file system refused.
    """
    session = checked_span(
        seed=seed, symbol=symbol, effect=effect, day=date, start=start, end=end, minutes=minutes, cut=cut
    )
    pattern = checked_pattern(path, symbol)
    market = Market(session, MarketModel())
    cut_ns = (session.start_ns // _DAY_NS + 1) * _DAY_NS
    inside = session.start_ns < cut_ns < session.end_ns
    bounds = [session.start_ns, cut_ns, session.end_ns] if inside and cut else [session.start_ns, session.end_ns]
    arguments = {
        "seed": seed,
        "date": date,
        "start": start,
        "end": end,
        "minutes": minutes,
        "symbol": symbol,
        "effect": session.effect,
        "cut": cut,
    }
    with ExitStack() as stack:
        parts = []
        for begin, stop in pairwise(bounds):
            target = Path(pattern.replace("{date}", f"{utc_date(begin):%Y%m%d}"))
            parts.append(stack.enter_context(Part(target, session, begin, stop)))
        if len(parts) == 1:
            for records in market.blocks():
                parts[0].write(records)
        else:
            for number, records in _cut(market, cut_ns):
                parts[number].write(records)
        for part in parts:
            part.finish()
        return [part.publish({**arguments, "part": [i + 1, len(parts)]}, market) for i, part in enumerate(parts)]


def _cut(market: Market, cut_ns: int) -> Iterator[tuple[int, np.ndarray]]:
    """(File, records) of a session in two files, the second one's snapshot included."""
    book: RestingOrders | None = None
    last: np.ndarray | None = None  # the last record before the cut
    file = 0
    for block in market.blocks(cut_ns - _BOOK_AHEAD_NS):
        if file == 1:
            yield 1, block
            continue
        followed = 0
        if book is None and market.at_pause is not None:
            book, followed = market.at_pause
        behind = int(np.searchsorted(block["ts_recv"], cut_ns))
        if followed > behind:
            raise RuntimeError(f"records written before the book was read were received after {cut_ns}")
        if book is not None:
            book.apply(block[followed:behind])
        if behind:
            last = block[behind - 1 : behind].copy()
            yield 0, block[:behind]
        if behind < len(block) and book is not None and last is not None:
            yield 1, book.snapshot(cut_ns, last)
            yield 1, block[behind:]
            file = 1
    if file == 0 and book is not None and last is not None:  # nothing happened behind the cut
        yield 1, book.snapshot(cut_ns, last)
