"""What is drawn of stored rows, some of them at a time, is what a plain loop over all of them gives."""

import itertools
import shutil

import msgspec
import numpy as np
import polars as pl
import pytest

from vp_contract import EvalSpec
from vp_harness import Dataset, ResultsStore, run_experiment
from vp_harness.evaluation.evaluate import OutcomeTables
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import exit_rule
from vp_harness.judgement import correction, drawing
from vp_harness.judgement.drawn import as_list, exploded
from vp_harness.judgement.overfitting import BLOCKS, overfitting_probability, trade_moments
from vp_harness.judgement.search import SEED, Shares, first_scores, shares_of
from vp_harness.judgement.trials import Trial
from vp_harness.research.records import LISTED, SEARCHES

DRAWS = 99


@pytest.fixture
def searched(own, research):
    """A lake in which the experiment `small` was run: eight rows."""
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    run_experiment("small", own.lake, config_root=own.configs)
    return own


def plainly_drawn(desk):
    """Of every part of a row, by (run_id, threshold, confirms): digest, scores, mean, deviation, moments."""
    store, tables = ResultsStore(desk.lake), OutcomeTables(Dataset.open(desk.lake, desk.dataset_id))
    shares = Shares(shares_of(DRAWS, SEED), observed=True)
    found = {}
    for row in store.rows().iter_rows(named=True):
        run = store.run(row["run_id"])
        evaluation = msgspec.json.decode(run.eval_json, type=EvalSpec)
        events = Events(np.array(row["event_bins"], np.int64), np.array(row["event_directions"], np.int8))
        bounds = (run.choose_first, run.choose_end), (run.confirm_first, run.confirm_end)
        for confirms, (first, end) in enumerate(bounds):
            trial = Trial(events.between(first, end), tables.of(exit_rule(evaluation)), first, end, min_events=2)
            scores = first_scores(trial, shares)
            moments = [] if confirms else trade_moments(trial).tolist()
            found[row["run_id"], row["threshold"], bool(confirms)] = trial.digest, scores, moments
    return found


def redrawn(desk):
    """The batches of a store that has forgotten what was drawn."""
    for name in ("searches.parquet", "corrections.parquet", "ledger"):
        shutil.rmtree(desk.lake.results_dir / name)
    store = ResultsStore(desk.lake)
    correction.correct_search(store, desk.lake, [desk.dataset_id], draws=DRAWS)
    return store.searches(), store.corrections().sort("run_id", "threshold")


def test_what_is_stored_is_what_a_plain_loop_gives_however_many_rows_are_taken_at_once(searched, monkeypatch):
    monkeypatch.setattr(correction, "MOST_DRAWS", DRAWS)
    batches, corrections = redrawn(searched)
    expected = plainly_drawn(searched)
    (batch,) = batches.iter_rows(named=True)
    best = np.full((2, 1 + DRAWS), -np.inf, np.float32)
    of_digest = {}
    for (_, _, confirms), (digest, scores, moments) in expected.items():
        np.maximum(best[int(confirms)], np.abs(scores.values) if confirms else scores.values, out=best[int(confirms)])
        of_digest[digest, confirms] = (float(scores.values[0]), scores.mean, scores.deviation, moments)
    assert (batch["best_choose"], batch["best_confirm"]) == (best[0].tolist(), best[1].tolist())
    drawn = {
        (one["digest"], one["confirms"]): (one["statistic"], one["mean"], one["deviation"], one["moments"])
        for one in batch["drawn"]
    }
    assert drawn == of_digest
    assert len(batch["drawn"]) == len(of_digest) == 4  # most are of the same events as another
    for row in batch["rows"]:
        for part, confirms in (("choose", False), ("confirm", True)):
            assert row[part] == expected[row["run_id"], row["threshold"], confirms][0]

    monkeypatch.setattr(drawing, "_ROWS_AT_ONCE", 3)
    monkeypatch.setattr(drawing, "_EVENTS_AT_ONCE", 20)
    monkeypatch.setattr(drawing, "_CHUNK", 2)
    monkeypatch.setattr(correction, "_ROWS_JUDGED", 3)
    again, corrected = redrawn(searched)
    assert again.equals(batches)
    assert corrected.equals(corrections)


