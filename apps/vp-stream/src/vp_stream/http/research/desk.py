"""What the research page knows of datasets and published servings, and the changes it makes. Every method may block."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from vp_contract import EXPERIMENTS_DIR, InstrumentLockError, SpecError, load_experiment, spec_names
from vp_harness import Dataset, Lake, dry_run, list_datasets, open_registry, overview, promote
from vp_harness.errors import (
    DatasetDamagedError,
    DatasetError,
    DatasetMissingError,
    PromotionError,
    ResultsError,
    RetiredError,
    UnknownRunError,
    UnprovenError,
    UnsoundError,
    VpHarnessError,
)
from vp_registry import (
    ANY_TARGET,
    AliasMovedError,
    Registry,
    RegistryParameterError,
    ResolvedServing,
    RollbackError,
    UnknownServingError,
    VpRegistryError,
)
from vp_stream.errors import Refusal
from vp_stream.http.research.answers import (
    DatasetDetail,
    DatasetList,
    DatasetRow,
    ExperimentFile,
    ExperimentFiles,
    PromoteBody,
    Promoted,
    PublishedList,
    PublishedRow,
    RollbackBody,
    ServingDetail,
    StartBody,
)

_logger = logging.getLogger(__name__)


class Desk:
    """Datasets of a lake and servings of its registry, as they are now. Safe across threads: it keeps nothing."""

    def __init__(self, lake: Lake, config_root: Path, registry_url: str | None = None) -> None:
        self._lake = lake
        self._config_root = config_root
        self._registry_url = registry_url

    def datasets(self) -> DatasetList:
        """Every dataset, without reading all of its bytes."""
        with _refusing():
            found = overview(self._lake, config_root=self._config_root)
            aliases: dict[str, list[str]] = {}
            with self._registry() as registry:  # that of this server, which the lake need not know
                for alias in registry.aliases():
                    with contextlib.suppress(VpRegistryError):
                        dataset_id = registry.resolve(alias.alias).spec.source.dataset_id
                        aliases.setdefault(dataset_id, []).append(alias.alias)
        rows = [
            DatasetRow(
                **{
                    **{name: getattr(one, name) for name in DatasetRow.__struct_fields__},
                    "campaigns": list(one.campaigns),
                    "aliases": aliases.get(one.dataset_id, []),
                    "problem": "its files are not those that were written: `vp verify dataset` names them"
                    if one.status == "damaged"  # the words of the library hold paths of this machine
                    else one.problem,
                }
            )
            for one in found.datasets
        ]
        return DatasetList(datasets=rows, problems=[text.partition(": ")[0] for text in found.problems])

    def dataset(self, dataset_id: str) -> DatasetDetail:
        """What one dataset records of itself. Raises `Refusal`."""
        with _refusing():
            if dataset_id not in list_datasets(self._lake):
                raise Refusal("unknown_dataset", "no dataset of this id is in the lake")
            dataset = Dataset.open(self._lake, dataset_id)
            manifest = dataset.manifest
            sizes = {path.name: path.stat().st_size for path in sorted(dataset.path.iterdir())}
            return DatasetDetail(
                dataset_id=dataset.dataset_id,
                sound=dataset.sound,
                unsound_reasons=list(dataset.unsound_reasons),
                created_utc=manifest["created_utc"],
                certificate=manifest["certificate"],
                sources=manifest["sources"],
                counts=manifest["counts"],
                identity=manifest["identity"],
                versions=manifest.get("versions", {}),
                config=msgspec.to_builtins(dataset.config),
                checksums=dataset.checksums,
                files=sizes,
            )

    def published(self) -> PublishedList:
        """Every published serving."""
        with _refusing(), self._registry() as registry:
            versions, aliases = registry.versions(), registry.aliases()
        return PublishedList(
            published=[
                PublishedRow(
                    serving_id=version.serving_id,
                    run_id=version.source_run,
                    experiment=version.experiment,
                    config_hash=version.config_hash,
                    created=version.created,
                    aliases=[entry.alias for entry in aliases if entry.serving_id == version.serving_id],
                )
                for version in versions
            ]
        )

    def serving(self, name: str) -> ServingDetail:
        """The serving of an alias or id. Raises `Refusal`."""
        with _refusing(), self._registry() as registry:
            found = registry.resolve(name)
        plain: dict[str, Any] = msgspec.to_builtins(found.spec)
        return ServingDetail(
            serving_id=found.serving_id,
            alias=found.alias,
            promoted_at=found.promoted_at,
            created_utc=found.spec.created_utc,
            source=plain["source"],
            config=plain["runtime"],
            sources=plain["sources"],
            versions=plain["versions"],
            digests=plain["digests"],
            evidence=plain["evidence"],
        )

    def experiments(self) -> ExperimentFiles:
        """The specs of experiments under the config root, those that can be read."""
        with _refusing():
            found = []
            for name in spec_names(self._config_root, EXPERIMENTS_DIR):
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    text = (self._config_root / EXPERIMENTS_DIR / f"{name}.yaml").read_text(encoding="utf-8")
                    found.append(ExperimentFile(name=name, text=text))
        return ExperimentFiles(experiments=found)

    def checked(self, body: StartBody) -> str:
        """The name of the experiment of a spec, after everything that can be checked of it. Raises `Refusal`."""
        with tempfile.TemporaryDirectory(prefix="vp-experiment-") as scratch:
            file = Path(scratch) / "experiment.yaml"
            file.write_text(body.yaml, encoding="utf-8")
            try:
                spec = load_experiment(file)
                dry_run(spec, self._lake, config_root=self._config_root)
            except (SpecError, VpHarnessError) as error:
                text = str(error)
                for path in (file, self._lake.root, self._config_root):
                    text = text.replace(f"{path}/", "").replace(str(path), path.name)
                raise Refusal("bad_experiment", text) from error
        return spec.name

    def promote(self, alias: str, body: PromoteBody) -> Promoted:
        """Publish a run and point an alias at it, through the gates of `vp promote`. Raises `Refusal`."""
        with _refusing(), self._registry() as registry:
            served = promote(
                body.run_id,
                alias,
                self._lake,
                config_root=self._config_root,
                threshold=body.threshold,
                accept_unproven=body.accept_unproven,
                accept_unsound=body.accept_unsound,
                actor=body.actor,
                reason=body.reason,
                expected=ANY_TARGET if body.expected is msgspec.UNSET else body.expected,
                registry=registry,
            )
        _logger.info("alias %s was pointed at %s over HTTP", alias, served.serving_id)
        return _promoted(alias, served)

    def rollback(self, alias: str, body: RollbackBody) -> Promoted:
        """Point an alias back at what it served before. Raises `Refusal`."""
        with _refusing(), self._registry() as registry:
            expected = ANY_TARGET if body.expected is msgspec.UNSET else body.expected
            served = registry.rollback(alias, body.actor, body.reason, expected=expected)
        _logger.info("alias %s went back to %s over HTTP", alias, served.serving_id)
        return _promoted(alias, served)

    def _registry(self) -> contextlib.closing[Registry]:
        return contextlib.closing(open_registry(self._lake, self._config_root, self._registry_url))


def _promoted(alias: str, served: ResolvedServing) -> Promoted:
    source, evidence = served.spec.source, served.spec.evidence
    return Promoted(
        alias=alias,
        serving_id=served.serving_id,
        run_id=source.run_id,
        threshold=source.threshold,
        verdict=evidence.get("verdict"),
        doubt=evidence.get("doubt"),
    )


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Tells a client what it can do something about in the words of the library, the rest without paths of this
    machine."""
    try:
        yield
    except UnknownRunError as error:
        raise Refusal("unknown_run", "no finished run has this id") from error
    except UnprovenError as error:
        raise Refusal("unproven", str(error)) from error
    except UnsoundError as error:
        raise Refusal("unsound", str(error)) from error
    except RetiredError as error:
        raise Refusal("retired", str(error)) from error
    except PromotionError as error:
        raise Refusal("not_promoted", str(error)) from error
    except InstrumentLockError as error:
        raise Refusal("instrument_mismatch", str(error)) from error
    except AliasMovedError as error:
        raise Refusal("alias_moved", str(error)) from error
    except RollbackError as error:
        raise Refusal("nothing_earlier", str(error)) from error
    except UnknownServingError as error:
        raise Refusal("unknown_serving", str(error)) from error
    except RegistryParameterError as error:
        raise Refusal("bad_body", str(error)) from error
    except DatasetMissingError as error:
        raise Refusal("unknown_dataset", "no dataset of this id is in the lake") from error
    except DatasetDamagedError as error:
        _logger.error("a dataset is damaged", exc_info=error)
        raise Refusal("dataset_damaged", "the dataset is damaged: `vp verify dataset` names what is wrong") from error
    except (DatasetError, ResultsError, VpHarnessError, VpRegistryError, SpecError, OSError) as error:
        _logger.error("what the research page asked for cannot be read", exc_info=error)
        raise Refusal("unavailable", "it cannot be read or written now: the server's log says why") from error
