"""Several days judged together: nothing crosses a day, one day is what it was, each day is shown beside all."""

import re

import msgspec
import numpy as np
import polars as pl
import pytest
from support.small_days import CLOSED, DAYS

from vp_contract import EvalSpec, ExperimentSpec, SpecError, SplitSpec, load_experiment, load_pipeline
from vp_harness import (
    Dataset,
    ExperimentError,
    Market,
    ParameterError,
    ResultsStore,
    UnprovenError,
    compare,
    dry_run,
    generate,
    overview,
    promote,
    run_experiment,
    signals,
    verify_lake,
    walk_forward,
)
from vp_harness.days.together import together_id
from vp_harness.errors import DatasetChangedError
from vp_harness.evaluation.evaluate import OutcomeTables
from vp_harness.evaluation.events import Events, detect_events
from vp_harness.evaluation.measures import measure
from vp_harness.evaluation.outcomes import exit_rule, opened
from vp_harness.evaluation.resampling import days_interval
from vp_harness.evaluation.split import day_bins, days_split, windows
from vp_harness.judgement.figures import resampled_days
from vp_harness.judgement.search import Shares, shares_of, shifted_means
from vp_harness.judgement.trials import Trial


def spec_of(configs, name="days", **changes):
    return msgspec.structs.replace(load_experiment(configs / "experiments" / "days.yaml"), name=name, **changes)


@pytest.fixture(scope="module")
def ran(days):
    result = run_experiment("days", days.lake, config_root=days.configs)
    return result, ResultsStore(days.lake)


def test_walking_forward_finds_the_effect_and_says_on_which_days(ran):
    _, store = ran
    best = compare(store, experiment="days").row(0, named=True)
    assert best["signal"] == "depth_imbalance"
    assert best["p_corrected"] < 0.05  # on the days that chose, it is there
    assert best["verdict"] != "proven"  # on the day that confirms, it is gone
    walked = walk_forward(store, "days")
    assert walked is not None
    assert walked.dates == tuple(DAYS)
    second, third = walked.folds
    assert (second.date, second.chosen_on, second.signal, second.word) == ("2026-02-05", 1, "depth_imbalance", "earns")
    assert (third.date, third.chosen_on, third.word) == ("2026-02-06", 2, "open")
    assert (second.low or 0.0) > 0 > (third.net_pnl_ticks or 0.0)
    assert walked.trades == second.trades + third.trades


def test_a_fold_never_looks_at_its_day_or_later_ones(ran):
    _, store = ran
    days = store.days()
    walked = walk_forward(store, "days")
    assert walked is not None
    for fold in walked.folds:
        best, best_t = None, -np.inf
        for key, rows in days.filter(pl.col("date") < fold.date).group_by("run_id", "threshold"):
            trades = store.trades(*key).filter(pl.col("event_bin") < 3600 * fold.chosen_on)
            pnl = trades["cross_pnl_ticks"].drop_nulls().to_numpy()
            assert len(pnl) == rows["n_signals"].sum()
            if len(pnl) >= 10 and (t := pnl.mean() / pnl.std(ddof=1) * len(pnl) ** 0.5) > best_t:
                best, best_t = key, t
        assert (fold.run_id, fold.threshold) == best
        assert fold.chosen_statistic == pytest.approx(best_t)


def test_every_day_of_a_row_is_what_it_gives_alone(ran, days):
    result, store = ran
    runs, rows = store.runs(), store.days()
    assert rows.group_by("run_id", "threshold").len()["len"].to_list() == [3] * 4
    for index, (date, dataset_id) in enumerate(zip(DAYS, result.dataset_ids, strict=True)):
        dataset = Dataset.open(days.lake, dataset_id)
        tables = OutcomeTables(dataset)
        for run in runs.iter_rows(named=True):
            evaluation = msgspec.json.decode(run["eval_json"], type=EvalSpec)
            table = tables.of(exit_rule(evaluation))
            for row in rows.filter(pl.col("run_id") == run["run_id"], pl.col("date") == date).iter_rows(named=True):
                events = alone(dataset, run["signal"], tables, evaluation, row["threshold"])
                taken = opened(events, table, allow_overlap=False)
                figures = measure(taken, table, n_bins=3500, cell_width_ms=100, seed=0)
                assert row["part"] == ("confirm" if index == 2 else "choose")
                assert row["dataset_id"] == dataset_id
                for name in ("n_signals", "n_up", "tp_rate", "net_pnl_ticks", "mean_pnl_ticks", "events_per_hour"):
                    assert row[name] == pytest.approx(getattr(figures, name)), name


def alone(dataset, signal, tables, evaluation, threshold):
    values = signals.create(signal).compute(dataset)
    return detect_events(
        values, tables.prices.valid, threshold=threshold, cooldown_bins=evaluation.cooldown_bins, first_bin=100
    )


