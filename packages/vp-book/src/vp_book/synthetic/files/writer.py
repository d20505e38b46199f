"""A synthetic market as a DBN file with a JSON sidecar."""

from __future__ import annotations

import os

from vp_book.synthetic.files.arguments import checked_path, checked_session
from vp_book.synthetic.files.part import MarketFile, Part
from vp_book.synthetic.market.generate import Market
from vp_book.synthetic.market.model import MarketModel


def write_market(
    path: str | os.PathLike[str],
    *,
    seed: int,
    minutes: int = 30,
    symbol: str = "SYNM6",
    effect: float = 0.0,
    date: str = "2026-02-06",
    start: str = "09:25",
) -> MarketFile:
    """Write a synthetic market-by-order session as a DBN version 3 file, and its sidecar `<path>.json`.

    The same arguments give the same records everywhere. Each file appears whole or not at all and replaces one that
    was there; missing directories are made.

    Args:
        path: File to write, ending in `.dbn`, or `.dbn.zst` to compress it.
        seed: 0 or a positive integer.
        minutes: Length of the session, 1 to 1440.
        symbol: Raw symbol of the one instrument, 1 to 70 ASCII characters. Its instrument id derives from it.
        effect: Strength of the planted effect, 0 (none) to 1: order-flow pressure near the touch leads the price by a
            lag that the sidecar states.
        date: Day in New York, `YYYY-MM-DD`.
        start: Start in New York, `HH:MM`. A session that spans 09:30 has a clear and a new snapshot there.

    Raises:
        ParameterError: An argument is not what is allowed; nothing has been written.
        OSError: The file system refused.
    """
    target = checked_path(path)
    session = checked_session(seed=seed, minutes=minutes, symbol=symbol, effect=effect, day=date, start=start)
    market = Market(session, MarketModel())
    arguments = {
        "seed": seed,
        "minutes": minutes,
        "symbol": symbol,
        "effect": session.effect,
        "date": date,
        "start": start,
    }
    with Part(target, session, session.start_ns, session.end_ns) as part:
        for records in market.blocks():
            part.write(records)
        part.finish()
        return part.publish(arguments, market)
