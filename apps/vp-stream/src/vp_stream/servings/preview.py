"""Previews: the replay of a dataset that nobody promoted, for whoever wants to look at it on the map."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from vp_contract import (
    CONTRACT_VERSION,
    InstrumentLockError,
    RuntimeConfigMessage,
    ServingInfo,
    SpecError,
    check_instrument,
    encode_message,
    grid_fields,
    instrument_path,
    load_instrument,
)
from vp_harness import Dataset, Lake, check_sources, conformance_digests, list_datasets, located
from vp_harness.errors import DatasetError, PipelineError, RawFileError
from vp_stream.errors import Refusal
from vp_stream.frames.logfile import LogKey
from vp_stream.frames.runs import RunSpec
from vp_stream.servings.catalogue import OpenedServing
from vp_stream.servings.feed import ReplayFeed

_logger = logging.getLogger(__name__)

PREVIEW_PREFIX: Final = "preview_"
"""What the serving id of a preview begins with: no published serving has such an id."""


class Previews:
    """Datasets of a lake as streams. Safe across threads."""

    def __init__(self, lake: Lake, config_root: Path) -> None:
        self._lake = lake
        self._config_root = config_root

    def open(self, dataset_id: str) -> OpenedServing:
        """The replay of a dataset, after the checks of a serving that hold without a promotion: instrument, digests of
        the libraries, raw files byte for byte. It has no promoted signal. Raises `Refusal`.

        Its frames are made anew by every server: no log of an earlier one is believed.
        """
        where = f"dataset {dataset_id}"
        try:
            if dataset_id not in list_datasets(self._lake):
                raise Refusal("unknown_dataset", "no dataset of this id is in the lake")
            dataset = Dataset.open(self._lake, dataset_id)
            config, sources = dataset.config, dataset.sources
            lock = load_instrument(instrument_path(self._config_root))
            check_instrument(lock, product_type=config.product_type, symbol=config.symbol, where=where)
            digests: dict[str, str] = dict(dataset.manifest["identity"]["digests"])
            if (installed := dict(conformance_digests())) != digests:
                differ = ", ".join(sorted(name for name, value in digests.items() if installed.get(name) != value))
                problem = f"{where} was made by other numbers than those of the installed {differ}: generate it again"
                raise Refusal("digest_mismatch", problem)
            check_sources(config, sources)
            files = located(sources, self._lake)
        except InstrumentLockError as error:
            raise Refusal("instrument_mismatch", str(error)) from error
        except (DatasetError, PipelineError, RawFileError, SpecError, OSError) as error:
            _logger.error("%s cannot be previewed", where, exc_info=error)
            raise Refusal("integrity", f"{where} or its raw files cannot be read: `vp verify lake` says why") from error
        serving_id = PREVIEW_PREFIX + dataset_id
        versions = {name: str(value) for name, value in dataset.manifest.get("versions", {}).items()}
        message = RuntimeConfigMessage(
            contract_version=CONTRACT_VERSION,
            config=config,
            grid_fields=grid_fields(config),
            grid_rows=config.grid_rows,
            serving=ServingInfo(
                alias=None,
                serving_id=serving_id,
                source_run="",
                promoted_at="",
                versions=versions,
                digests=digests,
            ),
            replay_date=config.dt,
            replay_start_time=config.start_time,
            config_hash=config.config_version,
        )
        key = LogKey(
            serving_id=serving_id,
            config_hash=config.config_version,
            source_sha256=sources.sha256,
            digests=digests,
            contract_version=CONTRACT_VERSION,
            marks=True,
        )
        feed = ReplayFeed(config, files, None, [file.sha256 for file in sources.files])
        return OpenedServing(
            serving_id=serving_id,
            alias=None,
            config_text=encode_message(message).decode(),
            cell_width_ms=config.cell_width_ms,
            config=config,
            timeline=(config.symbol, config.dt, config.start_time, str(config.cell_width_ms)),
            run=RunSpec(key, self._lake.stream_cache_dir(serving_id), feed, config, any_log=False),
        )
