"""The promoted signal of a serving: whether this server can compute it, and its values beside the bins of a replay."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from vp_contract import PublishedServing, ServedValue
from vp_harness import ScoredReplay, ServedSignal, SignalError, check_versions
from vp_harness.errors import SignalVersionError
from vp_spectrum import ScoredBin
from vp_stream.errors import Refusal
from vp_stream.frames.ahead import MadeAhead
from vp_stream.servings.held import HeldReplay

SIGNAL_MISSING: Final = "signal_missing"
"""Code of the refusal when this server lacks the signal of a serving, or has another version of it."""

_logger = logging.getLogger(__name__)


class ServedBin(NamedTuple):
    """A scored bin, and the promoted signal at it where one is stepped."""

    scored: ScoredBin
    served: ServedValue | None


class ServedReplay(Iterator[ServedBin]):
    """A replay with a signal that has seen its bins from the first on.

    A bin waits for the value of its signal. The bins of one that trains itself are made by a thread of their own.
    """

    def __init__(self, replay: ScoredReplay | HeldReplay, served: ServedSignal | None) -> None:
        self._replay = MadeAhead(replay) if served is not None and served.trains else replay
        self._running = None if served is None else served.start()
        self.expected_bins = replay.expected_bins

    def __next__(self) -> ServedBin:
        scored = next(self._replay)
        return ServedBin(scored, None if self._running is None else self._running.step(scored))

    def certificate(self) -> dict[str, Any]:
        """The integrity certificate of the replay."""
        return self._replay.certificate()


def served_signal(spec: PublishedServing) -> ServedSignal:
    """The signal a serving was promoted with. Raises `Refusal` naming it when this server does not have it."""
    where = f"serving {spec.serving_id}"
    name = spec.runtime.signal_name
    try:
        check_versions(name, spec.source.signal_versions)
        return ServedSignal(spec.runtime, spec.source.threshold)
    except SignalVersionError as error:
        raise Refusal(SIGNAL_MISSING, f"{where}: {error}") from error
    except SignalError as error:
        # the words of a foreign package may hold paths of this machine
        _logger.error("%s: %s", where, error)
        problem = f"signal {name!r} cannot be started here: the server's log says why"
        raise Refusal(SIGNAL_MISSING, f"{where}: {problem}") from error
