"""The catalogue of a real lake: aliases from the registry, every check before a serving is opened."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vp_contract import (
    CONTRACT_VERSION,
    VERSIONS_DIR,
    FramesInfo,
    InstrumentLock,
    InstrumentLockError,
    PublishedServing,
    RuntimeConfigMessage,
    ServingInfo,
    SpecError,
    check_instrument,
    encode_message,
    grid_fields,
    instrument_path,
    load_instrument,
)
from vp_harness import (
    CHECKSUMS_FILE,
    MANIFEST_FILE,
    Dataset,
    Lake,
    ServedSignal,
    check_anchor,
    check_sources,
    conformance_digests,
    located,
)
from vp_harness.errors import FramesUnknownError, PipelineError, RawFileChangedError, RawFileError, VpHarnessError
from vp_registry import Registry, RegistryUnavailableError, ResolvedServing, UnknownServingError, VpRegistryError
from vp_stream.blocking import TimedCalls
from vp_stream.errors import OverdueError, Refusal
from vp_stream.frames.judging import JUDGED_LOGS_DIR, JudgedFrames, JudgedLogs
from vp_stream.frames.logfile import LogKey
from vp_stream.frames.runs import RunSpec
from vp_stream.http.answers import ServingEvent
from vp_stream.servings.catalogue import OpenedServing, Status
from vp_stream.servings.feed import ReplayFeed
from vp_stream.servings.held import stamps_of
from vp_stream.servings.signal import SIGNAL_MISSING, served_signal

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class LakeCatalogue:
    """Servings of a registry, replayed from a lake. Safe across threads."""

    def __init__(
        self, lake: Lake, config_root: Path, registry_url: str | None = None, *, registry_timeout_s: float = 5.0
    ) -> None:
        """A registry that does not answer in `registry_timeout_s` seconds is unavailable."""
        self.lake = lake
        self._calls = TimedCalls(registry_timeout_s)
        self._config_root = config_root
        self._judged_logs = JudgedLogs(config_root / VERSIONS_DIR / JUDGED_LOGS_DIR)
        self._registry_url = registry_url
        self._lock = threading.Lock()
        self._digests_lock = threading.Lock()  # its own: the first digests take as long as compiling the kernels
        self._registry: Registry | None = None
        self._digests: Mapping[str, str] | None = None
        self._promoted: dict[str, PublishedServing] = {}
        self._datasets: dict[str, tuple[list[tuple[int, ...]], JudgedFrames | None]] = {}

    def open(self, name: str) -> OpenedServing:
        """Resolve a name and check everything a served number rests on.

        The file of the version against the registry, the instrument against the lock, the numbers of the installed
        libraries against the published digests, the dataset it was judged on against the digests that were published,
        and that the raw files are there which it was published with, byte for byte. Raises `Refusal` for each. A
        dataset that is gone is no reason to serve nothing: the numbers are computed from the raw files.
        """
        resolved = self.resolved(name)
        spec = resolved.spec
        served = self.checked(spec)
        judged = self._judged(spec, served)
        files = self._files(spec)
        key = LogKey(
            serving_id=spec.serving_id,
            config_hash=spec.runtime.config_version,
            source_sha256=spec.sources.sha256,
            digests=spec.digests,
            contract_version=CONTRACT_VERSION,
            signal=served.key,
            marks=True,
        )
        runtime = spec.runtime
        return OpenedServing(
            serving_id=spec.serving_id,
            alias=resolved.alias,
            config_text=runtime_config_text(resolved, judged),
            cell_width_ms=runtime.cell_width_ms,
            config=runtime,
            timeline=(runtime.symbol, runtime.dt, runtime.start_time, str(runtime.cell_width_ms)),
            run=RunSpec(
                key,
                self.lake.stream_cache_dir(spec.serving_id),
                # a checkpoint that was tampered with shows by the frames, where it is known what they should be
                ReplayFeed(
                    runtime,
                    files,
                    None if judged is None else self.lake.book_cache_dir,
                    [file.sha256 for file in spec.sources.files],
                    served,
                ),
                runtime,
                judged,
                any_log=False,
            ),
        )

    def checked(self, spec: PublishedServing) -> ServedSignal:
        """The signal of a serving, after the checks of instrument, digests and versions. Raises `Refusal`."""
        self._check_instrument(spec)
        self._check_digests(spec)
        return served_signal(spec)

    def published(self, name: str) -> PublishedServing:
        """The serving of an alias or id as it was published. Raises `Refusal`."""
        return self.resolved(name).spec

    def target(self, alias: str) -> str:
        """The serving id an alias points to now."""
        return self.resolved(alias).serving_id

    def servings(self) -> list[dict[str, Any]]:
        """Every alias with its serving."""
        return [msgspec.to_builtins(alias) for alias in self._ask(lambda registry: registry.aliases())]

    def aliases_by_run(self) -> dict[str, str]:
        """The first alias, by name, that serves each run."""
        return self._ask(lambda registry: registry.aliases_by_run())

    def history(self, alias: str) -> list[dict[str, Any]]:
        """The audit trail of an alias, oldest first."""
        events = self._ask(lambda registry: registry.history(alias))
        return [{name: getattr(event, name) for name in ServingEvent.__struct_fields__} for event in events]

    def status(self) -> Status:
        """Read the instrument lock, the registry and the lake's root."""
        problems: list[str] = []
        missing: dict[str, str] = {}
        instrument: dict[str, str] = {}
        try:
            lock = self._instrument_lock()
            instrument = {"product_type": lock.product_type, "symbol": lock.symbol}
        except Refusal as refusal:
            problems.append(str(refusal))
        try:
            next(self.lake.root.iterdir(), None)
        except OSError as error:
            _logger.error("lake root %s cannot be read: %s", self.lake.root, error)
            problems.append(f"the lake root cannot be read: {error.strerror or type(error).__name__}")
        else:
            try:
                missing = self._signals_missing()
            except Refusal as refusal:
                problems.append(str(refusal))
        digests: Mapping[str, str] = {}
        try:
            digests = self._installed_digests()
        except Exception as error:  # a broken installation is a state to report, not a crash of the report
            _logger.error("the conformance digests cannot be computed", exc_info=error)
            problems.append("the installed vp-book or vp-spectrum cannot compute its digest: see the server's log")
        return Status(instrument, dict(digests), problems, missing)

    def _signals_missing(self) -> dict[str, str]:
        """Why the signals of servings cannot be computed here, by serving id. Raises `Refusal` without a registry."""
        found = {}
        for serving_id in {str(alias["serving_id"]) for alias in self.servings()}:
            try:
                if serving_id not in self._promoted:  # a published serving never changes
                    self._promoted[serving_id] = self.resolved(serving_id).spec
                served_signal(self._promoted[serving_id])
            except Refusal as refusal:
                if refusal.code == SIGNAL_MISSING:  # whoever asks for the serving gets the other reasons
                    found[serving_id] = str(refusal)
        return found

    def resolved(self, name: str) -> ResolvedServing:
        """What the registry has under an alias or id. Raises `Refusal`."""
        return self._ask(lambda registry: registry.resolve(name))

    def _ask(self, look_up: Callable[[Registry], T]) -> T:
        """What the registry answers. Raises `Refusal`, also when it does not answer in time."""
        try:
            with _registry_errors():
                return self._calls.run(lambda: look_up(self._open_registry()))
        except OverdueError as error:
            _logger.error("the registry does not answer: %s", error)
            raise Refusal("unavailable", "the registry does not answer; try again later") from error

    def _open_registry(self) -> Registry:
        with self._lock:
            if self._registry is None:
                url = self._registry_url or self.lake.registry_url
                registry = Registry(url, self._config_root / VERSIONS_DIR)
                if not registry.exists():  # also a URL that names nothing
                    raise Refusal("unavailable", "there is no registry: promote a run first")
                self._registry = registry
            return self._registry

    def _instrument_lock(self) -> InstrumentLock:
        try:
            return load_instrument(instrument_path(self._config_root))
        except (SpecError, OSError) as error:
            _logger.error("the instrument lock cannot be read: %s", error)
            problem = "the instrument lock cannot be read: the server's log says why"
            raise Refusal("unavailable", problem) from error

    def _check_instrument(self, spec: PublishedServing) -> None:
        runtime = spec.runtime
        where = f"serving {spec.serving_id}"
        try:
            check_instrument(
                self._instrument_lock(), product_type=runtime.product_type, symbol=runtime.symbol, where=where
            )
        except InstrumentLockError as error:
            raise Refusal("instrument_mismatch", str(error)) from error

    def _check_digests(self, spec: PublishedServing) -> None:
        installed = self._installed_digests()
        for library, published in sorted(spec.digests.items()):
            if installed.get(library) != published:
                distribution = library.replace("_", "-")
                promoted = spec.versions.get(library) or spec.versions.get(distribution) or "the version it names"
                raise Refusal(
                    "digest_mismatch",
                    f"serving {spec.serving_id} was published with {distribution} {promoted} whose numbers have digest "
                    f"{published[:16]}; {distribution} {version(distribution)} installed here gives "
                    f"{installed.get(library, 'none')[:16]}: install "
                    f"{distribution}=={promoted}, or promote the run again",
                )

    def _judged(self, spec: PublishedServing, served: ServedSignal) -> JudgedFrames | None:
        """What the dataset says the frames are, its own list of its files held to the published one.

        None where nobody published that list, or the dataset is gone, or its frames are of another contract. The files
        beside the manifest are read by `vp verify dataset`.
        """
        source = spec.source
        if not source.dataset_files:
            return None
        try:
            directory = self.lake.dataset_dir(source.dataset_id)
            if not directory.exists():
                return None
            stamp = stamps_of([directory / name for name in (MANIFEST_FILE, CHECKSUMS_FILE)])
            known = self._datasets.get(spec.serving_id)
            if known is not None and known[0] == stamp:
                return known[1]
            dataset = Dataset.open(self.lake, source.dataset_id)
            check_anchor(dataset, source.dataset_files, anchor=f"serving {spec.serving_id}")
            judged: JudgedFrames | None = None
            with contextlib.suppress(FramesUnknownError):
                judged = JudgedFrames(dataset, spec.runtime, served, source.dataset_files, self._judged_logs)
            self._datasets[spec.serving_id] = (stamp, judged)
            return judged
        except (VpHarnessError, OSError) as error:
            _logger.error("%s", error)
            raise Refusal(
                "integrity",
                f"serving {spec.serving_id}: dataset {source.dataset_id} is not the one it was judged on; "
                "`vp verify dataset` names what differs",
            ) from error

    def _installed_digests(self) -> Mapping[str, str]:
        with self._digests_lock:
            if self._digests is None:
                self._digests = conformance_digests()
            return self._digests

    def _files(self, spec: PublishedServing) -> tuple[Path, ...]:
        """The raw files that a serving was published with; none are looked for anew."""
        where = f"serving {spec.serving_id}"
        try:
            check_sources(spec.runtime, spec.sources)
            return located(spec.sources, self.lake)
        except (PipelineError, RawFileChangedError) as error:
            raise Refusal("integrity", f"{where}: {error}") from error
        except RawFileError as error:
            raise Refusal("raw_file_missing", f"{where}: {error}") from error
        except OSError as error:
            problem = f"a raw file cannot be read: {error.strerror or type(error).__name__}"
            raise Refusal("raw_file_missing", f"{where}: {problem}") from error