def test_several_batches_say_what_one_says(searched, monkeypatch):
    whole, judged = redrawn(searched)
    (one,) = whole.rows(named=True)
    monkeypatch.setattr(drawing, "_ROWS_OF_BATCH", 5)
    several, again = redrawn(searched)
    assert again.drop("state").equals(judged.drop("state"))
    assert len(several) == 2
    for part in ("best_choose", "best_confirm"):
        assert several[part].to_list() != [one[part], one[part]]
        assert np.max(several[part].to_list(), axis=0).tolist() == one[part]
    assert exploded(several.sort("batch"), "rows").sort("run_id", "threshold").rows(named=True) == sorted(
        one["rows"], key=lambda row: (row["run_id"], row["threshold"])
    )
    assert sorted(exploded(several, "drawn")["digest"]) == sorted(trial["digest"] for trial in one["drawn"])


def test_what_was_drawn_before_a_death_is_drawn_once(searched, monkeypatch):
    _, judged = redrawn(searched)
    monkeypatch.setattr(drawing, "_ROWS_OF_BATCH", 5)
    real = drawing.Drawer.batches

    def dies(*arguments):
        yield next(real(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing.Drawer, "batches", dies)
    with pytest.raises(KeyboardInterrupt):
        redrawn(searched)
    monkeypatch.setattr(drawing.Drawer, "batches", real)
    store = ResultsStore(searched.lake)
    (first,) = store.searches()["batch"]
    correction.correct_search(store, searched.lake, [searched.dataset_id], draws=DRAWS)
    assert first in store.searches()["batch"]
    assert exploded(store.searches(), "rows").height == 8
    assert store.corrections().sort("run_id", "threshold").drop("state").equals(judged.drop("state"))


def test_a_table_as_a_list_comes_back_and_none_is_an_empty_list():
    table = pl.DataFrame([("r", 0.5, "x", "", True), ("s", 1.0, "y", "z", False)], schema=LISTED, orient="row")
    batches = pl.DataFrame({"rows": as_list(table, "rows")})
    assert batches.schema["rows"] == SEARCHES["rows"]
    assert exploded(batches, "rows").equals(table)
    empty = as_list(table.clear(), "rows")
    assert (len(empty), empty.to_list(), empty.dtype) == (1, [[]], SEARCHES["rows"])


def plain_overfitting(sums, counts):
    """Over whole columns, as it was before there was a kernel."""
    below = []
    for chosen in itertools.combinations(range(BLOCKS), BLOCKS // 2):
        half = np.zeros(BLOCKS, np.bool_)
        half[list(chosen)] = True
        seen, unseen = (
            sums[:, part].sum(axis=1) / np.maximum(counts[:, part].sum(axis=1), 1.0) for part in (half, ~half)
        )
        of_best = unseen[int(np.argmax(seen))]
        rank = (np.count_nonzero(unseen < of_best) + 0.5 * (np.count_nonzero(unseen == of_best) + 1)) / (len(sums) + 1)
        below.append(1.0 if rank < 0.5 else 0.5 if rank == 0.5 else 0.0)
    return float(np.mean(below))


@pytest.mark.parametrize("seed", range(5))
def test_the_ranks_of_the_best_are_those_of_whole_columns(seed):
    rng = np.random.default_rng(seed)
    trials = int(rng.integers(2, 60))
    counts = rng.integers(0, 4, (trials, BLOCKS)).astype(np.float64)
    sums = np.round(rng.standard_normal((trials, BLOCKS)) * 4) / 2 * (counts > 0)  # many are equal
    table = np.concatenate([sums, counts], axis=1)  # its halves are not contiguous, as those of moments are not
    assert overfitting_probability(table[:, :BLOCKS], table[:, BLOCKS:]) == plain_overfitting(sums, counts)