def test_the_figures_of_all_days_are_those_of_the_trades_of_each(ran):
    _, store = ran
    for row in compare(store, experiment="days", min_signals=0).iter_rows(named=True):
        of_row = (pl.col("run_id") == row["run_id"], pl.col("threshold") == row["threshold"])
        trades = store.trades(row["run_id"], row["threshold"])
        rows = store.days([row["run_id"]]).filter(of_row)
        for part, prefix in (("choose", ""), ("confirm", "confirm_")):
            of_part = rows.filter(pl.col("part") == part)
            assert row[f"{prefix}n_signals"] == of_part["n_signals"].sum()
            pnl = trades.filter(pl.col("part") == part)["cross_pnl_ticks"].drop_nulls()
            assert len(pnl) == row[f"{prefix}n_signals"]
            assert row[f"{prefix}net_pnl_ticks"] == (pytest.approx(pnl.mean()) if len(pnl) else None)
        for name in ("mid_exit_bin", "cross_exit_bin", "cross_entry_bin"):
            assert (trades[name] // 3600 == trades["event_bin"] // 3600).all()  # no trade reaches into another day
            days_of = pl.from_epoch(trades[name.replace("bin", "ts_ns")], "ns").dt.date().cast(pl.String)
            assert set(days_of) <= set(DAYS)


def test_a_single_day_of_several_is_exactly_the_experiment_on_that_day(own_days):
    split = SplitSpec()
    spec = spec_of(own_days.configs)
    evaluation = msgspec.structs.replace(spec.eval, split=split)
    dates = ("2026-02-05", CLOSED, "2026-02-28")
    several = run_experiment(
        msgspec.structs.replace(spec, eval=evaluation, dates=dates), own_days.lake, config_root=own_days.configs
    )
    assert set(several.left_out) == {CLOSED, "2026-02-28"}
    single = msgspec.structs.replace(spec, eval=evaluation, dates=("2026-02-05",))
    again = run_experiment(single, own_days.lake, config_root=own_days.configs)
    assert (again.computed, again.run_ids, again.dataset_ids) == (0, several.run_ids, several.dataset_ids)
    runs = ResultsStore(own_days.lake).runs()
    assert runs["days_json"].to_list() == [""] * runs.height
    assert runs["dataset_id"].unique().to_list() == list(several.dataset_ids)
    assert [day["date"] for day in msgspec.json.decode(runs["left_out_json"][0])] == [CLOSED, "2026-02-28"]


def test_a_split_within_days_pools_them_too(days):
    evaluation = msgspec.structs.replace(spec_of(days.configs).eval, split=SplitSpec(choose_fraction=0.5))
    spec = spec_of(days.configs, "within", eval=evaluation)
    run_experiment(spec, days.lake, config_root=days.configs)
    store = ResultsStore(days.lake)
    run = store.run(store.runs().filter(pl.col("experiment") == "within")["run_id"][0])
    assert (run.choose_first, run.choose_end) == (100, 100 + 5350)
    assert (run.confirm_first, run.confirm_end) == (5550, 10800)
    parts = store.days([run.run_id]).select("date", "part").unique().sort("date", "part").rows()
    first, second, third = DAYS
    assert parts == [(first, "choose"), (second, "choose"), (second, "confirm"), (third, "confirm")]
    assert walk_forward(store, "within") is None


def test_an_old_signal_time_never_leaves_its_day(ran, days):
    """The correction: an independent slow one, day by day."""
    result, store = ran
    datasets = [Dataset.open(days.lake, one) for one in result.dataset_ids]
    row = compare(store, experiment="days").row(0, named=True)
    stored = store.rows([row["run_id"]]).filter(pl.col("threshold") == row["threshold"]).row(0, named=True)
    table = OutcomeTables(*datasets).of(exit_rule(msgspec.json.decode(row["eval_json"], type=EvalSpec)))
    ranges = ((100, 3600), (3700, 7200))
    events = Events(np.array(stored["event_bins"]), np.array(stored["event_directions"], np.int8)).between(0, 7200)
    trial = Trial(events=events, table=table, first=100, end=7200, windows=ranges)
    shares = shares_of(40)
    found = shifted_means(trial, Shares(shares))
    for share, mean in zip(shares, found, strict=True):
        moved = []
        for first, end in ranges:
            day = events.between(first, end)
            shifted = first + (day.bins - first + int(share * (end - first))) % (end - first)
            moved += sorted(zip(shifted.tolist(), day.directions.tolist(), strict=True))
        bins, ways = (np.array(column) for column in zip(*moved, strict=True))
        taken = opened(Events(bins, ways.astype(np.int8)), table, allow_overlap=False)
        rows = (taken.directions < 0).astype(int)
        pnl = table.cross.pnl_ticks[rows, taken.bins][table.cross.outcome[rows, taken.bins] != 0]
        assert mean == pytest.approx(pnl.mean())


def test_days_of_a_market_are_one_search_with_each_of_them(own_days):
    run_experiment("days", own_days.lake, config_root=own_days.configs)
    store = ResultsStore(own_days.lake)
    before = compare(store, experiment="days")["n_trials"].to_list()
    evaluation = msgspec.structs.replace(spec_of(own_days.configs).eval, split=SplitSpec())
    alone = spec_of(own_days.configs, "alone", eval=evaluation, dates=("2026-02-05",))
    run_experiment(alone, own_days.lake, config_root=own_days.configs)
    counted = compare(ResultsStore(own_days.lake), experiment="days")["n_trials"].to_list()
    assert min(counted) > max(before)  # a search of one of the days is one of all
    # and it costs nothing where nothing is new
    parts = set((own_days.lake.results_dir).rglob("*.parquet"))
    run_experiment("days", own_days.lake, config_root=own_days.configs)
    assert set((own_days.lake.results_dir).rglob("*.parquet")) == parts


def test_the_lake_knows_what_rests_on_each_day(ran, days):
    result, store = ran
    runs = {one.dataset_id: one.runs for one in overview(days.lake)[0]}
    pooled = store.runs().filter(pl.col("experiment") == "days").height
    assert all(runs[dataset_id] >= pooled for dataset_id in result.dataset_ids)
    assert [found for found in verify_lake(days.lake) if found.state != "whole"] == []


def test_a_day_that_changed_is_noticed(own_days):
    result = run_experiment("days", own_days.lake, config_root=own_days.configs)
    directory = own_days.lake.dataset_dir(result.dataset_ids[1])
    other = own_days.lake.dataset_dir(result.dataset_ids[0])
    for name in ("bins.parquet", "checksums.json"):
        (directory / name).chmod(0o644)
    (directory / "bins.parquet").write_bytes((other / "bins.parquet").read_bytes())
    sums = msgspec.json.decode((directory / "checksums.json").read_bytes())
    sums["bins.parquet"] = msgspec.json.decode((other / "checksums.json").read_bytes())["bins.parquet"]
    (directory / "checksums.json").write_bytes(msgspec.json.encode(sums, order="sorted"))
    with pytest.raises(DatasetChangedError, match=re.escape(result.dataset_ids[1])):
        ResultsStore(own_days.lake).trades(result.run_ids[0])


def test_promoting_serves_the_last_day_on_the_evidence_of_all(own_days):
    result = run_experiment("days", own_days.lake, config_root=own_days.configs)
    best = compare(ResultsStore(own_days.lake), experiment="days").row(0, named=True)
    named = {"config_root": own_days.configs, "threshold": best["threshold"]}
    with pytest.raises(UnprovenError):
        promote(best["run_id"], "days", own_days.lake, **named)
    served = promote(best["run_id"], "days", own_days.lake, **named, accept_unproven=True, reason="test")
    assert served.spec.source.dataset_id == result.dataset_ids[-1]
    assert served.spec.runtime.dt == "2026-02-06"
    assert served.spec.evidence["days"] == list(result.dataset_ids)


def test_a_dry_run_tells_the_days(days, ran):
    planned = dry_run("days", days.lake, config_root=days.configs)
    assert planned.datasets == ran[0].dataset_ids
    assert planned.to_make == ()
    assert list(planned.left_out) == [CLOSED]


def test_too_few_days_are_refused_before_anything_is_made(own_days):
    for dates, split, says in (
        (("2026-02-05",), "by_day", "of 1 day the first 1 cannot choose"),
        (tuple(DAYS), SplitSpec(choose_days=3), "of 3 days the first 3 cannot choose"),
    ):
        evaluation = msgspec.structs.replace(spec_of(own_days.configs).eval, split=split)
        with pytest.raises(ExperimentError, match=says):
            run_experiment(
                spec_of(own_days.configs, eval=evaluation, dates=dates), own_days.lake, config_root=own_days.configs
            )
    assert not own_days.lake.results_dir.exists()


def test_days_and_their_split():
    days = day_bins((1000, 2000, 2500, 4000, 4500), 130, 100)
    assert days == ((0, 130, 1000), (1000, 1100, 2000), (2000, 2100, 2500), (2500, 2600, 4000), (4000, 4100, 4500))
    split = days_split(days, EvalSpec(split="by_day"))
    assert split.parts == ((130, 2500), (2600, 4500))
    assert windows(days, *split.parts[1]) == [(2600, 4000), (4100, 4500)]
    assert days_split(days, EvalSpec(split=SplitSpec(choose_days=1))).parts == ((130, 1000), (1100, 4500))
    with pytest.raises(ExperimentError, match="80 bins are too few for a day"):
        days_split(day_bins((1000, 1080), 100, 100), EvalSpec(split="by_day"))


def test_ten_days_are_resampled_as_days():
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 6, 12)
    sums = rng.normal(0, 3, 12) * counts
    low, high = days_interval(sums, counts, seed=7)
    picked = rng.integers(0, 12, (20_000, 12))
    means = sums[picked].sum(axis=1) / np.maximum(counts[picked].sum(axis=1), 1)
    assert (low, high) == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.2)
    assert days_interval(sums, counts, seed=7) == (low, high)
    with pytest.raises(ParameterError, match="1 days"):
        days_interval(sums[:1], counts[:1], seed=7)


