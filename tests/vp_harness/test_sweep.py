"""How large a sweep is before it runs, and that its size costs nothing."""

import hashlib
import json
import struct
import time
import tracemalloc

import msgspec
import pytest

import vp_harness.research.sweep as sweep_module
from vp_contract import ExperimentSpec, load_experiment
from vp_harness import Dataset, ExperimentError, ResultsStore, dry_run, run_experiment, signals
from vp_harness.execution.configs import experiment_chain
from vp_harness.research.idle import Point, idle_axes, idle_dataset_axes
from vp_harness.research.sweep import plan, size_of


def swept(configs, **sweep):
    spec = msgspec.to_builtins(load_experiment(configs / "experiments" / "small.yaml"))
    return msgspec.convert({**spec, "sweep": sweep}, ExperimentSpec)


def files_of(root):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in root.rglob("*")}


MILLION = {
    "cooldown_bins": list(range(50)),
    "tp_ticks": list(range(1, 51)),
    "thresholds": [i / 400 for i in range(1, 401)],
}


def test_a_dry_run_counts_estimates_and_writes_nothing(own):
    spec = swept(
        own.configs,
        scoring={"tanh_scale": [2.0, 3.0]},
        per_signal={
            "derivative": {"thresholds": [0.1, 0.2]},
            "msd": {"variant": ["sum", "weighted"], "tp_ticks": [2, 3]},
        },
    )
    before = files_of(own.lake.root)
    planned = dry_run(spec, own.lake, config_root=own.configs)
    assert files_of(own.lake.root) == before
    # on each of two datasets: 1 run of 2 thresholds, and 4 of the six quantiles of msd
    assert (planned.runs, planned.rows, planned.signals) == (10, 2 * (2 + 4 * 6), 3)
    assert len(planned.datasets) == len(planned.to_make) == 2
    assert planned.bins_to_make == 2 * 1800
    assert planned.seconds is None
    assert "no run of these signals" in planned.basis
    assert 100e6 < planned.memory_bytes < 2e9


def test_a_dry_run_tells_the_ids_and_the_time_that_the_run_has(own):
    planned = dry_run("small", own.lake, config_root=own.configs)
    result = run_experiment("small", own.lake, config_root=own.configs)
    assert planned.datasets == planned.to_make == result.dataset_ids
    assert planned.runs == result.computed
    assert planned.rows == ResultsStore(own.lake).rows().height
    again = dry_run("small", own.lake, config_root=own.configs)
    assert again.to_make == ()
    spent = ResultsStore(own.lake).runs()["elapsed_s"].sum()
    assert again.seconds is not None
    assert 0 < again.seconds <= float(spent) + 0.1  # the first run of a process loads kernels besides


def test_a_scoring_axis_that_no_swept_signal_reads_is_named(own):
    axes = {"scoring": {"tanh_scale": [2.0, 3.0], "threshold_neutral": [0.1]}}
    unread = dry_run(
        swept(own.configs, **axes, per_signal={"msd": {}, "imbalance": {}}), own.lake, config_root=own.configs
    )
    assert unread.idle == ("sweep.scoring.tanh_scale: no swept signal reads a scored column",)
    read = dry_run(swept(own.configs, **axes, per_signal={"msd": {}, "erd": {}}), own.lake, config_root=own.configs)
    assert read.idle == ()


def test_a_pipeline_axis_that_no_swept_signal_can_see_is_named_before_and_after(own):
    axes = {"pipeline": {"c5_v_fill": [1.0, 1.5], "tau_rest_decay": [20.0, 30.0]}}
    per_signal = {"imbalance": {"span_bins": [5], "thresholds": [0.2]}}
    spec = swept(own.configs, **axes, per_signal=per_signal)
    named = [line.partition(": ")[0] for line in dry_run(spec, own.lake, config_root=own.configs).idle]
    assert named == ["sweep.pipeline.c5_v_fill", "sweep.pipeline.tau_rest_decay"]
    assert set(named) <= set(run_experiment(spec, own.lake, config_root=own.configs).idle_axes)
    seen = swept(own.configs, **axes, per_signal={"msd": {}})
    assert dry_run(seen, own.lake, config_root=own.configs).idle == (
        "sweep.pipeline.tau_rest_decay: no swept signal reads a mass",
    )


