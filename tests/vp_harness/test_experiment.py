"""Experiments end to end on the small market: planning, running, resuming, ranking, promoting."""

import json
import shutil
import subprocess
import sys
import time

import msgspec
import numpy as np
import polars as pl
import pytest

import vp_harness.research.experiment as experiment_module
from vp_contract import EvalSpec, ExperimentSpec, InstrumentLockError, RuntimeConfig, load_experiment
from vp_harness import (
    Dataset,
    DatasetDamagedError,
    ExperimentError,
    ParameterError,
    PromotionError,
    ResultsStore,
    UnknownRunError,
    UnprovenError,
    compare,
    open_registry,
    promote,
    run_experiment,
    signals,
)
from vp_harness.errors import ExecutorError
from vp_harness.evaluation.events import detect_events
from vp_harness.evaluation.measures import measure
from vp_harness.evaluation.outcomes import ExitRule, Prices, opened, outcome_table
from vp_harness.evaluation.split import time_split
from vp_harness.execution.configs import experiment_chain
from vp_harness.research.compare import check_known
from vp_harness.research.sweep import plan
from vp_harness.signals import AdaptiveThresholds, Signal
from vp_registry import ServingConflictError


class OtherParams(msgspec.Struct, frozen=True):
    gain: float = 1.0


class Other(Signal):
    """The tanh of what is left of spot against what is right of it; thresholds from its own calibration."""

    name = "other"
    params_type = OtherParams
    required_columns = ("vacuum_variant",)
    thresholds = AdaptiveThresholds((0.9, 0.99))

    def start(self, context=None):
        return self

    def step(self, bin):
        vacuum = bin.cells["vacuum_variant"]
        middle = len(vacuum) // 2
        return float(np.tanh(self.params.gain * (vacuum[middle + 1 :].sum() - vacuum[:middle].sum()) / 100))


@pytest.fixture(scope="module")
def ran(research):
    result = run_experiment("small", research.lake, config_root=research.configs)
    return result, ResultsStore(research.lake)


def changed(configs, **sweep):
    spec = msgspec.to_builtins(load_experiment(configs / "experiments" / "small.yaml"))
    spec["sweep"] = sweep
    return msgspec.convert(spec, ExperimentSpec)


def numbers(store):
    """Everything stored but times, and how thoroughly a signal was checked: its first parameter set most of all."""
    return store.runs().drop("elapsed_s", "created_utc", "trust_json").sort("run_id"), store.rows()


def test_every_point_of_the_sweep_becomes_a_run(ran, research):
    result, store = ran
    assert (result.experiment, result.dataset_ids, result.computed) == ("small", (research.dataset_id,), 4)
    assert len(result.run_ids) == 4
    runs = store.runs()
    assert sorted(runs["run_id"]) == sorted(result.run_ids)
    points = {
        (json.loads(p)["zscore_window_bins"], json.loads(e)["cooldown_bins"])
        for p, e in zip(runs["params_json"], runs["eval_json"], strict=True)
    }
    assert points == {(60, 5), (60, 20), (80, 5), (80, 20)}
    assert store.rows()["threshold"].unique().sort().to_list() == [0.05, 0.2]
    assert store.rows().height == 8


def test_a_stored_row_is_what_its_parts_give(ran, research):
    _, store = ran
    dataset = Dataset.open(research.lake, research.dataset_id)
    for run in store.runs().iter_rows(named=True):
        evaluation = msgspec.json.decode(run["eval_json"], type=EvalSpec)
        values = signals.create("derivative", **json.loads(run["params_json"])).compute(dataset)
        prices = Prices.from_bins(dataset.bins, 250_000_000)
        table = outcome_table(prices, ExitRule(3, 2, 100, evaluation.latency_bins, evaluation.paid_ticks))
        split = time_split(dataset.n_bins, 100, evaluation)
        assert (run["choose_first"], run["choose_end"]) == (100, 100 + 1020)
        assert (run["confirm_first"], run["confirm_end"]) == (1220, 1800)
        for row in store.rows([run["run_id"]]).iter_rows(named=True):
            events = detect_events(
                values,
                prices.valid,
                threshold=row["threshold"],
                cooldown_bins=evaluation.cooldown_bins,
                first_bin=100,
            )
            assert row["event_bins"] == events.bins.tolist()
            for prefix, first, end in (
                ("", split.choose_first, split.choose_end),
                ("confirm_", split.confirm_first, split.confirm_end),
            ):
                taken = opened(events.between(first, end), table, allow_overlap=False)
                figures = msgspec.to_builtins(measure(taken, table, n_bins=end - first, cell_width_ms=100, seed=1))
                for name in ("n_signals", "tp_rate", "mean_pnl_ticks", "net_pnl_ticks", "tp_rate_low"):
                    assert row[prefix + name] == figures[name]


