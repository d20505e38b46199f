"""Engine checkpoints: the same bits from any record on, and nothing damaged or foreign is ever taken for one."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.records import LAST, SNAPSHOT, T0, TICK, nonsense, record, stream

from vp_book import Bbo, BookEngine, CheckpointError, Instrument, ParameterError, Physics, VpBookError
from vp_book.bins import BinReader
from vp_book.book.far import FAR_HEAP, FAR_SIZE
from vp_book.book.orders import O_FILL, O_ID, O_SIZE, O_TICK, O_TURN
from vp_book.book.state import SCALARS, Arrays
from vp_book.checkpoint import state_file as checkpoint

MS = 1_000_000
WIDTH = 20 * MS
CHECKED_FROM = 44
INSTRUMENTS = [
    Instrument("TEST", "0.25"),
    Instrument("TEST", tick_size=0.25, bucket_size="0.50"),
    Instrument("TEST", "0.25", product_type="equity_mbo"),
]


def assert_same_state(a: BookEngine, b: BookEngine) -> None:
    for name, ours, theirs in zip(a.arrays._fields, a.arrays, b.arrays, strict=True):
        assert ours.dtype == theirs.dtype, name
        assert ours.shape == theirs.shape, name
        assert ours.tobytes() == theirs.tobytes(), name


def small(instrument: Instrument = INSTRUMENTS[0]) -> BookEngine:
    return BookEngine(instrument, Physics(tau_velocity=1.5), n_absolute_ticks=256, edge_margin_ticks=30)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    engine = small()
    engine.apply(nonsense(5, 200))
    path = tmp_path / "engine.book"
    engine.save_checkpoint(path)
    return path


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    at=st.integers(0, 400),
    again=st.integers(0, 400),
    instrument=st.sampled_from(INSTRUMENTS),
)
@example(seed=1, at=0, again=400, instrument=INSTRUMENTS[0])
def test_from_any_record_on_the_state_is_that_of_an_engine_never_stopped(
    tmp_path_factory: pytest.TempPathFactory, seed: int, at: int, again: int, instrument: Instrument
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.book"
    records = nonsense(seed, 400)
    at, again = sorted((at, again))
    whole, first = small(instrument), small(instrument)
    whole.apply(records)
    first.apply(records[:at])
    first.save_checkpoint(path)
    second = BookEngine.load_checkpoint(path)
    assert_same_state(first, second)
    second.apply(records[at:again])
    second.save_checkpoint(path)
    third = BookEngine.load_checkpoint(path)
    third.apply(records[again:])
    assert_same_state(third, whole)
    assert third.certificate() == whole.certificate()
    assert (third.instrument.tick_int, third.instrument.cell_int) == (instrument.tick_int, instrument.cell_int)
    assert third.physics == whole.physics


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), at=st.integers(0, 300))
def test_bins_read_across_a_checkpoint_are_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, seed: int, at: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "bins.book"
    records = nonsense(seed, 300)

    def bins(stop_at: int | None) -> list[bytes]:
        engine, reader = small(), BinReader(10, TICK, 1)
        found, index, seq = [], 0, 0
        while index < len(records):
            if stop_at is not None and index <= stop_at:
                # the bin is left open in the middle, wherever that is: in an event, in a snapshot
                index = engine.apply_until(records[:stop_at], index, T0 + (seq + 1) * WIDTH)
                if index == stop_at:
                    engine.save_checkpoint(path)
                    engine, stop_at = BookEngine.load_checkpoint(path), None
                    continue
            else:
                index = engine.apply_until(records, index, T0 + (seq + 1) * WIDTH)
            if index < len(records):
                closed = reader.read(engine.arrays, seq, T0 + seq * WIDTH, T0 + (seq + 1) * WIDTH)
                found.append(repr(closed.fields).encode() + b"".join(c.tobytes() for c in closed.cells.values()))
                found[-1] += closed.pressure.tobytes() + closed.vacuum.tobytes()
                seq += 1
        return found

    assert bins(at) == bins(None)


def test_inside_an_event_and_inside_a_snapshot(tmp_path: Path) -> None:
    records = stream(
        record("R", "N", flags=SNAPSHOT),
        record("A", "B", 19_999, 5, order_id=1, flags=SNAPSHOT),
        record("A", "A", 20_001, 5, order_id=2, flags=SNAPSHOT | LAST),
        record("T", "A", 19_999, 3, ts=MS, flags=0),
        record("F", "B", 19_999, 3, order_id=1, ts=MS, flags=0),
        record("C", "B", 19_999, 3, order_id=1, ts=MS),
    )
    for at in range(len(records) + 1):
        engine = small()
        engine.apply(records[:at])
        engine.save_checkpoint(tmp_path / "e.book")
        engine = BookEngine.load_checkpoint(tmp_path / "e.book")
        engine.apply(records[at:])
        assert engine.bbo() == Bbo(19_999 * TICK, 2, 20_001 * TICK, 5)
        assert engine.flow_totals() == {"add": 0, "pull": 0, "fill": 3}
        assert engine.certificate()["snapshots"] == 1


def test_an_engine_that_grew_goes_on_growing(tmp_path: Path) -> None:
    records = np.repeat(stream(record("A", "B", 1)), 30_000)
    records["order_id"] = np.arange(1, 30_001)
    records["price"] = (19_000 - np.arange(30_000) % 7_000) * TICK
    whole, first = small(), small()
    whole.apply(records)
    first.apply(records[:12_345])
    first.save_checkpoint(tmp_path / "e.book")
    second = BookEngine.load_checkpoint(tmp_path / "e.book")
    second.apply(records[12_345:])
    assert_same_state(second, whole)


def test_reanchor_moves_the_range_to_the_bbo_and_keeps_what_stays_in_it() -> None:
    engine = small()
    engine.reanchor()  # no book yet: nothing to anchor to
    engine.apply(stream(record("A", "B", 19_999, 5, order_id=1), record("A", "A", 20_001, 7, order_id=2)))
    engine.apply(stream(*(record("A", "B", 19_999 + i, 1, order_id=9 + i, ts=i) for i in range(1, 2))))
    engine.apply(stream(record("C", "A", 20_001, 7, order_id=2, ts=5), record("A", "A", 20_061, 7, order_id=3, ts=6)))
    before = engine.tick_state(19_999 * TICK, T0 + MS)
    recentered: Any = engine.certificate()["recenterings"]
    engine.reanchor()
    assert engine.certificate()["recenterings"] == recentered + 1
    assert engine.tick_state(19_999 * TICK, T0 + MS) == before
    engine.reanchor()
    assert engine.certificate()["recenterings"] == recentered + 1
    assert engine.certificate()["conserved"]


# --- damage ---


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_found(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "flip-whole.book"
    if not whole.exists():
        small().save_checkpoint(whole)
    content = bytearray(whole.read_bytes())
    at = data.draw(st.one_of(st.integers(0, 300), st.integers(0, len(content) - 1)))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    (folder / "flip.book").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"flip\.book"):
        BookEngine.load_checkpoint(folder / "flip.book")


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_cut_anywhere_is_found(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "cut-whole.book"
    if not whole.exists():
        small().save_checkpoint(whole)
    content = whole.read_bytes()
    at = data.draw(st.one_of(st.integers(0, 60), st.integers(0, len(content) - 1)))
    (folder / "cut.book").write_bytes(content[:at])
    with pytest.raises(CheckpointError, match=r"cut\.book"):
        BookEngine.load_checkpoint(folder / "cut.book")


@settings(deadline=None, max_examples=80)
@given(content=st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: checkpoint.MAGIC + tail)))
def test_any_bytes_give_one_clear_error(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes.book"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"any-bytes\.book"):
        BookEngine.load_checkpoint(path)


def test_bytes_after_the_end_are_found(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="damaged"):
        BookEngine.load_checkpoint(saved)


def test_another_format_is_told_with_both_versions(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[8:12] = (7).to_bytes(4, "little")
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match="format 7, this vp-book reads 2"):
        BookEngine.load_checkpoint(saved)


def test_no_file_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        BookEngine.load_checkpoint(tmp_path / "absent.book")
    with pytest.raises(CheckpointError, match="cannot be read"):
        BookEngine.load_checkpoint(tmp_path)
    assert issubclass(CheckpointError, VpBookError)


def forge(path: Path, change: Callable[[dict[str, Any]], object], data: bytes | None = None) -> None:
    """Alter the header (and the array bytes) of a checkpoint and make its checksum right again."""
    body = path.read_bytes()[CHECKED_FROM:]
    length = int.from_bytes(body[:4], "little")
    header = json.loads(body[4 : 4 + length])
    change(header)
    text = json.dumps(header).encode()
    body = len(text).to_bytes(4, "little") + text + (body[4 + length :] if data is None else data)
    path.write_bytes(path.read_bytes()[:12] + hashlib.sha256(body).digest() + body)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.update(code="another"),
        lambda h: h.pop("code"),
        lambda h: h.pop("facts"),
        lambda h: h.update(facts=[]),
        lambda h: h["facts"].pop("instrument"),
        lambda h: h["facts"].update(note=3),
        lambda h: h["facts"].update(n_absolute_ticks=512),
        lambda h: h["facts"].update(n_absolute_ticks="many"),
        lambda h: h["facts"].update(n_absolute_ticks=2**62),
        lambda h: h["facts"]["instrument"].update(tick_size="0.50"),
        lambda h: h["facts"]["instrument"].update(tick_size="none"),
        lambda h: h["facts"]["instrument"].update(bucket_size="0.50"),
        lambda h: h["facts"]["instrument"].update(product_type="option"),
        lambda h: h["facts"]["physics"].update(tau_velocity=1.0),
        lambda h: h["facts"]["physics"].update(tau_velocity=9.0),
        lambda h: h["facts"]["physics"].update(mass=1.0),
        lambda h: h["arrays"].pop(),
        lambda h: h["arrays"].append(["more", "<i8", [0]]),
        lambda h: h["arrays"][0].__setitem__(0, "others"),
        lambda h: h["arrays"][0].__setitem__(1, "|O"),
        lambda h: h["arrays"][0].__setitem__(1, "<f8"),
        lambda h: h["arrays"][0].__setitem__(2, [4, 16384]),
        lambda h: h["arrays"][0].__setitem__(2, [-1, -65536]),
        lambda h: h["arrays"][0].__setitem__(2, [2**40, 2**40]),
        lambda h: h["arrays"][0].__setitem__(2, "ab"),
    ],
)
def test_a_foreign_header_is_refused_though_its_checksum_is_right(
    saved: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    forge(saved, change)
    with pytest.raises(CheckpointError, match=r"engine\.book"):
        BookEngine.load_checkpoint(saved)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_a_state_that_no_book_has_does_not_reach_the_kernels(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "wild.book"
    small().save_checkpoint(path)
    body = path.read_bytes()[CHECKED_FROM:]
    length = int.from_bytes(body[:4], "little")
    forge(path, lambda h: None, np.random.default_rng(seed).bytes(len(body) - 4 - length))
    with pytest.raises(CheckpointError, match=r"wild\.book holds no state"):
        BookEngine.load_checkpoint(path)


EXTREMES = [0, 1, -1, 2, 7, 2**31, -(2**31), 2**53, 2**61, 2**62, -(2**62), 2**63 - 1, -(2**63)]


def forge_array(path: Path, name: str, change: Callable[[np.ndarray], object]) -> None:
    """Alter one array of a checkpoint, with a checksum that is right."""
    body = path.read_bytes()[CHECKED_FROM:]
    length = int.from_bytes(body[:4], "little")
    data, at = bytearray(body[4 + length :]), 0
    for known, dtype, shape in json.loads(body[4 : 4 + length])["arrays"]:
        size = 8 * int(np.prod(shape))
        if known == name:
            array = np.frombuffer(data, dtype, offset=at, count=size // 8).reshape(shape)
            change(array)
        at += size
    forge(path, lambda h: None, bytes(data))


def put(*where: Any, value: float) -> Callable[[np.ndarray], object]:
    return lambda array: array.__setitem__(where, value)


def place(name: str) -> int:
    """Which of the numbers of the scalars a field is, or begins at."""
    return SCALARS.fields[name][1] // 8  # type: ignore[index]


def swap_orders(orders: np.ndarray) -> None:
    used = np.flatnonzero(orders[:, O_SIZE])
    free = np.flatnonzero(orders[:, O_SIZE] == 0)
    orders[free[-1]] = orders[used[0]]
    orders[used[0]] = 0


def twice(orders: np.ndarray) -> None:
    used = np.flatnonzero(orders[:, O_SIZE])
    orders[used[1], O_ID] = orders[used[0], O_ID]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("orders", swap_orders, "an order cannot be found"),
        ("orders", twice, "an order is there twice"),
        ("orders", lambda a: put(np.flatnonzero(a[:, O_SIZE])[0], O_SIZE, value=2**40)(a), "larger than any can be"),
        ("orders", lambda a: put(np.flatnonzero(a[:, O_SIZE])[0], O_TICK, value=-5)(a), "do not hold what its orders"),
        ("orders", lambda a: put(np.flatnonzero(a[:, O_SIZE])[0], O_FILL, value=3)(a), "among those to be settled"),
        ("orders", put(slice(None), O_TURN, value=1), "have one place in their queues"),
        ("orders", put(slice(None), O_TURN, value=2**40), "a place in its queue that was never given"),
        ("ladder", put(0, 3, value=5), "do not hold what its orders do"),
        ("ladder", put(0, 3, value=-5), "negative"),
        ("far", put(0, FAR_SIZE, 5, value=4), "miscounted"),
        ("far", lambda a: a[:, FAR_HEAP].sort(), "out of order|other levels"),
        ("far", put(slice(None), FAR_SIZE, value=-2), "miscounted"),
        ("physics", put(4, 4, value=float("nan")), "not finite"),
        ("physics", put(4, 4, value=1e300), "not finite, or beyond"),
        ("weights", put(0, value=float("inf")), "not finite"),
        ("touched", put(3, value=10**9), "an event to come"),
        ("aggressors", put(slice(None), 2, value=10**9), "an event to come"),
        ("counts", put(3, value=-1), "counter record_clear is negative"),
        ("stats", put(0, value=-1), "negative"),
        ("stats", put(-4, value=2**62 + 1), "no price"),
        ("stats", put(-2, value=2**40), "in no range"),
        ("stats", put(-1, value=17), "17 marks"),
        ("marks", put(0, 0, value=4), "a mark is of no kind"),
        ("marks", put(0, 3, value=-1), "or of no side"),
        ("marks", put(0, 2, value=1), "in order of their size"),
        ("traded", put(0, 5, value=3), "lies outside"),
        ("traded", put(0, 5, value=-3), "negative"),
        ("scalars", put(place("best"), value=2), "best price"),
        ("scalars", put(place("spot"), value=0), "edge of its range"),
        ("scalars", put(place("range_lo"), value=0), "first tick of its range"),
        ("scalars", put(place("origin"), value=2**61), "allowed"),
        ("scalars", put(place("edge_margin"), value=-1), "edge_margin_ticks=-1"),
        ("scalars", put(place("edge_margin"), value=2**62), "edge_margin_ticks"),
    ],
)
def test_a_forged_state_is_refused(
    tmp_path: Path, name: str, change: Callable[[np.ndarray], object], message: str
) -> None:
    path = tmp_path / "forged.book"
    engine = small()
    far = stream(*(record("A", "B", 100 * i, 1, 900 + i) for i in range(1, 9)))
    far["order_id"] += np.uint64(10**6)
    engine.apply(np.concatenate([stream(record("A", "B", 19_999, 60, 7), record("A", "A", 20_001, 50, 8)), far]))
    engine.save_checkpoint(path)
    BookEngine.load_checkpoint(path)
    forge_array(path, name, change)
    with pytest.raises(CheckpointError, match=f"holds no state of a book engine .*({message})"):
        BookEngine.load_checkpoint(path)


@settings(deadline=None, max_examples=300)
@given(data=st.data(), seed=st.integers(0, 5))
def test_a_forged_state_that_is_taken_gives_numbers_and_no_worse(
    data: st.DataObject, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"forge-{seed}.book"
    if not path.exists():
        engine = small()
        engine.apply(nonsense(seed, 200, spread=400))
        engine.save_checkpoint(path)
    forged = folder / "forged.book"
    forged.write_bytes(path.read_bytes())
    name = data.draw(st.sampled_from(Arrays._fields))

    def change(array: np.ndarray) -> None:
        flat = array.reshape(-1)
        # where something stands, and anywhere
        places = np.flatnonzero(flat) if data.draw(st.booleans()) else np.arange(len(flat))
        for _ in range(data.draw(st.integers(1, 3))):
            if len(places):
                at = int(places[data.draw(st.integers(0, len(places) - 1))])
                flat[at] = data.draw(st.one_of(st.sampled_from(EXTREMES), st.just(int(flat[at]) + 1).filter(small_int)))

    forge_array(forged, name, change)
    try:
        engine = BookEngine.load_checkpoint(forged)
    except CheckpointError:
        return
    records, reader = nonsense(seed + 1, 300, spread=400), BinReader(10, TICK, 1)
    at = 0
    try:
        for seq in range(8):
            at = engine.apply_until(records, at, engine.clock_ns + WIDTH)
            bin_ = reader.read(engine.arrays, seq, T0, T0 + WIDTH)
            assert np.isfinite(bin_.pressure).all()
        engine.apply(records[at:])
    except ParameterError as error:  # the forged book says that it is of another instrument
        if "in a book of instrument id" not in str(error):
            raise
    engine.levels("bid")
    json.dumps(engine.certificate())


def small_int(x: int) -> bool:
    return abs(x) < 2**63


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_facts_give_one_clear_error(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "facts.book"
    if not (whole := folder / "facts-whole.book").exists():
        small().save_checkpoint(whole)
    path.write_bytes(whole.read_bytes())
    values = st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(10**30), 10**400),
            st.floats(),
            st.text(max_size=9),
            st.sampled_from(["NaN", "Infinity", "1e999999", "1e999999999999999999", "-1", "0", "1E+5"]),
        ),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
        max_leaves=4,
    )
    keys = data.draw(
        st.sampled_from(
            [
                ("facts",),
                ("facts", "instrument"),
                ("facts", "instrument", "tick_size"),
                ("arrays",),
                ("code",),
                ("facts", "instrument", "bucket_size"),
                ("facts", "instrument", "symbol"),
                ("facts", "physics"),
                ("facts", "instrument", "product_type"),
                ("facts", "physics", "tau_jerk"),
                ("facts", "note"),
                ("facts", "physics", "c1_v_add"),
                ("facts", "n_absolute_ticks"),
                ("arrays", 0),
                ("arrays", 0, 0),
                ("arrays", 0, 1),
                ("arrays", 0, 2),
                ("arrays", 5, 2, 0),
                ("arrays", 3, 2, 1),
            ]
        )
    )

    def change(header: dict[str, Any]) -> None:
        where: Any = header
        for key in keys[:-1]:
            where = where[key]
        where[keys[-1]] = data.draw(values)

    forge(path, change)
    with suppress(CheckpointError):
        BookEngine.load_checkpoint(path)


@pytest.mark.parametrize(
    "nested", [b'{"facts":' + b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b"null", b"7", b"{}"]
)
def test_a_header_that_is_no_header(saved: Path, nested: bytes) -> None:
    body = len(nested).to_bytes(4, "little") + nested
    saved.write_bytes(saved.read_bytes()[:12] + hashlib.sha256(body).digest() + body)
    with pytest.raises(CheckpointError, match=r"engine\.book"):
        BookEngine.load_checkpoint(saved)


# --- writing ---


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    engine = small()
    for note in ([1], {"a": object()}, {"a": {1, 2}}):
        with pytest.raises(ParameterError, match="note="):
            engine.save_checkpoint(tmp_path / "e.book", note=note)  # type: ignore[arg-type]
    for path in (7, None, b"e.book", "a\0b"):
        with pytest.raises(ParameterError, match="path="):
            engine.save_checkpoint(path)  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match="path="):
            BookEngine.load_checkpoint(path)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_the_same_state_is_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        engine = small()
        engine.apply(nonsense(5, 200))
        engine.save_checkpoint(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_dead_writers_left_goes_and_what_living_ones_make_stays(tmp_path: Path) -> None:
    dead, living = tmp_path / ".making-00000000-1-ab-e.book", tmp_path / ".making-00000000-2-cd-e.book"
    for path in (dead, living):
        path.write_bytes(b"half")
    os.utime(dead, (time.time() - 48 * 3600,) * 2)
    small().save_checkpoint(tmp_path / "e.book")
    assert sorted(path.name for path in tmp_path.iterdir()) == [living.name, "e.book"]


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        small().save_checkpoint(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
