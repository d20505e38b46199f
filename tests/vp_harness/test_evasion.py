"""What somebody might do to make a search look smaller than it was, and that it does not help."""

import datetime as dt
import shutil

import msgspec
import polars as pl
import pytest

from vp_contract import ExperimentSpec, load_experiment
from vp_harness import (
    ParameterError,
    ResultsStore,
    RetiredError,
    UnknownRunError,
    UnprovenError,
    compare,
    promote,
    retire,
    run_experiment,
)
from vp_harness.judgement import correction, drawing
from vp_harness.judgement.market import Market, groups
from vp_harness.judgement.search import corrected_p_values


@pytest.fixture
def searched(own, research):
    """A lake in which the experiment `small` was run: eight rows."""
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    run_experiment("small", own.lake, config_root=own.configs)
    return own


def counted(desk):
    """(n_rows, n_trials, n_looks) of the last correction."""
    last = ResultsStore(desk.lake).corrections().sort("sequence").row(-1, named=True)
    return last["n_rows"], last["n_trials"], last["n_looks"]


def written(desk, kind, name, *changes):
    """Another spec file that differs from `small` by its name and some texts."""
    text = (desk.configs / kind / "small.yaml").read_text()
    for old, new in (("name: small", f"name: {name}"), *changes):
        assert old in text
        text = text.replace(old, new, 1)
    (desk.configs / kind / f"{name}.yaml").write_text(text)


def run_elsewhere(desk, *pipeline, evaluation=()):
    """Run the same sweep under names of its own on another pipeline; the new dataset's id."""
    written(desk, "pipelines", "other", *pipeline)
    written(desk, "serving", "other", ("pipeline: small", "pipeline: other"))
    written(desk, "experiments", "other", ("serving: small", "serving: other"), *evaluation)
    (dataset_id,) = run_experiment("other", desk.lake, config_root=desk.configs).dataset_ids
    return dataset_id


def test_another_name_of_pipeline_serving_and_experiment_is_the_same_search(searched):
    rows, trials, looks = counted(searched)
    assert run_elsewhere(searched) != searched.dataset_id
    # every row is the same as one that was tried: sixteen rows, no new trial
    assert counted(searched) == (2 * rows, trials, looks)
    corrections = ResultsStore(searched.lake).corrections()
    assert set(corrections["n_rows"]) == {2 * rows}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            (('start_time: "09:27", end_time: "09:30"', 'start_time: "09:28", end_time: "09:31"'),), id="minute"
        ),
        pytest.param((("pipeline: {}", "pipeline: {cell_width_ms: 50}"),), id="cell width"),
    ],
)
def test_a_shift_or_another_cell_width_is_the_same_search(searched, change):
    rows, trials, looks = counted(searched)
    run_elsewhere(searched, *change)
    after = counted(searched)
    assert after[0] > rows
    assert after[1] > trials
    assert after[2] > looks
    assert ResultsStore(searched.lake).corrections()["n_trials"].unique().to_list() == [after[1]]


def test_what_was_confirmed_on_before_counts_where_it_is_chosen_on_now(searched):
    """Somebody looks at the confirming part and then declares it to be the choosing one."""
    _, trials, looks = counted(searched)
    spec = msgspec.to_builtins(load_experiment(searched.configs / "experiments" / "small.yaml"))
    spec["name"], spec["eval"]["split"]["choose_fraction"] = "peek", 0.85
    spec["sweep"] = {"per_signal": {"derivative": {"zscore_window_bins": [60], "thresholds": [0.2]}}}
    run_experiment(msgspec.convert(spec, ExperimentSpec), searched.lake, config_root=searched.configs)
    _, trials_after, looks_after = counted(searched)
    # one row more, of two parts: every part that anybody looked at is both a trial and a look
    assert trials_after == looks_after == trials + looks + 2


def test_looks_widen_the_interval_and_are_told(searched):
    before = compare(ResultsStore(searched.lake), min_signals=0)
    wide = msgspec.to_builtins(load_experiment(searched.configs / "experiments" / "small.yaml"))
    wide["sweep"] = {"per_signal": {name: {} for name in ("imbalance", "msd", "iirc", "net_edge", "trade_flow")}}
    run_experiment(msgspec.convert(wide, ExperimentSpec), searched.lake, config_root=searched.configs)
    after = compare(ResultsStore(searched.lake), min_signals=0)
    both = before.join(after, on=["run_id", "threshold"], suffix="_after").filter(pl.col("confirmed_low").is_not_null())
    assert both.height == 8
    assert (both["n_looks_after"] > both["n_looks"]).all()
    assert (both["confirmed_low_after"] < both["confirmed_low"]).all()
    assert (both["p_corrected_after"] >= both["p_corrected"]).all()


