"""Runs told to MLflow: what it holds is what the store holds, once, and nothing of it can lose a run."""

import json
import os
import shutil
import socket
import sys
from pathlib import Path

import msgspec
import pytest
from mlflow.tracking import MlflowClient

from vp_contract import TrackingSpec, load_experiment
from vp_harness import ExperimentResult, Lake, ResultsStore, compare, run_experiment
from vp_harness.reporting.tracking import RUN_TAG, Tracked, track


@pytest.fixture(scope="module")
def tracked(tmp_path_factory, research):
    """An experiment with `tracking: {backend: mlflow}`, run in a copy of the lake: (lake, result, experiment)."""
    lake = Lake(tmp_path_factory.mktemp("tracked") / "lake")
    shutil.copytree(research.lake.root, lake.root)
    shutil.rmtree(lake.results_dir, ignore_errors=True)
    spec = load_experiment(research.configs / "experiments" / "small.yaml")
    spec = msgspec.structs.replace(spec, tracking=TrackingSpec(backend="mlflow"))
    before = dict(os.environ)
    yield lake, run_experiment(spec, lake, config_root=research.configs), spec
    os.environ.clear()
    os.environ.update(before)


def told_of(result: ExperimentResult) -> Tracked:
    assert result.tracked is not None
    return result.tracked


def held(result):
    client = MlflowClient(tracking_uri=told_of(result).uri)
    (experiment,) = (found for found in client.search_experiments() if found.name == result.experiment)
    return client, {run.data.tags[RUN_TAG]: run for run in client.search_runs([experiment.experiment_id])}


def test_mlflow_has_every_run_with_its_parameters_figures_and_artifacts(tracked):
    lake, result, _ = tracked
    assert told_of(result).problem == ""
    assert (told_of(result).logged, told_of(result).known) == (len(result.run_ids), 0)
    client, runs = held(result)
    assert set(runs) == set(result.run_ids)
    store = ResultsStore(lake)
    rows = compare(store, experiment=result.experiment, min_signals=0).sort("threshold")
    for run_id, told in runs.items():
        stored = store.run(run_id)
        assert told.info.status == "FINISHED"
        params = told.data.params
        assert (params["signal"], params["dataset_id"]) == (stored.signal, stored.dataset_id)
        for name, value in json.loads(stored.params_json).items():
            assert json.loads(params[f"params.{name}"]) == value
        assert json.loads(params["eval.tp_ticks"]) == json.loads(stored.eval_json)["tp_ticks"]
        of_run = rows.filter(rows["run_id"] == run_id)
        for name in ("threshold", "net_pnl_ticks", "confirm_tp_rate", "p_corrected", "n_signals"):
            held_now = {metric.step: metric.value for metric in client.get_metric_history(told.info.run_id, name)}
            wanted = {step: value for step, value in enumerate(of_run[name].to_list()) if value is not None}
            assert held_now == wanted
        artifact = json.loads(Path(client.download_artifacts(told.info.run_id, "rows.json")).read_text("utf-8"))
        assert [row["threshold"] for row in artifact] == of_run["threshold"].to_list()


def test_a_second_run_tells_nothing_twice(tracked, research):
    lake, result, spec = tracked
    again = run_experiment(spec, lake, config_root=research.configs)
    told = told_of(again)
    assert (again.computed, told.logged, told.known) == (0, 0, len(result.run_ids))
    assert len(held(again)[1]) == len(result.run_ids)


def test_what_a_killed_process_began_is_told_again(tracked):
    lake, result, _ = tracked
    client, runs = held(result)
    begun = next(iter(runs.values()))
    client.update_run(begun.info.run_id, status="RUNNING")
    again = track(result.experiment, result.run_ids, lake)
    assert (again.logged, again.known, again.problem) == (1, len(result.run_ids) - 1, "")


def test_a_server_that_is_not_there_loses_no_run(tracked, monkeypatch):
    lake, result, _ = tracked
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody answers
        told = track(result.experiment, result.run_ids, lake, f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert told.logged == 0
    assert told.problem.startswith("MlflowException: ")
    assert set(ResultsStore(lake).runs()["run_id"]) == set(result.run_ids)


def test_a_directory_that_cannot_be_written_is_said(tracked, tmp_path):
    lake, result, _ = tracked
    (tmp_path / "file").write_text("no directory")
    told = track(result.experiment, result.run_ids, lake, (tmp_path / "file").as_uri())
    assert told.logged == 0
    assert told.problem


def test_without_the_extra_it_says_how_to_get_it(tracked, monkeypatch):
    lake, result, _ = tracked
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    told = track(result.experiment, result.run_ids, lake)
    assert told.problem == "MLflow is not installed: pip install 'vp-harness[mlflow]'"


def test_no_one_is_told_of_the_use(tracked):
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
