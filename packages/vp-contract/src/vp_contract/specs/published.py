"""A published serving: everything needed to serve the numbers that research saw, in one immutable file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from vp_contract._types import Digest, Name, ParamValue, RunId, ServingId, Threshold, UtcText
from vp_contract.errors import SpecError, shown
from vp_contract.specs.runtime import RuntimeConfig
from vp_contract.specs.sources import SourceOptions
from vp_contract.yaml.reading import PathLike, convert_parsed, convert_plain, parse_plain, read_bytes
from vp_contract.yaml.writing import dump_yaml

DIGEST_LIBRARIES: Final = ("vp_book", "vp_spectrum")
_MAX_DEPTH: Final = 12
_SCALARS: Final = (bool, int, str, type(None))


class ServingSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The run a serving was promoted from: its experiment, dataset, chosen threshold and evaluation parameters.

    `dataset_files` are digests of the dataset's files by name, as they were when the run was judged on them: see
    docs/datasets.md. `values_digest` is the SHA-256 of the signal's values on that dataset, `signal_versions` the
    versions of what computes them: the package that brings the signal, and the libraries it trains with. Servings of an
    early version have none of these.
    """

    run_id: RunId
    experiment: Name
    dataset_id: Annotated[str, Meta(min_length=1, max_length=200)]
    threshold: Threshold
    signal: Name = "derivative"
    eval: dict[str, ParamValue] = {}
    dataset_files: dict[str, Digest] = {}
    values_digest: Digest | None = None
    signal_versions: dict[str, str] = {}


class PublishedServing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of `configs/serving_versions`.

    `runtime` is the whole resolved config, `sources` the raw files it is replayed from; `versions` maps a library to
    its version and `digests` the two libraries that compute numbers (`vp_book`, `vp_spectrum`) to their conformance
    digests. `evidence` is what it was promoted
    on: any mapping of JSON's types with finite numbers. `created_utc` is ISO 8601 with a Z.

    Raises `SpecError` when the id is not the one of its experiment, run and config, the sources are not those of the
    config, a digest is missing, or the evidence holds something that no JSON reader would read back.
    """

    serving_id: ServingId
    created_utc: UtcText
    source: ServingSource
    runtime: RuntimeConfig
    sources: SourceOptions
    versions: dict[str, str]
    digests: dict[str, str]
    evidence: dict[str, Any] = {}

    def __post_init__(self) -> None:
        expected = serving_id_of(self.source.experiment, self.source.run_id, self.runtime)
        if self.serving_id != expected:
            raise SpecError(
                f"must be {expected!r}, the id of this experiment, run and config",
                field="serving_id",
                found=shown(self.serving_id),
            )
        try:
            self.sources.check_of(self.runtime)
        except SpecError as error:
            raise SpecError(error.problem, field=f"sources.{error.field}", found=error.found) from None
        for library in DIGEST_LIBRARIES:
            if not self.digests.get(library):
                raise SpecError("is required and missing", field=f"digests.{library}")
        _check_json(self.evidence, "evidence", 0)

    def differences(self, other: PublishedServing) -> tuple[str, ...]:
        """Names of the fields in which two differ; `created_utc` does not count."""
        # as JSON, in which a tuple and the list it is read back as are the same
        own, others = (msgspec.json.decode(msgspec.json.encode(serving)) for serving in (self, other))
        return tuple(name for name in own if name != "created_utc" and own[name] != others[name])


def serving_id_of(experiment: str, run_id: str, runtime: RuntimeConfig) -> str:
    """`srv_<experiment>_<run8>_<cfg8>`: the same run and config always give the same id."""
    return f"srv_{experiment}_{run_id[:8]}_{runtime.config_version[:8]}"


def dump_published(serving: PublishedServing) -> bytes:
    """The serving as a YAML document. `load_published` of these bytes gives an equal struct.

    Raises `SpecError` when a field is not what its type says.
    """
    plain = msgspec.to_builtins(serving)
    # a struct built in Python is not checked field by field: nothing is published that could not be read back
    convert_plain(plain, PublishedServing)
    return dump_yaml(plain)


def parse_published(data: bytes, *, file: str) -> PublishedServing:
    """The serving in a YAML document. Raises `SpecError` with file, line and field.

    Unlike a spec, the document must be complete: a runtime field that is missing or unknown means that another version
    of the contract wrote it, whose numbers may differ.
    """
    plain, lines = parse_plain(data, file=file)
    serving = convert_parsed(plain, PublishedServing, file=file, lines=lines)
    written = plain["runtime"]
    known = msgspec.to_builtins(serving.runtime)
    if isinstance(written, dict) and written.keys() != known.keys():
        names = sorted(written.keys() ^ known.keys())
        problem = "unknown field" if names[0] in written else "is required and missing"
        line = lines.get(("runtime", names[0]), lines.get(("runtime",)))
        raise SpecError(problem, field=f"runtime.{names[0]}", file=file, line=line)
    return serving


def load_published(path: PathLike) -> PublishedServing:
    """Read a published serving's file. Raises `SpecError` as `parse_published` does."""
    return parse_published(read_bytes(path), file=str(path))


def _check_json(value: object, where: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise SpecError(f"is nested deeper than {_MAX_DEPTH}", field=where)
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise SpecError(f"keys must be text, one is {key!r}", field=where)
            _check_json(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _check_json(item, f"{where}[{position}]", depth + 1)
    elif type(value) is float:
        if not math.isfinite(value):
            raise SpecError("must be a finite number; write null for none", field=where, found=shown(value))
    elif type(value) not in _SCALARS:  # exactly these: NumPy's float64 is a float that YAML cannot write
        raise SpecError(f"must be text, a number, a list or a mapping, is a {type(value).__name__}", field=where)