def test_running_again_computes_nothing(ran, research):
    result, store = ran
    before = numbers(store)
    again = run_experiment("small", research.lake, config_root=research.configs)
    assert (again.computed, again.resumed, again.run_ids) == (0, 4, result.run_ids)
    assert all(a.equals(b) for a, b in zip(before, numbers(ResultsStore(research.lake)), strict=True))


def test_an_interrupted_experiment_goes_on_where_it_was(ran, research, own, monkeypatch):
    real, calls = experiment_module.run_task, []

    def dying(root, task):
        calls.append(task)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(root, task)

    monkeypatch.setattr(experiment_module, "run_task", dying)
    with pytest.raises(KeyboardInterrupt):
        run_experiment("small", own.lake, config_root=own.configs)
    assert ResultsStore(own.lake).runs().height == 2
    result = run_experiment("small", own.lake, config_root=own.configs)
    assert (result.computed, result.resumed) == (2, 2)
    assert all(a.equals(b) for a, b in zip(numbers(ran[1]), numbers(ResultsStore(own.lake)), strict=True))


@pytest.mark.parametrize("parallel", ["{executor: processes, workers: 1}", "{executor: local, workers: 3}"])
def test_executor_and_workers_change_no_number(ran, research, own, parallel):
    path = own.configs / "experiments" / "small.yaml"
    path.write_text(path.read_text() + f"\nparallel: {parallel}\n")
    run_experiment(path, own.lake, config_root=own.configs)
    assert all(a.equals(b) for a, b in zip(numbers(ran[1]), numbers(ResultsStore(own.lake)), strict=True))


def test_two_processes_with_one_experiment_make_its_dataset_and_list_every_run_once(ran, research, own):
    script = "import sys; from vp_harness import run_experiment as r; r('small', sys.argv[1], config_root=sys.argv[2])"
    arguments = [sys.executable, "-c", script, str(own.lake.root), str(own.configs)]
    other = subprocess.Popen(arguments)
    own.lake.datasets_dir.mkdir(parents=True)
    while other.poll() is None and not list(own.lake.datasets_dir.iterdir()):
        time.sleep(0.02)
    run_experiment("small", own.lake, config_root=own.configs)
    assert other.wait() == 0
    assert [path.name for path in own.lake.datasets_dir.iterdir()] == [research.dataset_id]
    Dataset.open(own.lake, research.dataset_id).verify()
    assert all(a.equals(b) for a, b in zip(numbers(ran[1]), numbers(ResultsStore(own.lake)), strict=True))


def test_axes_that_change_the_dataset_make_datasets(own):
    spec = changed(
        own.configs,
        scoring={"tanh_scale": [2.0, 3.0]},
        pipeline={"c1_v_add": [1.0, 2.0]},
        per_signal={"derivative": {"thresholds": [0.1]}},
    )
    result = run_experiment(spec, own.lake, config_root=own.configs)
    assert len(result.dataset_ids) == 4
    configs = [Dataset.open(own.lake, name).config for name in result.dataset_ids]
    assert {(config.flow_tanh_scale, config.c1_v_add) for config in configs} == {(2, 1), (2, 2), (3, 1), (3, 2)}
    store = ResultsStore(own.lake)
    assert store.runs().height == 4
    # four rows on four datasets were tried: each p-value counts all of them, once what is the same
    assert store.corrections()["n_rows"].to_list() == [4] * 4
    assert store.corrections()["n_trials"].to_list() == [1] * 4


