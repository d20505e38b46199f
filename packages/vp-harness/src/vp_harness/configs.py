"""From whatever names a pipeline or an experiment to the resolved config chain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from vp_contract import (
    EXPERIMENTS_DIR,
    PIPELINES_DIR,
    SERVING_DIR,
    ExperimentSpec,
    InstrumentLock,
    PipelineSpec,
    RuntimeConfig,
    ServingSpec,
    SpecNotFoundError,
    instrument_path,
    load_experiment,
    load_instrument,
    load_pipeline,
    load_serving,
    resolve,
    spec_names,
)

ROOT_VARIABLE: Final = "VP_CONFIG_ROOT"
DEFAULT_ROOT: Final = "configs"

PathLike: TypeAlias = str | os.PathLike[str]
PipelineLike: TypeAlias = RuntimeConfig | PipelineSpec | PathLike
ExperimentLike: TypeAlias = ExperimentSpec | PathLike


class ExperimentChain(NamedTuple):
    """An experiment, the specs below it and what they resolve to."""

    instrument: InstrumentLock
    pipeline: PipelineSpec
    serving: ServingSpec
    experiment: ExperimentSpec
    config: RuntimeConfig


def config_root(root: PathLike | None = None) -> Path:
    """The config root: `root`, else VP_CONFIG_ROOT, else `configs` in the working directory."""
    return Path(root if root is not None else os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT)


def pipeline_config(
    pipeline: PipelineLike, root: PathLike | None = None, instrument: InstrumentLock | PathLike | None = None
) -> RuntimeConfig:
    """The resolved config of a pipeline.

    `pipeline` is a resolved config (returned as it is), a spec, the path of a spec file (it ends in .yaml or .yml),
    or the name of a spec under the config root. `instrument` is a lock or the path of one; without it the config
    root's counts.

    Raises vp_contract.SpecError with file, line and field, or vp_contract.InstrumentLockError.
    """
    if isinstance(pipeline, RuntimeConfig):
        return pipeline
    spec = pipeline
    if not isinstance(spec, PipelineSpec):
        path = spec if _is_file_name(spec) else _named(config_root(root), PIPELINES_DIR, os.fspath(spec))
        spec = load_pipeline(path)
    if instrument is None:
        instrument = instrument_path(config_root(root))
    lock = instrument if isinstance(instrument, InstrumentLock) else load_instrument(instrument)
    return resolve(lock, spec)


def experiment_chain(experiment: ExperimentLike, root: PathLike | None = None) -> ExperimentChain:
    """The chain below an experiment: a spec, the path of a spec file, or a name under the config root.

    The serving and pipeline that it names are looked up under the config root. Raises as `pipeline_config` does.
    """
    base = config_root(root)
    if not isinstance(experiment, ExperimentSpec):
        path = experiment if _is_file_name(experiment) else _named(base, EXPERIMENTS_DIR, os.fspath(experiment))
        experiment = load_experiment(path)
    lock = load_instrument(instrument_path(base))
    serving = load_serving(_named(base, SERVING_DIR, experiment.serving))
    pipeline = load_pipeline(_named(base, PIPELINES_DIR, serving.pipeline))
    config = resolve(lock, pipeline, serving, experiment)
    return ExperimentChain(lock, pipeline, serving, experiment, config)


def _named(root: Path, directory: str, name: str) -> Path:
    """The file of a named spec; SpecNotFoundError lists the names there are."""
    known = spec_names(root, directory)
    path = root / directory / f"{name}.yaml"
    if name not in known:
        raise SpecNotFoundError(
            f"no spec {name!r}, {directory} has: {', '.join(known) or 'none'}", file=str(path), known=known
        )
    return path


def _is_file_name(path: PathLike) -> bool:
    return os.fspath(path).endswith((".yaml", ".yml"))