def test_rows_that_are_deleted_still_count_and_nothing_is_proven_without_them(searched):
    _, trials, looks = counted(searched)
    parts = sorted((searched.lake.results_dir / "runs.parquet").iterdir())
    parts[0].unlink()
    spec = msgspec.to_builtins(load_experiment(searched.configs / "experiments" / "small.yaml"))
    spec["name"] = "later"
    spec["sweep"] = {"per_signal": {"imbalance": {"thresholds": [0.5]}}}
    run_experiment(msgspec.convert(spec, ExperimentSpec), searched.lake, config_root=searched.configs)
    _, trials_after, looks_after = counted(searched)
    assert (trials_after, looks_after) == (trials + 1, looks + 1)
    rows = compare(ResultsStore(searched.lake), experiment="later", min_signals=0)
    assert set(rows["verdict"]) == {"unproven"}
    with pytest.raises(UnprovenError, match=rf"1 parts of the results are gone, such as runs.parquet/{parts[0].name}"):
        promote(rows["run_id"][0], "x", searched.lake, config_root=searched.configs)


def test_without_what_was_drawn_it_is_drawn_again_and_nothing_is_proven(searched):
    counts = counted(searched)
    for name in ("searches.parquet", "corrections.parquet"):
        for part in (searched.lake.results_dir / name).iterdir():
            part.unlink()
    run_experiment("small", searched.lake, config_root=searched.configs)
    assert counted(searched) == counts
    assert all("are gone" in text for text in ResultsStore(searched.lake).corrections()["doubt"])


def test_rows_on_a_dataset_that_was_deleted_still_count(searched):
    rows, trials, _ = counted(searched)
    shifted = ('start_time: "09:27", end_time: "09:30"', 'start_time: "09:28", end_time: "09:31"')
    shutil.rmtree(searched.lake.dataset_dir(searched.dataset_id))
    run_elsewhere(searched, shifted)
    assert counted(searched)[0] > rows
    assert counted(searched)[1] > trials


def test_rows_whose_dataset_went_before_they_were_drawn_count_one_each_and_nothing_is_proven(searched):
    rows, _, _ = counted(searched)
    for name in ("searches.parquet", "corrections.parquet", "ledger"):
        shutil.rmtree(searched.lake.results_dir / name)
    shutil.rmtree(searched.lake.dataset_dir(searched.dataset_id))
    run_elsewhere(searched, ('start_time: "09:27", end_time: "09:30"', 'start_time: "09:28", end_time: "09:31"'))
    corrections = ResultsStore(searched.lake).corrections()
    assert corrections["n_trials"].min() > rows
    assert all(f"{rows} rows of {searched.dataset_id} cannot be counted" in text for text in corrections["doubt"])


def test_a_run_is_retired_by_a_record_that_stays(searched):
    store = ResultsStore(searched.lake)
    best = compare(store, min_signals=0).row(0, named=True)
    with pytest.raises(ParameterError, match="reason: is empty"):
        retire([best["run_id"]], searched.lake, reason=" ")
    with pytest.raises(UnknownRunError, match="ffff"):
        retire(["f" * 16], searched.lake, reason="a bug")
    assert retire([best["run_id"]], searched.lake, reason="a bug", actor="me") == (best["run_id"],)
    assert retire([best["run_id"]], searched.lake, reason="again") == ()
    assert best["run_id"] not in compare(store, min_signals=0)["run_id"]
    assert best["run_id"] in compare(store, min_signals=0, retired=True)["run_id"]
    assert store.retired().select("run_id", "reason", "actor").rows() == [(best["run_id"], "a bug", "me")]
    assert dt.datetime.fromisoformat(store.retired()["created_utc"][0])
    rest = compare(store, min_signals=0)
    assert set(rest["n_retired"]) == {1}
    assert set(store.corrections().filter(pl.col("n_retired") == 1)["n_rows"]) == {6}
    with pytest.raises(RetiredError, match="was retired by me: a bug"):
        promote(best["run_id"], "x", searched.lake, config_root=searched.configs)
    again = run_experiment("small", searched.lake, config_root=searched.configs)
    assert again.computed == 0  # it is stored, and stays retired
    (record,) = (searched.lake.results_dir / "retired.parquet").iterdir()
    record.unlink()
    assert f"retired.parquet/{record.name}" in ResultsStore(searched.lake).gone()


def test_only_what_is_new_is_drawn_and_it_comes_to_the_same(searched, monkeypatch):
    drawn = []
    real = vars(drawing)["draw_first"]

    def counted(trials, *arguments, **options):
        drawn.extend(trials.digests())
        return real(trials, *arguments, **options)

    monkeypatch.setattr(drawing, "draw_first", counted)
    run_experiment("small", searched.lake, config_root=searched.configs)
    assert drawn == []
    spec = msgspec.to_builtins(load_experiment(searched.configs / "experiments" / "small.yaml"))
    spec["name"], spec["sweep"] = "later", {"per_signal": {"imbalance": {"thresholds": [0.3, 0.5]}}}
    run_experiment(msgspec.convert(spec, ExperimentSpec), searched.lake, config_root=searched.configs)
    assert len(drawn) == 4  # two rows of two parts
    store = ResultsStore(searched.lake)
    step_by_step = store.corrections().drop("state", "sequence").sort("run_id", "threshold")
    for name in ("searches.parquet", "corrections.parquet", "ledger"):
        shutil.rmtree(searched.lake.results_dir / name)
    store = ResultsStore(searched.lake)
    assert correction.correct_search(store, searched.lake, [searched.dataset_id]) == 10
    assert store.corrections().drop("state", "sequence").sort("run_id", "threshold").equals(step_by_step)