def runtime_config_text(
    resolved: ResolvedServing, judged: JudgedFrames | None, began: tuple[str, str] | None = None
) -> str:
    """The `runtime_config` message of a serving, as JSON, with the chain that its frames are held to.

    `began` are date and time (New York) of a feed that is no replay of the config's capture.
    """
    spec = resolved.spec
    message = RuntimeConfigMessage(
        contract_version=CONTRACT_VERSION,
        config=spec.runtime,
        grid_fields=grid_fields(spec.runtime),
        grid_rows=spec.runtime.grid_rows,
        serving=ServingInfo(
            alias=resolved.alias,
            serving_id=spec.serving_id,
            source_run=spec.source.run_id,
            promoted_at=resolved.promoted_at,
            versions=spec.versions,
            digests=spec.digests,
        ),
        replay_date=spec.runtime.dt if began is None else began[0],
        replay_start_time=spec.runtime.start_time if began is None else began[1],
        config_hash=spec.runtime.config_version,
        frames=msgspec.UNSET if judged is None else FramesInfo(bins=judged.bins, head=judged.head),
    )
    return encode_message(message).decode()


@contextlib.contextmanager
def _registry_errors() -> Iterator[None]:
    try:
        yield
    except UnknownServingError as error:
        raise Refusal("unknown_serving", error.public) from error
    except RegistryUnavailableError as error:
        _logger.error("%s", error)
        raise Refusal("unavailable", error.public) from error
    except VpRegistryError as error:
        _logger.error("%s", error)
        raise Refusal("integrity", error.public) from error
