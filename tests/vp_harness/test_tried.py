"""What a search holds of rows, trials and events in columns is what plain tables and sets of Python say."""

import ctypes
import itertools

import numpy as np
import polars as pl
import pytest

from vp_harness import ResultsStore, _memory
from vp_harness.errors import ResultsError
from vp_harness.judgement.drawn import Drawn, Kept, Met, Moments, Standards, codes_of, digests_of, places_in
from vp_harness.judgement.fired import Fired
from vp_harness.judgement.overfitting import MOMENTS
from vp_harness.judgement.tried import Tried
from vp_harness.research.records import DRAWN, LISTED, ROWS, Correction

SEEDS = pytest.mark.parametrize("seed", range(6))
FEW = [f"{number:016x}" for number in (0x1, 0x2F, 0xFFFFFFFFFFFFFFFF, 0x8000000000000000, 0xABCDEF, 7 * 10**18)]


def drawn_tables(rng, tables):
    """Tables of trials that were drawn, many of them several times."""
    for _ in range(tables):
        rows = [
            (
                str(rng.choice(FEW)),
                bool(confirms),
                float(np.float32(rng.normal())),
                *rng.normal(size=2).tolist(),
                [] if confirms else rng.integers(0, 9, MOMENTS).astype(float).tolist(),
            )
            for confirms in rng.integers(0, 2, int(rng.integers(0, 7)))
        ]
        yield pl.DataFrame(rows, schema=DRAWN, orient="row")


@SEEDS
def test_of_a_trial_that_was_drawn_several_times_the_last_counts(seed):
    tables = list(drawn_tables(np.random.default_rng(seed), seed))
    plain = {}
    for row in pl.concat([pl.DataFrame(schema=DRAWN), *tables]).iter_rows():
        plain[row[1], row[0]] = row[2:]
    drawn = Drawn.together([Drawn.of(table) for table in tables])
    choosing, confirming = (sorted(digest for part, digest in plain if part == confirms) for confirms in (False, True))
    assert digests_of(drawn.choosing).to_list() == choosing
    assert digests_of(drawn.confirming).to_list() == confirming
    assert len(drawn) == len(plain)
    assert drawn.statistics.tolist() == [plain[False, digest][0] for digest in choosing]
    standards = Standards(drawn, tables)
    for confirms, digests in ((False, choosing), (True, confirming)):
        found = standards.of(drawn.codes(confirms=confirms)[::-1], confirms=confirms)
        assert found.tolist() == [list(plain[confirms, digest][1:3]) for digest in digests[::-1]]
    moments = Moments.of(drawn, tables)
    assert np.concatenate(moments, axis=1).tolist() == [plain[False, digest][3] for digest in choosing]


@SEEDS
def test_what_is_kept_of_trials_is_stored_in_order_of_their_places(seed):
    rng = np.random.default_rng(seed)
    rows = 9
    parts = [np.sort(rng.choice(rows, int(rng.integers(0, rows + 1)), replace=False)) for _ in range(2)]
    kept, plain = (Kept(rows, confirms=False), Kept(rows, confirms=True)), []
    for confirms, of_part in enumerate(parts):
        for some in np.array_split(of_part, 2):
            codes = rng.integers(1, 2**63, len(some)).astype(np.uint64)
            places = 2 * some + confirms
            statistics, standards = rng.normal(size=len(some)).astype(np.float32), rng.normal(size=(len(some), 2))
            moments = rng.normal(size=(0 if confirms else len(some), MOMENTS))
            kept[confirms].add(codes, places, statistics, standards, moments)
            for i, place in enumerate(places.tolist()):
                own = [] if confirms else moments[i].tolist()
                plain.append((place, f"{codes[i]:016x}", bool(confirms), float(statistics[i]), *standards[i], own))
    table = kept[0].table(kept[1])
    assert table.schema == pl.Schema(DRAWN)
    assert table.rows() == [row[1:] for row in sorted(plain)]


@SEEDS
def test_codes_are_met_once_however_many_come_at_a_time(seed):
    rng = np.random.default_rng(seed)
    before = np.unique(rng.integers(0, 300, 40).astype(np.uint64))
    plain, met = set(before.tolist()), Met(before)
    for _ in range(60):
        codes = rng.integers(0, 300, int(rng.integers(0, 12))).astype(np.uint64)
        new = []
        for i, code in enumerate(codes.tolist()):
            if code not in plain:
                plain.add(code)
                new.append(i)
        assert met.new_of(codes).tolist() == new
    lengths = [len(some) for some in met._sorted]
    assert sum(lengths) == len(plain)
    assert all(longer >= 2 * shorter for longer, shorter in itertools.pairwise(lengths))


def test_codes_are_the_digests_in_their_order_and_no_other_text_has_one():
    digests = pl.Series(["", *FEW, ""])
    codes = codes_of(digests)
    assert codes.tolist() == [int(digest or "0", 16) for digest in digests]
    assert digests_of(codes).to_list() == digests.to_list()
    assert digests_of(np.sort(codes)).to_list() == sorted(digests)
    assert digests_of(codes[:0]).to_list() == []
    assert codes_of(pl.Series([], dtype=pl.String())).tolist() == []
    for wrong in ("abc", "g" * 16, "a" * 32):
        with pytest.raises(ResultsError, match="digests that are not of 16 hex digits"):
            codes_of(pl.Series([FEW[0], wrong]))
    places, there = places_in(np.sort(codes[1:-1]), codes)
    assert there.tolist() == [False, *[True] * len(FEW), False]
    assert np.sort(codes[1:-1])[places[there]].tolist() == codes[there].tolist()
    assert not places_in(codes[:0], codes)[1].any()


