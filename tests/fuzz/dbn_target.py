"""What must hold for any bytes: a result that balances, or one `VpBookError`."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import numpy as np
from fuzz.dbn_inputs import next_file
from support.records import T0

from vp_book import BookEngine, Instrument, VpBookError, open_dbn, replay

BINS = 60
"""Bins looked at in one replay: two records may lie centuries apart, and every empty bin between them is emitted."""


def exercise(path: Path, draw: random.Random) -> str:
    """Decode, book and bins of one file, with arguments drawn; returns what came of it in a word or an error's shape.

    Raises whatever is no `VpBookError`, and `AssertionError` for a result that cannot be.
    """
    outcomes = [_outcome(lambda: _decoded_and_applied(path, draw))]
    if outcomes[0] == "ok" or draw.random() < 0.1:
        outcomes.append(_outcome(lambda: _replayed(path, draw)))
    return " / ".join(outcomes)


def _outcome(run: object) -> str:
    try:
        run()  # type: ignore[operator]
    except VpBookError as error:
        text = str(error)
        assert text.isprintable(), f"an error that cannot be shown in a line: {text!r}"
        return f"{type(error).__name__}: {_shape(text)}"
    return "ok"


def _shape(message: str) -> str:
    """An error's message without its path, numbers and values, so that alike ones count as one."""
    message = message.split(".dbn: ", 1)[-1]
    message = re.sub(r"\(.*\)|'.*'|it has .*|the file has .*|mixes .*|symbol .* (is|maps)", "…", message)
    return re.sub(r"\d+", "#", message)[:80]


def _instrument(draw: random.Random) -> Instrument:
    tick = draw.choice(("0.25", "0.25", "0.01", "0.000000001"))
    bucket = draw.choice((None, None, str(5 * float(tick)) if tick != "0.000000001" else "0.000000005"))
    return Instrument("TEST", tick, draw.choice(("future_mbo", "equity_mbo")), bucket)


def _source(path: Path, draw: random.Random) -> object:
    files = [path]
    if draw.random() < 0.3:
        files.append(path.with_suffix(".next.dbn"))
        files[1].write_bytes(next_file(draw))
    return open_dbn(
        files,
        symbol=draw.choice((None, *("TEST",) * 6, "OTHER")),
        publisher=draw.choice((None, 1, 1)),
        chunk_records=draw.choice((1, 7, 64, 262_144)),
        tolerate_truncated=draw.random() < 0.6,
    )


def _decoded_and_applied(path: Path, draw: random.Random) -> None:
    engine = BookEngine(_instrument(draw), n_absolute_ticks=1024)
    for records in _source(path, draw):  # type: ignore[attr-defined]
        assert len(records)
        engine.apply(records)
    assert engine.certificate()["conserved"]
    bbo = engine.bbo()
    for side, price, size in (("bid", bbo.bid_price_int, bbo.bid_size), ("ask", bbo.ask_price_int, bbo.ask_size)):
        prices, sizes = engine.levels(side)  # type: ignore[arg-type]
        assert (sizes > 0).all()
        assert (np.diff(prices) * (-1 if side == "bid" else 1) > 0).all()
        if len(prices):
            assert (prices[0], sizes[0]) == (price, size)
    state = engine.tick_state(bbo.bid_price_int, engine.clock_ns)
    assert np.isfinite(list(state.values())).all()


def _replayed(path: Path, draw: random.Random) -> None:
    source = _source(path, draw)
    run = replay(
        source,  # type: ignore[arg-type]
        _instrument(draw),
        cell_width_ms=draw.choice((1, 100, 60_000)),
        grid_radius_ticks=draw.choice((1, 10, 50)),
        n_absolute_ticks=1024,
        start_ns=draw.choice((None, None, T0, T0 + 3_600 * 10**9)),
        end_ns=draw.choice((None, None, T0 + 2 * 3_600 * 10**9)),
        max_silence_s=draw.choice((None, None, 0, 5, 10**8)),
    )
    for bin_ in itertools.islice(run, BINS):
        assert bin_.fields["bin_end_ns"] <= (source.end_ns or 2**63)  # type: ignore[attr-defined]
        assert np.isfinite(bin_.pressure).all()
        assert np.isfinite(bin_.vacuum).all()
        for name, column in bin_.cells.items():
            assert np.isfinite(column).all(), name
        assert all(abs(value) < 2**63 for value in bin_.fields.values())  # nan is below nothing
    assert run.certificate()["conserved"]