@pytest.mark.parametrize(
    ("per_signal", "message"),
    [
        ({"derivative": {"windw": [1]}}, r"derivative\.windw: unknown axis.*zscore_window_bins.*thresholds"),
        ({"derivitive": {}}, r"per_signal\.derivitive.*derivative"),
        ({"derivative": {"zscore_window_bins": [0]}}, "zscore_window_bins"),
        ({"derivative": {"thresholds": ["high"]}}, r"derivative\.thresholds"),
        ({"derivative": {"thresholds": [0.0]}}, r"derivative\.thresholds"),
        ({"derivative": {"tp_ticks": [0]}}, "tp_ticks"),
        ({"derivative": {"max_hold_bins": [1200]}}, "1800 bins are too few"),
        ({"derivative": {"bin_seconds": [1.0]}}, r"bin_seconds: unknown axis"),
    ],
)
def test_a_sweep_that_cannot_run_is_refused_before_anything_runs(own, per_signal, message):
    with pytest.raises(ExperimentError, match=message):
        run_experiment(changed(own.configs, per_signal=per_signal), own.lake, config_root=own.configs)
    assert not (own.lake.root / "research").exists()


AXES = [
    ("[60, 80]", "[60, 1]", "8: sweep.per_signal.derivative.zscore_window_bins[1]=1: must be a whole number from 2"),
    ("[60, 80]", "[60, 10]", "8: sweep.per_signal.derivative.zscore_window_bins[1]: state_model_zscore_min_periods="),
    (
        "zscore_window_bins: [60, 80]",
        "tp_ticks: [3, 0]",
        "8: sweep.per_signal.derivative.tp_ticks[1]=0: must be a whole number from 1",
    ),
    (
        "zscore_window_bins: [60, 80]",
        "latency_bins: [1, 100]",
        "8: sweep.per_signal.derivative.latency_bins[1]=100: must be less",
    ),
    ("zscore_window_bins: [60, 80]", "windw: [1]", "8: sweep.per_signal.derivative.windw: unknown axis; parameters"),
    ("[0.05, 0.2]", "[0.05, high]", "9: sweep.per_signal.derivative.thresholds[1]='high': must be a number above 0"),
    (
        "    derivative:",
        "    derivitive:",
        "7: sweep.per_signal.derivitive: no signal 'derivitive'; there are: ads, ",
    ),
    (
        "  per_signal:",
        "  scoring: {zscore_window_bins: [300, 10]}\n  per_signal:",
        "6: sweep.scoring.zscore_window_bins[1]: ",
    ),
    ("  per_signal:", "  pipeline: {cell_width_ms: [100, 300]}\n  per_signal:", "6: sweep.pipeline.cell_width_ms[1]: "),
    ("max_hold_bins: 100", "max_hold_bins: 4000", "4: 1800 bins are too few"),
]


@pytest.mark.parametrize(("right", "wrong", "says"), AXES)
@pytest.mark.parametrize("by", ["name", "path"])
def test_an_axis_that_is_refused_is_told_with_file_line_and_field(own, right, wrong, says, by):
    path = own.configs / "experiments" / "small.yaml"
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong, 1))
    with pytest.raises(ExperimentError) as caught:
        run_experiment("small" if by == "name" else path, own.lake, config_root=own.configs)
    assert str(caught.value).startswith(f"{path}:{says}")
    assert "`$" not in str(caught.value)


