"""The signal of a published serving, as a server steps it: made of the published config alone."""

from __future__ import annotations

import importlib
import math
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

from vp_contract import RuntimeConfig, ServedValue
from vp_harness import signals
from vp_harness.errors import SignalError, SignalVersionError, UnknownSignalError
from vp_harness.evaluation.events import state_at
from vp_harness.signals import GridBin, SignalBin, SignalContext
from vp_harness.signals.base import RunningSignal, Signal
from vp_harness.signals.learned.walk_forward import LearnedSignal

_HARNESS: Final = "vp-harness"


class ServedSignal:
    """A signal with the parameters and the threshold it was promoted with. Immutable; runs are made by `start`."""

    def __init__(self, config: RuntimeConfig, threshold: float) -> None:
        """`config` is that of the serving.

        Raises UnknownSignalError for a signal that is not installed, or SignalError for one that cannot run.
        """
        self.name = config.signal_name
        self.threshold = threshold
        self.signal = signal_of(config)
        self.context = SignalContext(config.grid_radius_ticks, config.cell_width_ms, config.cell_int, config.tick_int)

    @property
    def trains(self) -> bool:
        """Whether a step may take as long as the training of a model."""
        return self.signal.trains_after_bins > 0

    @property
    def key(self) -> str:
        """What tells its values from those of others: name, threshold and parameters, as JSON."""
        parts = (self.name, self.threshold, msgspec.to_builtins(self.signal.params))
        return msgspec.json.encode(parts, order="deterministic").decode()

    def start(self) -> ServedRun:
        """A run that has seen nothing yet."""
        return ServedRun(self)


class ServedRun:
    """A promoted signal under way, one bin after the other from the first on."""

    def __init__(self, served: ServedSignal) -> None:
        self._name, self._threshold, self._kind = served.name, served.threshold, served.signal.kind
        self._running: RunningSignal = served.signal.run(served.context)
        self._reads = served.signal.reads()
        self.value = 0.0
        """The last value, also when it is not finite."""

    def step(self, bin: SignalBin, /) -> ServedValue:
        """What is sent of the bin just closed. Raises SignalError naming the signal when it fails."""
        try:
            bin = self._without_minus_zeros(bin)
            value = self.value = self._running.step(bin)
            detail = self._running.detail
        except SignalError:
            raise
        except Exception as error:  # whatever a foreign package does in a step
            raise SignalError(f"signal {self._name!r} fails in a step: {type(error).__name__}: {error}") from error
        return ServedValue(
            self._name,
            self._kind,
            _finite(value),
            self._running.ready,
            state_at(value, self._threshold, self._kind == "probability"),
            self._threshold,
            {name: _finite(part) for name, part in detail.items()},
        )

    def _without_minus_zeros(self, bin: SignalBin) -> SignalBin:
        """A dataset keeps no cell that is 0, so that a -0 of the engine is 0 there: it is 0 here too."""
        cells = {name: bin.cells[name] for name in self._reads.columns}
        return GridBin(
            {name: rows + 0.0 if rows.dtype.kind == "f" else rows for name, rows in cells.items()}, bin.fields
        )


def signal_of(config: RuntimeConfig) -> Signal:
    """The signal of a resolved config, with its parameters. Raises SignalError."""
    return signals.create(config.signal_name, **signal_params(config))


def signal_params(config: RuntimeConfig) -> dict[str, Any]:
    """The parameters that the config sets; the others are the signal's own defaults."""
    return {name: value for name, value in config.signal_params.items() if value is not None}


def signal_versions(name: str) -> dict[str, str]:
    """Versions of what computes a signal: the package that brings it, and the libraries it trains with, by name.

    Raises UnknownSignalError, or SignalError when a library is not installed.
    """
    kind = signals.signal_class(name)
    owner = signals.owner(name)
    found = {owner: _version(owner)}
    if issubclass(kind, LearnedSignal):
        found |= {module: _library_version(module) for module in _libraries(kind)}
    return found


def check_versions(name: str, published: dict[str, str]) -> None:
    """Raises SignalVersionError unless the signal `name` is computed here by the versions it was promoted with.

    A package must be of the very version, vp-harness of the same minor one: its patches change no number. With nothing
    published, by an early version, the signal has only to be there.
    """
    try:
        signals.owner(name)
    except UnknownSignalError:
        owner = next(iter(published), None)
        of, wanted = (
            (f" of {owner} {published[owner]}", f"{owner}=={published[owner]}") if owner else ("", "its package")
        )
        raise SignalVersionError(f"signal {name!r}{of} is not installed here: install {wanted}") from None
    installed = signal_versions(name) if published else {}
    for package, wanted in published.items():
        found = installed.get(package)
        if found is None or _compared(package, found) != _compared(package, wanted):
            here = f"{package} {found} is installed here" if found else f"{package} does not bring it here"
            raise SignalVersionError(
                f"signal {name!r} was promoted with {package} {wanted}, {here}: install {package}=={wanted}, or run "
                "the experiment again and promote that run"
            )


def _compared(package: str, found: str) -> str:
    return ".".join(found.split(".")[:2]) if package == _HARNESS else found


def _libraries(kind: type[LearnedSignal]) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in kind.libraries))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


@cache
def _library_version(module: str) -> str:
    """The version that a module says it has; its distribution may have another name."""
    try:
        return str(importlib.import_module(module).__version__)
    except (ImportError, OSError) as error:
        raise SignalError(f"{module} cannot be loaded: {error}; pip install 'vp-harness[ml]'") from error


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
