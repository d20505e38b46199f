"""What vp-book refuses."""

from __future__ import annotations

import numpy as np

from support.dbn_files import metadata, write_dbn
from support.itch_day import ItchDay
from support.records import T0, record, stream
from support.refusals import Case
from support.refusals.bench import Bench, flip
from vp_book import BookEngine, Instrument, Physics, open_dbn, replay, synthetic
from vp_book.feeds import convert_itch50

ES = Instrument("TEST", tick_size="0.25")


def _read(source: object) -> None:
    for _ in source:  # type: ignore[attr-defined]
        pass


def _flipped_checkpoint(bench: Bench) -> None:
    BookEngine(ES).save_checkpoint("book")
    flip(bench.folder / "book")
    BookEngine.load_checkpoint("book")


def _compressed_cut(bench: Bench) -> None:
    path = bench.file("cut.dbn.zst", cut=12)
    _read(open_dbn(path))


def _other_schema(bench: Bench) -> None:
    import databento_dbn

    path = bench.folder / "trades.dbn"
    path.write_bytes(metadata(schema=databento_dbn.Schema.TRADES))
    open_dbn(path)


def _short_record(bench: Bench) -> None:
    records = bench.records()
    records["length"][4] = 13
    _read(open_dbn(write_dbn(bench.folder / "short.dbn", records)))


def _unmapped(bench: Bench) -> None:
    path = write_dbn(bench.folder / "unmapped.dbn", bench.records(), metadata(mapped=False))
    _read(open_dbn(path, symbol="TEST"))


def _version_nine(bench: Bench) -> None:
    path = bench.file()
    data = bytearray(path.read_bytes())
    data[3] = 9
    path.write_bytes(data)
    open_dbn(path)


def _itch(bench: Bench, symbol: str = "AAPL", cut: int = 0) -> None:
    data = ItchDay(1, 50).data
    (bench.folder / "day.itch").write_bytes(data[: len(data) - cut])
    convert_itch50("day.itch", "aapl.dbn", symbol=symbol, date="2026-01-30")


def _two_instruments(bench: Bench) -> None:
    records = bench.records()
    records["instrument_id"][5:] = 2
    BookEngine(ES).apply(records)


def _never_last(bench: Bench) -> None:
    rows = [record("A", "B", 100 - i % 50, 5, order_id=i + 1, ts=100_000_000 * i, flags=0) for i in range(20_000)]
    _read(replay([stream(*rows)], ES))


CASES = [
    Case("a file that is not there", lambda _: open_dbn("absent.dbn")),
    Case("a file of text", lambda b: open_dbn(b.garbage("notes.dbn"))),
    Case("an empty file", lambda b: open_dbn(write_dbn(b.folder / "empty.dbn", b.records()[:0], b""))),
    Case("a file of another schema", _other_schema),
    Case("a DBN version that there is not", _version_nine),
    Case("a file cut inside a record", lambda b: _read(open_dbn(b.file(cut=20)))),
    Case("a file cut inside its metadata", lambda b: open_dbn(b.file(cut=10 * 56 + 30))),
    Case("a compressed file that is cut", _compressed_cut),
    Case("a record of impossible length", _short_record),
    Case("a symbol that the file does not have", lambda b: open_dbn(b.file(), symbol="ESZ9")),
    Case("a file of two symbols, none chosen", lambda b: open_dbn(b.two_symbols())),
    Case("a symbol that nothing in the file maps", _unmapped),
    Case("a file of two publishers, none chosen", lambda b: _read(open_dbn(b.mixed_file()))),
    Case("`chunk_records=0`", lambda b: open_dbn(b.file(), chunk_records=0)),
    Case("an instrument without a name", lambda _: Instrument("", tick_size="0.25")),
    Case("a tick that is no number", lambda _: Instrument("ESH4", tick_size="a quarter")),
    Case("a tick of 0", lambda _: Instrument("ESH4", tick_size=0)),
    Case("a bucket that is no multiple of the tick", lambda _: Instrument("X", tick_size="0.02", bucket_size="0.05")),
    Case("an unknown product type", lambda _: Instrument("X", tick_size="1", product_type="bond")),
    Case("two equal time constants", lambda _: Physics(tau_velocity=5.0)),
    Case("a range too small for its margins", lambda _: BookEngine(ES, n_absolute_ticks=100)),
    Case("records of another dtype", lambda _: BookEngine(ES).apply(np.zeros(3))),
    Case("records of two instruments in one book", _two_instruments),
    Case("a side that there is not", lambda _: BookEngine(ES).levels("both")),  # type: ignore[arg-type]
    Case("a time before the clock", lambda b: _engine(b).tick_state(25_000_000_000, T0 - 1)),
    Case("a checkpoint with one bit changed", _flipped_checkpoint),
    Case("a checkpoint that is a text", lambda b: BookEngine.load_checkpoint(b.garbage("notes"))),
    Case("a bin of no width", lambda b: replay(open_dbn(b.file()), ES, cell_width_ms=0)),
    Case("a bin of a millisecond and a half", lambda b: replay(open_dbn(b.file()), ES, cell_width_ms=1.5)),  # type: ignore[arg-type]
    Case("a window of no rows", lambda b: replay(open_dbn(b.file()), ES, grid_radius_ticks=0)),
    Case("a warm-up that is not a number", lambda b: replay(open_dbn(b.file()), ES, warmup_s=float("nan"))),
    Case("an end before the start", lambda b: replay(open_dbn(b.file()), ES, start_ns=T0, end_ns=T0 - 1)),
    Case("a checkpoint without a start", lambda b: replay(open_dbn(b.file()), ES, checkpoint="book")),
    Case("the name of an instrument instead of one", lambda b: replay(open_dbn(b.file()), "TEST")),  # type: ignore[arg-type]
    Case("a session that never ends an event", _never_last),
    Case("an ITCH file cut inside a message", lambda b: _itch(b, cut=5)),
    Case("a stock that an ITCH file does not have", lambda b: _itch(b, symbol="GOOG")),
    Case("a synthetic market of no minutes", lambda _: synthetic.write_market("m.dbn", seed=1, minutes=0)),
    Case("a synthetic market as text", lambda _: synthetic.write_market("m.csv", seed=1)),
    Case("a synthetic market with twice the effect", lambda _: synthetic.write_market("m.dbn", seed=1, effect=2.0)),
    Case("a synthetic market on no day", lambda _: synthetic.write_market("m.dbn", seed=1, date="2026-02-30")),
]


def _engine(bench: Bench) -> BookEngine:
    engine = BookEngine(ES)
    engine.apply(bench.records())
    return engine