@pytest.mark.parametrize("n_days", [9, 10])
def test_intervals_are_of_days_from_ten_on(ran, days, n_days):
    """A day of bins cut into so many that are called days."""
    result, _ = ran
    table = OutcomeTables(Dataset.open(days.lake, result.dataset_ids[0])).of(exit_rule(EvalSpec(max_hold_bins=30)))
    bins = np.arange(100, 3500, 40)
    events = Events(bins, np.where(bins % 80, 1, -1).astype(np.int8))
    ends = [3600 * (i + 1) // n_days for i in range(n_days)]
    found = measure(events, table, n_bins=3600, cell_width_ms=100, seed=5, day_ends=ends)
    plain = measure(events, table, n_bins=3600, cell_width_ms=100, seed=5)
    rows = (events.directions < 0).astype(int)
    traded = table.cross.outcome[rows, bins] != 0
    pnl, day = table.cross.pnl_ticks[rows, bins][traded], np.searchsorted(ends, bins[traded], side="right")
    sums = np.array([pnl[day == i].sum() for i in range(n_days)])
    counts = np.array([(day == i).sum() for i in range(n_days)])
    interval = found.net_pnl_ticks_low, found.net_pnl_ticks_high
    if n_days == 10:
        assert interval == pytest.approx(days_interval(sums, counts, seed=5))
    else:
        assert interval == (plain.net_pnl_ticks_low, plain.net_pnl_ticks_high)
    assert found.net_pnl_ticks == plain.net_pnl_ticks == pytest.approx(pnl.mean())
    assert found.queue_net_pnl_ticks_low is not None


def test_an_interval_of_resampled_days_knows_how_few_days_there_are(ran):
    _, store = ran
    run = store.run(ran[0].run_ids[0])
    first, last = run.days[0], run.days[-1]

    def resampled(n_days):
        many = [msgspec.structs.replace(last, start=last.start + i, end=last.start + i + 1) for i in range(n_days)]
        text = msgspec.json.encode([first, *many]).decode()
        changed = msgspec.structs.replace(run, days_json=text, confirm_first=last.start, confirm_end=last.end)
        return dict(resampled_days(pl.DataFrame([msgspec.to_builtins(changed)])))

    assert resampled(9) == {}
    assert resampled(12) == {run.run_id: 12}  # degrees of freedom, whatever the number of trades


def test_the_market_of_one_day_is_named_as_ever():
    one = Market(product_type="a", symbol="B", sources=("c",), start_ns=0, end_ns=10, cell_width_ms=1)
    text = "Market(product_type='a', symbol='B', sources=('c',), start_ns=0, end_ns=10, cell_width_ms=1)"
    assert repr(one) == text
    assert b"spans" not in msgspec.json.encode(one)
    several = msgspec.structs.replace(one, end_ns=90, spans=((0, 10), (80, 90)))
    assert several.meets(one)
    assert not several.meets(msgspec.structs.replace(one, start_ns=20, end_ns=70))  # the nights are nobody's
    width = 1_000_000
    days = msgspec.structs.replace(one, spans=((0, 10 * width), (80 * width, 90 * width)))
    assert [days.time_of(at) // width for at in (0, 9, 10, 19, 20)] == [0, 9, 80, 89, 90]


def test_together_days_go_by_one_id(days):
    made = [generate(spec_day(days, date), days.lake, config_root=days.configs) for date in DAYS]
    name = together_id(made)
    assert name.startswith("synm6_20260204_20260206_0927_0933__small__")
    assert name != together_id(made[:2] + made[:1])


def spec_day(days, date):
    spec = load_pipeline(days.configs / "pipelines" / "small.yaml")
    return msgspec.structs.replace(spec, capture=msgspec.structs.replace(spec.capture, dates=msgspec.UNSET, dt=date))


def test_specs_of_several_days():
    with pytest.raises(SpecError, match="='2026-02-04': must not come twice"):
        ExperimentSpec(name="x", serving="small", dates=("2026-02-04", "2026-02-04"))
    with pytest.raises(SpecError, match="is of a split within days"):
        SplitSpec(choose_days=2, embargo_bins=5)