def test_a_resumed_run_of_what_is_there_writes_nothing(research, own, monkeypatch):
    shutil.copytree(research.lake.root, own.lake.root, dirs_exist_ok=True)
    first = run_experiment("small", own.lake, config_root=own.configs)

    def times():  # but of the place of turns, which come and go
        kept = [path for path in own.lake.root.rglob("*") if path != own.lake.turns_dir]
        return {path: path.stat().st_mtime_ns for path in kept}

    before = times()

    def refused(path):
        raise PermissionError(13, "Read-only file system", str(path))

    monkeypatch.setattr("vp_book.atomic.temporary_sibling", refused)
    again = run_experiment("small", own.lake, config_root=own.configs)
    assert (again.run_ids, again.computed, again.resumed) == (first.run_ids, 0, 4)
    assert times() == before


def test_the_times_of_runs_add_up_to_what_was_spent(research, own, monkeypatch):
    now = iter(range(0, 1000, 10))  # every look at the clock is ten seconds later
    monkeypatch.setattr("vp_harness.research.experiment.time.perf_counter", lambda: float(next(now)))
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    run_experiment("small", own.lake, config_root=own.configs)
    # two signals with two evaluations each: ten seconds for the signal are shared, and each evaluation takes ten
    assert ResultsStore(own.lake).runs()["elapsed_s"].to_list() == [15.0] * 4


def test_an_executor_that_is_not_there_is_refused_before_anything_runs(own):
    path = own.configs / "experiments" / "small.yaml"
    path.write_text(path.read_text() + "\nparallel: {executor: dask}\n")
    with pytest.raises(ExecutorError, match="needs the address of a scheduler"):
        run_experiment("small", own.lake, config_root=own.configs)
    assert not (own.lake.root / "research").exists()


def test_a_swept_signal_need_not_be_the_servings_own(own, monkeypatch):
    monkeypatch.setitem(signals._BUILT_IN, "other", Other)
    path = own.configs / "serving" / "small.yaml"
    path.write_text(
        path.read_text().replace(
            "{name: derivative, params: {zscore_window_bins: 80, zscore_min_periods: 20}}",
            "{name: other, params: {gain: 2.0}}",
        )
    )
    spec = changed(own.configs, per_signal={"other": {"gain": [3.0]}, "derivative": {"zscore_window_bins": [90]}})
    other, derivative = plan(experiment_chain(spec, own.configs))
    assert (other.name, dict(other.params)) == ("other", {"gain": 3.0})
    assert derivative.config.state_model_zscore_window_bins == derivative.params["zscore_window_bins"] == 90
    result = run_experiment(spec, own.lake, config_root=own.configs)
    assert result.computed == 2
    runs = ResultsStore(own.lake).runs()
    assert sorted(runs["signal"]) == ["derivative", "other"]


def test_without_a_sweep_the_servings_own_signal_is_judged(own):
    planned = list(plan(experiment_chain(changed(own.configs), own.configs)))
    assert [signal.name for signal in planned] == ["derivative"]
    assert planned[0].params["zscore_window_bins"] == 80
    assert planned[0].thresholds is None


@pytest.mark.parametrize(
    ("n_bins", "change", "message"),
    [
        (1000, {}, "too few"),
        (9000, {"split": {"embargo_bins": 10}}, "embargo_bins 10 is shorter"),
    ],
)
def test_a_split_that_would_leak_or_be_empty_is_refused(n_bins, change, message):
    with pytest.raises(ExperimentError, match=message):
        time_split(n_bins, 300, msgspec.convert(change, EvalSpec))


def test_the_parts_are_an_embargo_apart():
    split = time_split(18_000, 300, EvalSpec())
    assert (split.choose_first, split.choose_end) == (300, 300 + 10_620)
    assert (split.confirm_first, split.confirm_end) == (300 + 10_620 + 1200, 18_000)


