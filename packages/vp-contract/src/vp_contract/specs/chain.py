"""Names to files: loading a whole config chain from a config root."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from vp_contract._types import NAME_PATTERN
from vp_contract.errors import SpecError, SpecNotFoundError, shown
from vp_contract.specs.experiment import ExperimentSpec, load_experiment
from vp_contract.specs.instrument import InstrumentLock, instrument_path, load_instrument
from vp_contract.specs.pipeline import PipelineSpec, ServingSpec, load_pipeline, load_serving
from vp_contract.specs.resolve import resolve
from vp_contract.specs.runtime import RuntimeConfig
from vp_contract.yaml.reading import PathLike

PIPELINES_DIR: Final = "pipelines"
SERVING_DIR: Final = "serving"
EXPERIMENTS_DIR: Final = "experiments"
VERSIONS_DIR: Final = "serving_versions"
CAMPAIGNS_DIR: Final = "campaigns"

_Spec = TypeVar("_Spec", PipelineSpec, ServingSpec, ExperimentSpec)


class Chain(Struct, frozen=True, kw_only=True):
    """The specs of one chain and what they resolve to."""

    instrument: InstrumentLock
    pipeline: PipelineSpec
    serving: ServingSpec | None
    experiment: ExperimentSpec | None
    config: RuntimeConfig


def load_chain(
    config_root: PathLike,
    *,
    pipeline: str | None = None,
    serving: str | None = None,
    experiment: str | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Chain:
    """Load the chain that begins at one named spec, follow the names below it, and resolve it.

    Exactly one of `pipeline`, `serving` and `experiment` is given. The instrument lock is `instrument.yaml` of the
    config root unless VP_INSTRUMENT_CONFIG_PATH names another file.

    Raises `SpecNotFoundError` listing the names there are, `SpecError` with file, line and field, or
    `InstrumentLockError`.
    """
    given = [name for name in (pipeline, serving, experiment) if name is not None]
    if len(given) != 1:
        raise SpecError(f"exactly one of pipeline, serving and experiment must be given, {len(given)} are")
    instrument = load_instrument(instrument_path(config_root))
    experiment_spec: ExperimentSpec | None = None
    serving_spec: ServingSpec | None = None
    if experiment is not None:
        experiment_spec = _load_named(config_root, EXPERIMENTS_DIR, experiment, load_experiment)
        serving = experiment_spec.serving
    if serving is not None:
        serving_spec = _load_named(config_root, SERVING_DIR, serving, load_serving)
        pipeline = serving_spec.pipeline
    pipeline_spec = _load_named(config_root, PIPELINES_DIR, pipeline or "", load_pipeline)
    config = resolve(instrument, pipeline_spec, serving_spec, experiment_spec, overrides)
    return Chain(
        instrument=instrument,
        pipeline=pipeline_spec,
        serving=serving_spec,
        experiment=experiment_spec,
        config=config,
    )


def spec_names(config_root: PathLike, directory: str) -> tuple[str, ...]:
    """Names of the specs in one directory of the config root (`PIPELINES_DIR`, …), sorted."""
    folder = Path(config_root) / directory
    return tuple(sorted(path.stem for path in folder.glob("*.yaml") if re.search(NAME_PATTERN, path.stem)))


def _load_named(config_root: PathLike, directory: str, name: str, load: Callable[[PathLike], _Spec]) -> _Spec:
    path = Path(config_root) / directory / f"{name}.yaml"
    # checked before any file is touched: a name never leads out of its directory
    if not re.search(NAME_PATTERN, name):
        raise SpecError(f"{name!r} is not a name of a spec in {directory}; allowed are a-z, 0-9 and _")
    try:
        spec = load(path)
    except SpecNotFoundError:
        known = spec_names(config_root, directory)
        raise SpecNotFoundError(
            f"no such file; {directory} has: {', '.join(known) or 'nothing yet'}", file=os.fspath(path), known=known
        ) from None
    if spec.name != name:
        problem = f"must be {name!r}, the name of the file"
        raise SpecError(problem, field="name", file=str(path), found=shown(spec.name))
    return spec
