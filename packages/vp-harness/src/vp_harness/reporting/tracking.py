"""Runs logged to MLflow as well, for those who keep their research there. The results store stays what is judged by."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from vp_harness.lake.paths import Lake
from vp_harness.research.compare import compare
from vp_harness.research.records import Run
from vp_harness.research.results import ResultsStore

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

RUN_TAG: Final = "vp.run_id"
"""The tag by which a run of the results store is found again in MLflow."""

_TEXT_MAX: Final = 6000
"""Characters of a parameter that MLflow takes."""

_AT_ONCE: Final = 500
"""Runs whose rows are read at once."""

_SETTINGS: Final = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # else a directory, the default here, is refused
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # else a server that is gone is waited for, for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What the client reads from the environment, where the user has not set it."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """How runs were logged to MLflow: `logged` now, `known` there before; `problem` says why it was not all of them."""

    uri: str
    logged: int = 0
    known: int = 0
    problem: str = ""


def track(experiment: str, run_ids: Sequence[str], lake: Lake, uri: str | None = None) -> Tracked:
    """Tell MLflow every run of an experiment that it does not have yet.

    Each run of the results store becomes one of MLflow's, under the experiment's name: parameters of the signal and of
    the evaluation, every figure of its rows as a metric whose step is the place of the threshold (the metric
    `threshold` has its value), and as artifacts the rows, the resolved config and the evidence of trust. `uri` is that
    of MLflow; without one it is a directory of the lake. Nothing is raised: runs are stored already, and what went
    wrong here is in `problem`.
    """
    uri = uri or (lake.root.absolute() / "research" / "mlflow").as_uri()
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow.tracking import MlflowClient
    except ImportError:
        return Tracked(uri, problem="MLflow is not installed: pip install 'vp-harness[mlflow]'")
    logged = known = 0
    try:
        client = MlflowClient(tracking_uri=uri)
        into = _experiment(client, experiment)
        had = _known(client, into)
        missing = [run_id for run_id in run_ids if run_id not in had]
        known = len(run_ids) - len(missing)
        store = ResultsStore(lake)
        for first in range(0, len(missing), _AT_ONCE):
            together = missing[first : first + _AT_ONCE]
            ranked = compare(store, run_ids=together, min_signals=0, retired=True).sort("threshold")
            rows = ranked.partition_by("run_id", as_dict=True)
            for run_id in together:
                _log(client, into, store.run(run_id), rows[run_id,].to_dicts())
                logged += 1
    except Exception as error:  # noqa: BLE001  # whatever its stores and transports raise: the runs are not lost
        return Tracked(uri, logged, known, f"{type(error).__name__}: {str(error).strip() or 'no reason given'}")
    return Tracked(uri, logged, known)


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _known(client: MlflowClient, experiment: str) -> set[str]:
    """Ids of the runs that MLflow has whole. One that a killed process began is not among them."""
    known: set[str] = set()
    page: str | None = None
    while True:
        found = client.search_runs([experiment], "attributes.status = 'FINISHED'", max_results=1000, page_token=page)
        known.update(run.data.tags[RUN_TAG] for run in found if RUN_TAG in run.data.tags)
        page = found.token
        if not page:
            return known


def _log(client: MlflowClient, experiment: str, run: Run, rows: Sequence[Mapping[str, Any]]) -> None:
    from mlflow.entities import Param, RunTag

    tags = {RUN_TAG: run.run_id, "vp.signal": run.signal, "vp.dataset_id": run.dataset_id}
    made = client.create_run(experiment, run_name=f"{run.signal} {run.run_id[:8]}", tags=tags)
    known_as = made.info.run_id
    params = {
        "signal": run.signal,
        "dataset_id": run.dataset_id,
        "config_hash": run.config_hash,
        **_flat("params", json.loads(run.params_json)),
        **_flat("eval", json.loads(run.eval_json)),
        **_flat("versions", json.loads(run.versions_json)),
    }
    best = max(rows, key=lambda row: row["statistic"] if row["statistic"] is not None else float("-inf"), default=None)
    verdict = [RunTag("vp.verdict", str(best["verdict"]))] if best is not None and best["verdict"] else []
    client.log_batch(
        known_as,
        metrics=list(_metrics(rows)),
        params=[Param(name, value[:_TEXT_MAX]) for name, value in params.items()],
        tags=verdict,
    )
    texts = {"rows.json": rows, "runtime.json": json.loads(run.runtime_json), "trust.json": json.loads(run.trust_json)}
    for name, content in texts.items():
        client.log_text(known_as, msgspec.json.format(msgspec.json.encode(content)).decode(), name)
    client.set_terminated(known_as)


def _metrics(rows: Sequence[Mapping[str, Any]]) -> Iterable[Metric]:
    from mlflow.entities import Metric

    for step, row in enumerate(rows):
        for name, value in row.items():
            # what is null was not measured; MLflow has no word for that
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield Metric(name, float(value), 0, step)


def _flat(name: str, value: object) -> dict[str, str]:
    """Nested fields as `name.field`, each as text."""
    if isinstance(value, dict):
        return {key: text for field, of in value.items() for key, text in _flat(f"{name}.{field}", of).items()}
    return {name: value if isinstance(value, str) else json.dumps(value)}