RUNS = [f"{number:016x}" for number in (5, 1, 9, 3, 200)]


def listed_tables(rng, tables):
    """Tables of listed rows, many of them several times."""
    for _ in range(tables):
        rows = [
            (
                str(rng.choice(RUNS)),
                float(rng.choice([0.1, 0.2, 2.5, -1.0])),
                str(rng.choice(["", *FEW])),
                str(rng.choice(["", *FEW])),
                bool(rng.integers(0, 2)),
            )
            for _ in range(int(rng.integers(0, 9)))
        ]
        yield pl.DataFrame(rows, schema=LISTED, orient="row")


@SEEDS
def test_of_a_row_that_is_listed_several_times_the_first_counts(seed):
    tables = list(listed_tables(np.random.default_rng(seed), seed))
    active = pl.Series(sorted(RUNS)[: 5 - seed % 3])
    tried = Tried.together([Tried.of(table, active) for table in tables])
    whole = pl.concat([pl.DataFrame(schema=LISTED), *tables])
    plain = whole.unique(["run_id", "threshold"], keep="first", maintain_order=True)
    plain = plain.filter(pl.col("run_id").is_in(active.implode())).sort("run_id", "threshold")
    found = pl.concat(
        [pl.DataFrame(schema={**LISTED, "choose": pl.UInt64()}).drop("confirm"), *tried.tables(active, 3)]
    )
    found = found.with_columns(choose=digests_of(found["choose"].to_numpy()), confirm=digests_of(tried.confirm))
    assert found.select(plain.columns).equals(plain)
    assert active[tried.runs].to_list() == plain["run_id"].to_list()
    assert tried.others == (not whole["run_id"].is_in(active.implode()).all())
    assert [tried.codes(confirms=one) is own for one, own in ((False, tried.choose), (True, tried.confirm))] == [
        True
    ] * 2


@SEEDS
def test_rows_are_done_when_the_newest_correction_of_each_is_of_the_state(seed, tmp_path):
    rng = np.random.default_rng(seed)
    active = pl.Series(sorted(RUNS))
    answers = set()
    for number in range(12):
        store = ResultsStore(tmp_path / str(number))
        for _ in range(int(rng.integers(0, 5))):
            sequence, n_rows, n_trials = (int(rng.integers(0, 3)) for _ in range(3))
            keys = {(str(rng.choice(RUNS)), float(rng.choice([0.1, 0.2]))) for _ in range(8)}
            state = str(rng.choice(["old", "new", "new"]))
            store.append_corrections(
                Correction(
                    run_id=run_id,
                    threshold=threshold,
                    p_corrected=1.0,
                    n_trials=n_trials,
                    draws=9,
                    seed=1,
                    n_rows=n_rows,
                    sequence=sequence,
                    state=state,
                )
                for run_id, threshold in sorted(keys)
            )
        (table,) = listed_tables(rng, 1)
        tried = Tried.of(table, active)
        (rows,) = tried.tables(active, 100) if len(tried) else (table,)
        newest = store.corrections(("run_id", "threshold", "state")).filter(pl.col("state") == "new")
        plain = newest.join(rows, on=["run_id", "threshold"], how="semi").height == len(tried)
        assert tried.all_have("new", store.each_correction(), active) == plain
        answers.add(plain)
    assert answers == {True, False} or seed


@SEEDS
def test_events_come_back_as_they_were_added(seed):
    rng = np.random.default_rng(seed)
    fired, plain = Fired(), []
    assert fired.counts.tolist() == []
    for _ in range(5):
        lists = []
        for _ in range(int(rng.integers(0, 30))):
            steps = rng.integers(1, rng.choice([100, 129, 20_000, 3_000_000]), int(rng.integers(0, 400)))
            lists.append((steps.cumsum().tolist(), rng.choice([-1, 1], len(steps)).tolist()))
        lists.append(([2**31 - 1, 0, -(2**31), 127, 128, 127], [-128, 127, 0, 1, -1, 5]))  # nothing like it is stored
        names = [f"{number:016x}" for number in range(len(lists))]
        columns = {"run_id": names, "threshold": [0.5] * len(lists)}
        columns |= {"event_bins": [bins for bins, _ in lists], "event_directions": [ways for _, ways in lists]}
        fired.add(pl.DataFrame(columns, schema={name: ROWS[name] for name in columns}))
        plain += lists
    assert fired.counts.tolist() == [len(bins) for bins, _ in plain]
    for _ in range(4):
        rows = rng.integers(0, len(plain), int(rng.integers(0, 20)))
        events, starts, ends = fired.of(rows)
        found = [
            (events.bins[start:end].tolist(), events.directions[start:end].tolist())
            for start, end in zip(starts, ends, strict=True)
        ]
        assert found == [plain[row] for row in rows]
    wrong = pl.DataFrame({"event_bins": [[1, 2]], "event_directions": [[1]]})
    with pytest.raises(ResultsError, match="not as many directions"):
        fired.add(wrong.cast({name: ROWS[name] for name in wrong.columns}))


def test_memory_is_given_back_where_the_library_can_and_elsewhere_nothing_happens(monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(_memory, "_trim", lambda: asked.append)
    _memory.give_back()
    assert asked == [0]
    monkeypatch.undo()
    _memory._trim.cache_clear()

    class Other:
        """A C library without it."""

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Other())
    assert _memory._trim() is None
    _memory.give_back()
    _memory._trim.cache_clear()
