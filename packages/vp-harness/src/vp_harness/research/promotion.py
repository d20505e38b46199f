"""From a run to a published serving: the whole runtime config, where it came from, and what speaks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

import vp_registry
from vp_contract import (
    VERSIONS_DIR,
    EvalSpec,
    PublishedServing,
    RuntimeConfig,
    ServingSource,
    check_instrument,
    instrument_path,
    load_instrument,
    load_published,
    serving_id_of,
)
from vp_harness.days.made import of_day
from vp_harness.errors import PromotionError, RetiredError, UnprovenError, UnsoundError
from vp_harness.evaluation.measures import Measures
from vp_harness.execution import configs
from vp_harness.execution.configs import PathLike
from vp_harness.execution.generate import utc_now
from vp_harness.execution.served import signal_versions
from vp_harness.judgement.correction import correct_search
from vp_harness.lake.anchors import check_anchor, check_recorded, dataset_files
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.research.compare import JUDGED, compare
from vp_harness.research.records import CONFIRM_PREFIX, Run, files_of_day
from vp_harness.research.results import ResultsStore
from vp_registry import ANY_TARGET, AnyTarget, ResolvedServing

REGISTRY_VARIABLE: Final = "VP_REGISTRY_URL"


def open_registry(
    lake_root: LakeLike | None = None, root: PathLike | None = None, url: str | None = None
) -> vp_registry.Registry:
    """The registry at an SQLAlchemy URL, with the version files of a config root.

    Without `url` it is that of `VP_REGISTRY_URL`, and without that the lake's own SQLite file.
    """
    url = url or os.environ.get(REGISTRY_VARIABLE) or open_lake(lake_root).registry_url
    return vp_registry.Registry(url, configs.config_root(root) / VERSIONS_DIR)


def promote(
    run_id: str,
    alias: str,
    lake_root: LakeLike | None = None,
    *,
    config_root: str | os.PathLike[str] | None = None,
    experiment: str | None = None,
    threshold: float | None = None,
    accept_unproven: bool = False,
    accept_unsound: bool = False,
    actor: str | None = None,
    reason: str = "",
    expected: str | AnyTarget | None = ANY_TARGET,
    registry: vp_registry.Registry | None = None,
) -> ResolvedServing:
    """Publish a run and point `alias` at it. With `expected`, a serving id or None for a new alias, only from there.

    Without `threshold` it is the one with the best statistic of the choosing part. The serving is proven when the 95 %
    interval of the net pnl in the confirming part, which knows all looks at it, lies above 0 and the corrected p is at
    most 0.05: see `judgement.verdict`. What was tried meanwhile is counted first. `experiment`, if given, must be the
    run's. Of a run on several days the last one is served, and the evidence is that of all.

    Raises UnprovenError when it is not proven and `accept_unproven` is not set (which needs a `reason`; the evidence
    holds both), RetiredError for a run that was retired, UnsoundError when its dataset is not
    sound and `accept_unsound` is not set (the evidence holds what speaks against it, and `reason`), UnknownRunError,
    PromotionError for a threshold the run has not, DatasetError when the dataset behind the run is gone, damaged, or
    not the one it was judged on,
    vp_contract.InstrumentLockError, or what the registry refuses.
    """
    lake = open_lake(lake_root)
    root = configs.config_root(config_root)
    store = ResultsStore(lake)
    run = store.run(run_id)
    if experiment is not None and run.experiment != experiment:
        raise PromotionError(f"run {run_id} is of experiment {run.experiment!r}, not of {experiment!r}")
    runtime = _runtime(run)
    if run.carry:
        raise PromotionError(
            f"run {run_id} carried its model over {len(run.days)} days, and a served signal begins its day without "
            "one: run the experiment without carry and promote that run"
        )
    if run.days:
        runtime = of_day(runtime, run.days[-1].date)
    lock = load_instrument(instrument_path(root))
    check_instrument(lock, product_type=runtime.product_type, symbol=runtime.symbol, where=f"run {run_id}")
    _check_not_retired(store, run_id)
    correct_search(store, lake, [run.dataset_id])
    row = _row(store, run, threshold)
    if row["verdict"] != "proven":
        found = f"run {run_id} at threshold {row['threshold']} is {row['verdict'] or 'unproven'}: {_doubt(row)}"
        if not accept_unproven:
            raise UnprovenError(f"{found}; promote another run, or set accept_unproven and a reason")
        if not reason.strip():
            raise UnprovenError(f"{found}; reason: is empty, say why it is accepted")
    datasets = [Dataset.open(lake, one) for one in [day.dataset_id for day in run.days] or [run.dataset_id]]
    for dataset in datasets:
        dataset.verify()
        if not dataset.sound and not accept_unsound:
            raise UnsoundError(
                f"dataset {dataset.dataset_id} of run {run_id} is unsound: {'; '.join(dataset.unsound_reasons)}; "
                "promote a run on a sound one, or set accept_unsound"
            )
    serving = _serving(lake, datasets, root, run, runtime, row, reason)
    owned = registry is None
    registry = registry or open_registry(lake, root)
    try:
        return registry.promote(alias, serving, actor, reason, expected=expected)
    finally:
        if owned:
            registry.close()


def _check_not_retired(store: ResultsStore, run_id: str) -> None:
    retired = store.retired().filter(pl.col("run_id") == run_id)
    for row in retired.iter_rows(named=True):
        raise RetiredError(f"run {run_id} was retired by {row['actor']}: {row['reason']}; promote another run")


def _runtime(run: Run) -> RuntimeConfig:
    """The config a run was made with; a field that came or went since then is not filled in silently."""
    runtime = msgspec.json.decode(run.runtime_json, type=RuntimeConfig)
    if runtime.canonical_json() != run.runtime_json.encode():
        raise PromotionError(
            f"run {run.run_id} was stored with other config fields than vp-contract has now: run experiment "
            f"{run.experiment!r} again and promote the new run"
        )
    return runtime


def _row(store: ResultsStore, run: Run, threshold: float | None) -> dict[str, Any]:
    """The ranked row to promote."""
    rows = compare(store, run_ids=[run.run_id], min_signals=0)
    if threshold is None:
        minimum = msgspec.json.decode(run.eval_json, type=EvalSpec).min_signals
        ranked = rows.filter(pl.col("n_signals") >= minimum)
        if ranked.is_empty():
            raise PromotionError(
                f"run {run.run_id} has no threshold with at least {minimum} signals; name one as threshold",
                argument="threshold",
            )
        return ranked.row(0, named=True)
    found = rows.filter(pl.col("threshold") == threshold)
    if found.is_empty():
        known = ", ".join(str(value) for value in sorted(rows["threshold"]))
        raise PromotionError(f"run {run.run_id} has no threshold {threshold}; it has: {known}")
    return found.row(0, named=True)


def _doubt(row: dict[str, Any]) -> str:
    return row["doubt"] or f"it was not judged by all {row['n_trials'] or 'its'} trials"


def _serving(
    lake: Lake,
    datasets: Sequence[Dataset],
    root: Path,
    run: Run,
    runtime: RuntimeConfig,
    row: dict[str, Any],
    reason: str,
) -> PublishedServing:
    """The serving of the last of `datasets`, all of which the run was judged on."""
    judged_on = msgspec.json.decode(run.dataset_files_json or "{}", type=dict[str, str])
    for one in datasets:
        check_recorded(lake, one)
        own = files_of_day(judged_on, one.dataset_id) if run.days else judged_on
        check_anchor(one, own, anchor=f"run {run.run_id}")
    dataset = datasets[-1]
    files = dataset_files(dataset)
    source = ServingSource(
        run_id=run.run_id,
        experiment=run.experiment,
        dataset_id=dataset.dataset_id,
        threshold=row["threshold"],
        signal=run.signal,
        eval=_flat(msgspec.json.decode(run.eval_json)),
        dataset_files=files,
        values_digest=None
        if run.days
        else run.values_digest or None,  # that of a run on several is of all their values
        signal_versions=signal_versions(run.signal),
    )
    serving_id = serving_id_of(run.experiment, run.run_id, runtime)
    file = root / VERSIONS_DIR / f"{serving_id}.yaml"
    if file.exists():
        # Published before, or left by a promotion that died: its evidence counted the trials of then. The registry
        # compares it with the rest, which must be the same.
        published = load_published(file)
        if published.source.dataset_files:
            check_anchor(dataset, published.source.dataset_files, anchor=f"serving {serving_id}")
        later = ("dataset_files", "values_digest", "signal_versions")  # than the first versions that published
        same = msgspec.structs.replace(source, **{name: getattr(published.source, name) for name in later})
        if published.source == same and published.runtime == runtime:
            return published
    return PublishedServing(
        serving_id=serving_id,
        created_utc=utc_now(),
        source=source,
        runtime=runtime,
        sources=dataset.sources,
        versions=msgspec.json.decode(run.versions_json, type=dict[str, str]),
        digests=dict(dataset.manifest["identity"]["digests"]),
        evidence=_evidence(run, row, datasets, reason),
    )


def _evidence(run: Run, row: dict[str, Any], datasets: Sequence[Dataset], reason: str) -> dict[str, Any]:
    unsound = [reason for dataset in datasets for reason in dataset.unsound_reasons]
    evidence = {
        "proven": row["verdict"] == "proven",
        **{name: row[name] for name in JUDGED},
        "choose_bins": [run.choose_first, run.choose_end],
        "confirm_bins": [run.confirm_first, run.confirm_end],
        "choose": {name: row[name] for name in Measures.__struct_fields__},
        "confirm": {name: row[CONFIRM_PREFIX + name] for name in Measures.__struct_fields__},
        "sound": not unsound,
    }
    if run.days:
        evidence["days"] = [day.dataset_id for day in run.days]
    if row["verdict"] != "proven":
        evidence["accepted_unproven"] = reason
    if unsound:
        evidence |= {"unsound_reasons": unsound, "accepted_unsound": reason}
    return evidence


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names: the source of a serving holds scalars."""
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            flat |= _flat(item, f"{prefix}{name}.")
        else:
            flat[prefix + name] = item
    return flat