def test_the_ranking_sorts_filters_and_shows_both_parts(ran):
    _, store = ran
    table = compare(store, min_signals=0, sort="tp_rate")
    assert table.height == 8
    rates = table["tp_rate"].drop_nulls().to_list()
    assert rates == sorted(rates, reverse=True)
    assert {"confirm_tp_rate", "confirm_mean_pnl_ticks_low", "breakeven_tp_rate", "p_corrected"} <= set(table.columns)
    p = compare(store, min_signals=0, sort="p_corrected")["p_corrected"].to_list()
    assert p == sorted(p)
    assert compare(store, min_signals=0, best_per_run=True).height == 4
    assert compare(store, min_signals=10_000).is_empty()
    assert compare(store, experiment="other").is_empty()
    assert compare(store, signal="derivative", min_signals=0, top_n=3).height == 3
    assert (compare(store, min_signals=4)["n_signals"] >= 4).all()
    check_known(store, experiment="small", signal="derivative")
    for name, value in (("experiment", "other"), ("signal", "derivitive"), ("dataset_id", "x__y__00000000")):
        with pytest.raises(
            ParameterError, match=f"{name}='{value}': no run of it is stored; there are: (small|deriv|syn)"
        ):
            check_known(store, **{name: value})
    with pytest.raises(ParameterError, match=r"sort='luck'.*p_corrected"):
        compare(store, sort="luck")


def test_every_row_tried_counts_in_the_correction(research, own):
    run_experiment("small", own.lake, config_root=own.configs)
    first = ResultsStore(own.lake).corrections()
    assert first["n_rows"].to_list() == [8] * 8
    rows = ResultsStore(own.lake).rows()
    assert set(first["n_trials"]) == {len(set(map(tuple, rows["event_bins"].to_list())))}
    wider = changed(own.configs, per_signal={"derivative": {"zscore_window_bins": [40, 50], "thresholds": [0.1]}})
    run_experiment(wider, own.lake, config_root=own.configs)
    second = ResultsStore(own.lake).corrections()
    assert second["n_rows"].to_list() == [10] * 10
    assert second["n_trials"][0] >= first["n_trials"][0]
    both = first.join(second, on=["run_id", "threshold"], suffix="_later")
    assert (both["p_corrected_later"] >= both["p_corrected"]).all()
    assert (second["p_corrected"] > 0).all()
    assert (second["p_corrected"] <= 1).all()


@pytest.fixture
def promotable(ran, research, own):
    run_experiment("small", own.lake, config_root=own.configs)
    return compare(ResultsStore(own.lake), min_signals=2).row(0, named=True)


def test_a_promoted_run_serves_what_was_judged(promotable, own):
    resolved = promote(
        promotable["run_id"],
        "demo",
        own.lake,
        config_root=own.configs,
        accept_unproven=True,
        reason="test",
        actor="test",
    )
    run8 = promotable["run_id"][:8]
    assert resolved.serving_id.startswith(f"srv_small_{run8}_")
    spec = open_registry(own.lake, own.configs).resolve("demo").spec
    stored = ResultsStore(own.lake).run(promotable["run_id"])
    assert spec.runtime == msgspec.json.decode(stored.runtime_json, type=RuntimeConfig)
    assert spec.runtime.signal_params == json.loads(stored.params_json)
    assert spec.source.threshold == promotable["threshold"]
    assert spec.source.eval["split.choose_fraction"] == 0.6
    assert spec.digests == Dataset.open(own.lake, promotable["dataset_id"]).manifest["identity"]["digests"]
    assert spec.evidence["confirm"]["tp_rate"] == promotable["confirm_tp_rate"]
    assert spec.evidence["p_corrected"] == promotable["p_corrected"]
    assert (own.configs / "serving_versions" / f"{resolved.serving_id}.yaml").exists()


def test_promoting_again_reuses_the_version_even_after_more_trials(promotable, own):
    arguments = {
        "config_root": own.configs,
        "accept_unproven": True,
        "reason": "test",
        "threshold": promotable["threshold"],
    }
    first = promote(promotable["run_id"], "demo", own.lake, **arguments)
    wider = changed(own.configs, per_signal={"derivative": {"zscore_window_bins": [40], "thresholds": [0.1]}})
    run_experiment(wider, own.lake, config_root=own.configs)
    second = promote(promotable["run_id"], "other", own.lake, **arguments)
    assert first.serving_id == second.serving_id
    assert first.spec == second.spec
    registry = open_registry(own.lake, own.configs)
    assert [entry.alias for entry in registry.aliases()] == ["demo", "other"]
    assert len(registry.versions()) == 1
    other = next(t for t in (0.05, 0.2) if t != promotable["threshold"])
    with pytest.raises(ServingConflictError, match="other contents"):
        promote(promotable["run_id"], "demo", own.lake, **{**arguments, "threshold": other})


