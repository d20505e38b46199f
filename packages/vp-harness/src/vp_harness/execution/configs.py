"""From whatever names a pipeline or an experiment to the resolved config chain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, cast

from vp_contract import (
    CAMPAIGNS_DIR,
    EXPERIMENTS_DIR,
    PIPELINES_DIR,
    CampaignSpec,
    ExperimentSpec,
    InstrumentLock,
    PipelineSpec,
    RuntimeConfig,
    ServingSpec,
    SpecError,
    SpecNotFoundError,
    instrument_path,
    load_campaign,
    load_chain,
    load_experiment,
    load_instrument,
    load_pipeline,
    resolve,
    spec_names,
)

ROOT_VARIABLE: Final = "VP_CONFIG_ROOT"
DEFAULT_ROOT: Final = "configs"

PathLike: TypeAlias = str | os.PathLike[str]
PipelineLike: TypeAlias = RuntimeConfig | PipelineSpec | PathLike
ExperimentLike: TypeAlias = ExperimentSpec | PathLike


class ExperimentChain(NamedTuple):
    """An experiment, the specs below it and what they resolve to; `file` is the experiment's, None for a spec given."""

    instrument: InstrumentLock
    pipeline: PipelineSpec
    serving: ServingSpec | None
    experiment: ExperimentSpec
    config: RuntimeConfig
    file: Path | None = None

    @property
    def dates(self) -> tuple[str, ...]:
        """The New York dates that are judged together, ascending: the experiment's, or else the pipeline's."""
        return tuple(sorted(self.experiment.dates)) or self.pipeline.capture.days


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
    return pipeline_chain(pipeline, root, instrument)[0]


def pipeline_chain(
    pipeline: PipelineLike, root: PathLike | None = None, instrument: InstrumentLock | PathLike | None = None
) -> tuple[RuntimeConfig, PipelineSpec | None]:
    """The same with the spec it was resolved from; None for a config that was resolved before."""
    if isinstance(pipeline, RuntimeConfig):
        return pipeline, None
    if isinstance(pipeline, PipelineSpec):
        spec = pipeline
    elif _is_file_name(pipeline):
        spec = load_pipeline(pipeline)
    else:
        spec = load_pipeline(_named(config_root(root), PIPELINES_DIR, os.fspath(pipeline)))
    if instrument is None:
        instrument = instrument_path(config_root(root))
    lock = instrument if isinstance(instrument, InstrumentLock) else load_instrument(instrument)
    return resolve(lock, spec), spec


def experiment_chain(experiment: ExperimentLike, root: PathLike | None = None) -> ExperimentChain:
    """The chain below an experiment: a spec, the path of a spec file, or a name under the config root.

    The serving and pipeline that it names are looked up under the config root. Raises as `pipeline_config` does.
    """
    base = config_root(root)
    file: Path | None = None
    if isinstance(experiment, ExperimentSpec):
        spec = experiment
    elif _is_file_name(experiment):
        file = Path(experiment)
        spec = load_experiment(file)
    else:
        file = base / EXPERIMENTS_DIR / f"{os.fspath(experiment)}.yaml"
        # a chain that begins at an experiment has one
        spec = cast("ExperimentSpec", load_chain(base, experiment=os.fspath(experiment)).experiment)
    chain = load_chain(base, serving=spec.serving)
    return ExperimentChain(chain.instrument, chain.pipeline, chain.serving, spec, chain.config, file)


def campaign_spec(campaign: PathLike, root: PathLike | None = None) -> CampaignSpec:
    """A campaign: the path of a spec file, or a name under the config root. Raises as `pipeline_config` does."""
    if _is_file_name(campaign):
        return load_campaign(campaign)
    path = _named(config_root(root), CAMPAIGNS_DIR, os.fspath(campaign))
    spec = load_campaign(path)
    if spec.name != path.stem:
        problem = f"must be {path.stem!r}, the name of the file"
        raise SpecError(problem, field="name", file=str(path), found=f"{spec.name!r}")
    return spec


def campaign_file(campaign: CampaignSpec | PathLike, root: PathLike | None = None) -> Path | None:
    """The file of a campaign as `campaign_spec` finds it; None for a spec."""
    if isinstance(campaign, CampaignSpec):
        return None
    if _is_file_name(campaign):
        return Path(campaign)
    return config_root(root) / CAMPAIGNS_DIR / f"{os.fspath(campaign)}.yaml"


def _named(root: Path, directory: str, name: str) -> Path:
    """The file of a named spec; SpecNotFoundError lists the names there are."""
    known = spec_names(root, directory)
    path = root / directory / f"{name}.yaml"
    if name not in known:
        problem = f"no spec {name!r}, {directory} has: {', '.join(known) or 'none'}"
        raise SpecNotFoundError(problem, file=str(path), known=known)
    return path


def _is_file_name(path: PathLike) -> bool:
    return os.fspath(path).endswith((".yaml", ".yml"))