@pytest.mark.parametrize(
    ("field", "signal", "seen"),
    [
        ("flow_windows", "msd", False),
        ("flow_windows", "derivative", True),
        ("large_size", "derivative", False),
        ("tau_jerk", "depth_imbalance", False),
        ("tau_jerk", "jad", True),
        ("c1_v_add", "ads", False),
        ("c1_v_add", "spg", True),
        ("cell_width_ms", "imbalance", True),
        ("grid_radius_ticks", "imbalance", True),
    ],
)
def test_what_a_field_of_a_pipeline_can_change_is_known_by_column(own, field, signal, seen):
    values = {"flow_windows": [[5], [5, 10]], "c1_v_add": [1.0, 2.0], "tau_jerk": [10.0, 12.0]}.get(field, [100, 200])
    spec = swept(own.configs, pipeline={field: values}, per_signal={signal: {}})
    idle = idle_dataset_axes(experiment_chain(spec, own.configs))
    assert [line.partition(":")[0] for line in idle] == ([] if seen else [f"sweep.pipeline.{field}"])


def test_a_parameter_that_a_signal_does_not_read_is_named_before(own):
    curve = {"curve_span_bins": [5, 10], "thresholds": [1e-6]}
    named = dry_run(swept(own.configs, per_signal={"spg": curve}), own.lake, config_root=own.configs).idle
    assert named == ("sweep.per_signal.spg.curve_span_bins: only the variant even has a curvature",)
    for other in ({"variant": ["even"]}, {"variant": ["odd", "even"]}):
        spec = swept(own.configs, per_signal={"spg": curve | other})
        assert dry_run(spec, own.lake, config_root=own.configs).idle == ()


def test_a_sweep_over_the_cap_is_refused_at_once_and_before_anything_is_made(own):
    axes = {**MILLION, "latency_bins": list(range(90)), "zscore_window_bins": list(range(60, 400))}
    spec = swept(own.configs, per_signal={"derivative": axes})
    began = time.perf_counter()
    with pytest.raises(ExperimentError, match=r"30,600,000,000 rows .* 20,000 are allowed; .*max_rows to 30600000000"):
        run_experiment(spec, own.lake, config_root=own.configs)
    assert time.perf_counter() - began < 1
    assert not (own.lake.root / "research").exists()


def test_the_cap_is_told_with_the_line_of_the_sweep(own):
    with pytest.raises(ExperimentError, match=r"small\.yaml:5: sweep: 8 rows .* 7 are allowed"):
        run_experiment("small", own.lake, config_root=own.configs, max_rows=7)
    with pytest.raises(ExperimentError, match="max_rows=0: must be 1 or more"):
        run_experiment("small", own.lake, config_root=own.configs, max_rows=0)


def test_a_million_rows_that_are_allowed_are_planned_in_little_memory(own):
    chain = experiment_chain(swept(own.configs, per_signal={"derivative": MILLION}), own.configs)
    assert size_of(chain).rows == 1_000_000
    tracemalloc.start()
    try:
        planned = plan(chain, 1_000_000)
        assert len(planned.check()) == 1
        runs = sum(len(signal.evaluations) for signal in planned)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert runs == planned.size.runs == 2_500
    assert peak < 20e6