def test_an_unproven_run_has_to_be_accepted_with_a_reason_that_is_recorded(promotable, own):
    where = {"config_root": own.configs}
    with pytest.raises(UnprovenError, match=r"is unproven: .*set accept_unproven and a reason"):
        promote(promotable["run_id"], "demo", own.lake, **where)
    with pytest.raises(UnprovenError, match=r"reason: is empty"):
        promote(promotable["run_id"], "demo", own.lake, accept_unproven=True, reason=" ", **where)
    assert not list((own.configs / "serving_versions").glob("*.yaml"))
    evidence = promote(
        promotable["run_id"], "demo", own.lake, accept_unproven=True, reason="why", **where
    ).spec.evidence
    assert (evidence["verdict"], evidence["proven"], evidence["accepted_unproven"]) == ("unproven", False, "why")
    assert evidence["n_looks"] == promotable["n_looks"]


def test_what_cannot_be_promoted_is_named(promotable, own, monkeypatch):
    run_id = promotable["run_id"]
    with pytest.raises(UnknownRunError, match="ffffffffffffffff"):
        promote("f" * 16, "demo", own.lake, config_root=own.configs)
    with pytest.raises(PromotionError, match=r"no threshold 0\.7; it has: 0\.05, 0\.2"):
        promote(run_id, "demo", own.lake, config_root=own.configs, threshold=0.7)
    with pytest.raises(PromotionError, match="of experiment 'small'"):
        promote(run_id, "demo", own.lake, config_root=own.configs, experiment="other")
    text = (own.configs / "instrument.yaml").read_text().replace("SYNM6", "ESH4")
    (own.configs / "other.yaml").write_text(text)
    monkeypatch.setenv("VP_INSTRUMENT_CONFIG_PATH", str(own.configs / "other.yaml"))
    with pytest.raises(InstrumentLockError, match=r"SYNM6.*ESH4"):
        promote(run_id, "demo", own.lake, config_root=own.configs)


def test_a_run_on_a_damaged_dataset_is_not_promoted(promotable, own):
    grid = own.lake.dataset_dir(promotable["dataset_id"]) / "grid_clean.parquet"
    grid.chmod(0o600)
    grid.write_bytes(grid.read_bytes()[:-1] + b"x")
    with pytest.raises(DatasetDamagedError, match=r"grid_clean\.parquet"):
        promote(promotable["run_id"], "demo", own.lake, config_root=own.configs, accept_unproven=True, reason="test")


def test_config_fields_of_another_contract_are_not_filled_in(promotable, own, monkeypatch):
    stored = ResultsStore(own.lake).run(promotable["run_id"])
    older = json.loads(stored.runtime_json)
    del older["c7_a_pull"]
    older = msgspec.structs.replace(stored, runtime_json=json.dumps(older))
    monkeypatch.setattr(ResultsStore, "run", lambda store, run_id: older)
    with pytest.raises(PromotionError, match="other config fields"):
        promote(stored.run_id, "demo", own.lake, config_root=own.configs, accept_unproven=True, reason="test")


def test_events_of_the_choosing_part_never_see_the_confirming_part(ran, research):
    """Outcomes of the first part end before the second begins."""
    _, store = ran
    dataset = Dataset.open(research.lake, research.dataset_id)
    table = outcome_table(Prices.from_bins(dataset.bins, 250_000_000), ExitRule(3, 2, 100, 1, 0.0))
    run = store.runs().row(0, named=True)
    assert table.open_until[:, : run["choose_end"]].max() < run["confirm_first"]
    assert isinstance(store.rows().select(pl.col("event_bins")).row(0)[0], list)
    assert np.all(np.diff(store.rows()["event_bins"][0].to_numpy()) > 0)
