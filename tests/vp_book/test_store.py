"""A store of the official client is a source like a file."""

from __future__ import annotations

from pathlib import Path

import databento
import numpy as np
import pytest

from vp_book import BookEngine, Instrument, ParameterError, events, lifetimes, open_dbn, replay, snapshots
from vp_book.dbn import store as module
from vp_book.synthetic import write_market, write_session

INSTRUMENT = Instrument("SYNM6", "0.25")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_market(tmp_path / "m.dbn.zst", seed=3, minutes=1).path


def test_a_store_gives_what_its_file_gives(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_RECORDS", 10_000)
    store = databento.DBNStore.from_bytes(path.read_bytes())
    file = open_dbn(path)
    assert [b.fields for b in replay(store, INSTRUMENT)] == [b.fields for b in replay(file, INSTRUMENT)]
    assert np.array_equal(snapshots(store, INSTRUMENT), snapshots(file, INSTRUMENT))
    assert np.array_equal(lifetimes(store, INSTRUMENT), lifetimes(file, INSTRUMENT))
    counts = [sum(1 for _ in events(source, BookEngine(INSTRUMENT))) for source in (store, file)]
    assert counts[0] == counts[1] > 10_000


def test_a_source_is_shown_as_its_symbol_and_file(path: Path) -> None:
    assert repr(open_dbn(path)) == "DbnSource(SYNM6, m.dbn.zst)"
    files = write_session(path.parent / "session", seed=3, start="18:59", end="19:01")
    assert repr(open_dbn([file.path for file in files])) == f"DbnSource(SYNM6, {files[0].path.name} and 1 more)"


def test_the_arrays_of_a_store_are_records(path: Path) -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(databento.DBNStore.from_bytes(path.read_bytes()).to_ndarray())
    assert engine.certificate()["ok"]


def test_a_store_that_cannot_be_a_source_is_refused(path: Path) -> None:
    with pytest.raises(ParameterError, match="checkpoint"):
        replay(databento.DBNStore.from_bytes(path.read_bytes()), INSTRUMENT, start_ns=1, checkpoint="x.book")

    class OfTrades:
        def to_ndarray(self, schema: None = None, count: int = 1) -> list[np.ndarray]:
            return [np.zeros(3, [("price", "<i8")])]

    with pytest.raises(ParameterError, match="must have dtype MBO_DTYPE"):
        lifetimes(OfTrades(), INSTRUMENT)