def test_the_points_of_a_plan_are_those_that_it_comes_to(own):
    spec = swept(
        own.configs,
        scoring={"tanh_scale": [2.0, 3.0]},
        per_signal={
            "derivative": {"d2_weight": [0.1, 0.2], "zscore_window_bins": [60, 80], "cooldown_bins": list(range(90))},
            "msd": {"tp_ticks": [2, 3]},
        },
    )
    planned = plan(experiment_chain(spec, own.configs))
    parts = [(signal.name, dict(signal.overrides), dict(signal.point)) for signal in planned]
    once = [part for i, part in enumerate(parts) if not i or part != parts[i - 1]]
    assert len(parts) > len(once) == 2 * (4 + 1)
    assert list(planned.points()) == once


def test_looking_for_idle_axes_takes_little_memory_where_most_axes_matter():
    def points(n):
        for i in range(n):
            yield Point("msd", {}, {"a": i % 50, "b": i // 50, "unused": 1}, f"{i:064x}")

    tracemalloc.start()
    try:
        assert idle_axes(points(5_000)) == ()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1e6


def test_a_signal_in_parts_gives_the_rows_of_the_whole(own, monkeypatch):
    run_experiment("small", own.lake, config_root=own.configs)
    whole = ResultsStore(own.lake)
    monkeypatch.setattr(sweep_module, "_ROWS_AT_ONCE", 2)
    planned = plan(experiment_chain("small", own.configs))
    assert [len(signal.evaluations) for signal in planned] == [1] * 4
    (own.lake.results_dir).rename(own.lake.root / "whole")
    run_experiment("small", own.lake, config_root=own.configs)
    parts = ResultsStore(own.lake)
    first = parts.runs().sort("run_id").drop("elapsed_s", "created_utc", "trust_json")
    assert first.equals(ResultsStore(own.lake.root / "whole").runs().sort("run_id").select(first.columns))
    assert parts.rows().equals(ResultsStore(own.lake.root / "whole").rows())
    assert whole.root == parts.root
    thorough = {
        json.loads(run["trust_json"])["thorough"]
        for run in parts.runs().iter_rows(named=True)
        if json.loads(run["params_json"])["zscore_window_bins"] == 60
    }
    assert thorough == {True}  # of the first parameter set all parts, whoever computes them


def test_axes_that_changed_no_value_are_named_after_the_run_and_their_rows_are_one_trial(own):
    spec = swept(
        own.configs,
        scoring={"tanh_scale": [2.0, 3.0]},
        per_signal={
            # the curve is part of the variant `even` alone
            "spg": {"curve_span_bins": [5, 10], "slow_span_bins": [10, 20], "thresholds": [1e-6]},
            "imbalance": {"span_bins": [5], "tp_ticks": [2, 3], "thresholds": [0.2]},
        },
    )
    result = run_experiment(spec, own.lake, config_root=own.configs)
    assert set(result.idle_axes) == {"sweep.scoring.tanh_scale", "sweep.per_signal.spg.curve_span_bins"}
    again = run_experiment(spec, own.lake, config_root=own.configs)
    assert (again.computed, again.idle_axes) == (0, result.idle_axes)
    corrections = ResultsStore(own.lake).corrections()
    # eight rows of spg are two trials, four of imbalance are two
    assert corrections.height == 12
    assert set(corrections["n_rows"]) == {12}
    assert set(corrections["n_trials"]) == {4}


def test_a_digest_is_of_the_values_and_points_without_one_say_nothing(own):
    run_experiment("small", own.lake, config_root=own.configs)
    dataset = Dataset.open(own.lake, own.dataset_id)
    for run in ResultsStore(own.lake).runs().iter_rows(named=True):
        values = signals.create("derivative", **json.loads(run["params_json"])).compute(dataset)
        assert run["values_digest"] == hashlib.sha256(struct.pack(f"<{len(values)}d", *values)).hexdigest()
    old = [Point("msd", {}, {"variant": name}, "") for name in ("sum", "weighted")]
    assert idle_axes(old) == ()
    assert idle_axes([point._replace(digest="a") for point in old]) == ("sweep.per_signal.msd.variant",)
    assert idle_axes([point._replace(digest=point.params["variant"]) for point in old]) == ()
