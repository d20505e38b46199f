"""Where each value of a resolved config comes from: file and line, a default, or another value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from vp_contract.specs.chain import EXPERIMENTS_DIR, PIPELINES_DIR, SERVING_DIR, load_chain
from vp_contract.specs.instrument import instrument_path
from vp_contract.specs.resolve import merge
from vp_contract.yaml.reading import PathLike, parse_plain, read_bytes

DEFAULT: Final = "default"
DERIVED: Final = "derived"


class Origin(NamedTuple):
    """A resolved value and where it is from.

    `layer` is `instrument`, `pipeline`, `serving` or `experiment` with the `file` and 1-based `line` that state it;
    `default` for what no file states; `derived` for what follows from another value.
    """

    field: str
    value: Any
    layer: str
    file: str | None = None
    line: int | None = None

    @property
    def where(self) -> str:
        """The origin in words."""
        return self.layer if self.file is None else f"{self.file}:{self.line}"


def config_origins(
    config_root: PathLike, *, pipeline: str | None = None, serving: str | None = None, experiment: str | None = None
) -> tuple[Origin, ...]:
    """Every field of the chain's resolved config in order, and of the experiment's `eval` as `eval.<field>`.

    Exactly one name is given, as to `load_chain`, which this resolves as; raises as it does.
    """
    chain = load_chain(config_root, pipeline=pipeline, serving=serving, experiment=experiment)
    files = {"instrument": instrument_path(config_root)}
    files["pipeline"] = Path(config_root) / PIPELINES_DIR / f"{chain.pipeline.name}.yaml"
    if chain.serving is not None:
        files["serving"] = Path(config_root) / SERVING_DIR / f"{chain.serving.name}.yaml"
    lines = {kind: _lines(file) for kind, file in files.items()}
    _, layers = merge(chain.instrument, chain.pipeline, chain.serving, chain.experiment)
    origins = []
    for field, value in _plain(chain.config).items():
        layer = layers.get(field)
        path = layer.paths.get(field) if layer is not None else None
        if layer is None or path is None:
            origins.append(Origin(field, value, DERIVED))
        else:
            origins.append(_origin(field, value, layer.kind, files[layer.kind], lines[layer.kind], path))
    if chain.experiment is not None:
        file = Path(config_root) / EXPERIMENTS_DIR / f"{chain.experiment.name}.yaml"
        stated = _lines(file)
        evaluation, fee = chain.experiment.eval, ("instrument", files["instrument"], lines["instrument"])
        unset = evaluation.cost_ticks is msgspec.UNSET
        if unset:
            evaluation = msgspec.structs.replace(evaluation, cost_ticks=chain.instrument.fee_ticks)
        for name, value in _flat(_plain(evaluation)).items():
            if unset and name == "cost_ticks":
                origins.append(_origin("eval.cost_ticks", value, *fee, ("fee_per_side",)))
            else:
                path = ("eval", *name.split("."))
                origins.append(_origin(f"eval.{name}", value, "experiment", file, stated, path))
    return tuple(origins)


def _origin(
    field: str,
    value: Any,
    layer: str,
    file: PathLike,
    lines: Mapping[tuple[str | int, ...], int],
    path: tuple[str, ...],
) -> Origin:
    line = lines.get(path)
    return Origin(field, value, DEFAULT) if line is None else Origin(field, value, layer, os.fspath(file), line)


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    """The fields as JSON has them."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(struct))
    return plain


def _lines(file: PathLike) -> Mapping[tuple[str | int, ...], int]:
    return parse_plain(read_bytes(file), file=os.fspath(file))[1]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