def test_p_values_are_those_of_all_trials_at_once(searched, monkeypatch):
    trials = {}
    real = drawing.rows_of

    def noted(*arguments):
        for some in real(*arguments):
            for i, name in enumerate(some.names.iter_rows()):
                trials[name] = some.parts[0][i]
            yield some

    monkeypatch.setattr(drawing, "rows_of", noted)
    store = ResultsStore(searched.lake)
    correction.correct_search(store, searched.lake, [searched.dataset_id], draws=499)
    found = store.corrections().filter(pl.col("draws") == 499).sort("run_id", "threshold")
    expected = corrected_p_values([trials[key] for key in sorted(trials)], draws=499)
    assert found["p_corrected"].to_list() == expected.tolist()


def test_draws_grow_while_p_is_near_the_limit_and_p_tells_its_error(searched, monkeypatch):
    store = ResultsStore(searched.lake)
    p = store.corrections()["p_corrected"].min()
    monkeypatch.setattr(correction, "P_LIMIT", p)
    monkeypatch.setattr(correction, "MOST_DRAWS", 999 * 8)
    for name in ("searches.parquet", "corrections.parquet", "ledger"):
        shutil.rmtree(searched.lake.results_dir / name)
    store = ResultsStore(searched.lake)
    correction.correct_search(store, searched.lake, [searched.dataset_id])
    draws = store.corrections()["draws"].unique().to_list()
    assert draws[0] in (999 * 2, 999 * 4, 999 * 8)
    best = store.corrections().sort("p_corrected").row(0, named=True)
    assert best["p_error"] == pytest.approx((best["p_corrected"] * (1 - best["p_corrected"]) / (draws[0] + 1)) ** 0.5)
    parts = len(list((searched.lake.results_dir / "searches.parquet").iterdir()))
    correction.correct_search(store, searched.lake, [searched.dataset_id])
    assert len(list((searched.lake.results_dir / "searches.parquet").iterdir())) == parts


def test_results_of_an_early_version_are_read_counted_and_judged(searched):
    """Parts without the columns that came later: markets are found out, verdicts made by the next run."""
    results = searched.lake.results_dir
    before = ResultsStore(searched.lake).corrections().drop("state", "sequence").sort("run_id", "threshold")
    shutil.rmtree(results / "searches.parquet")
    shutil.rmtree(results / "ledger")
    early = {
        "runs_meta.parquet": ("market_json",),
        "corrections.parquet": ("p_error", "statistic", "n_looks", "n_retired", "confirmed_low", "confirmed_high",
                                "verdict", "doubt", "deflated_sharpe", "overfitting", "sequence", "state"),
    }  # fmt: skip
    store = ResultsStore(searched.lake)
    for name, columns in early.items():
        table = store._meta if name == "runs_meta.parquet" else store._corrections
        for part in (results / name).iterdir():
            frame = pl.read_parquet(part).drop(columns)
            part.unlink()
            table.schema = frame.schema
            table.append("0123456789abcdef", frame)
    store = ResultsStore(searched.lake)
    assert store.corrections().height == 8
    assert set(compare(store, min_signals=0)["verdict"]) == {None}
    run_experiment("small", searched.lake, config_root=searched.configs)
    after = ResultsStore(searched.lake).corrections().drop("state", "sequence").sort("run_id", "threshold")
    assert after.equals(before)


def a_market(start, end, symbol="ESH4", sources=("a",)):
    return Market(
        product_type="future_mbo", symbol=symbol, sources=sources, start_ns=start, end_ns=end, cell_width_ms=100
    )


def test_markets_meet_by_instrument_or_bytes_at_overlapping_times():
    assert a_market(0, 10).meets(a_market(9, 20))
    assert not a_market(0, 10).meets(a_market(10, 20))
    assert a_market(0, 10).meets(a_market(5, 6, symbol="ESM4"))  # the same file
    assert a_market(0, 10).meets(a_market(5, 6, sources=("b",)))  # packed again: other bytes, the same market
    assert not a_market(0, 10).meets(a_market(5, 6, symbol="ESM4", sources=("b",)))
    chain = [a_market(0, 10), a_market(20, 30), a_market(9, 21), a_market(40, 50), a_market(0, 60, "X", ("b",))]
    number = groups(chain)
    assert number[0] == number[1] == number[2]
    assert len(set(number)) == 3
