"""What the server needs to know about servings, whoever answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from vp_contract import RuntimeConfig
from vp_stream.frames.runs import RunSpec


@dataclass(frozen=True, slots=True)
class OpenedServing:
    """A serving that passed every check.

    `config_text` is the `runtime_config` message as JSON. `timeline` is equal for two servings exactly if the same
    bin number means the same time in both. A serving that is `live` has no end yet: its streams begin with the newest
    bin, and each bin is sent as soon as it is there.
    """

    serving_id: str
    alias: str | None
    config_text: str
    cell_width_ms: int
    config: RuntimeConfig
    timeline: tuple[str, ...]
    run: RunSpec
    live: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Whether servings can be opened at all, and what this server runs on.

    `problems` is empty if the registry and the lake can be read. `signals_missing` says of servings with an alias, by
    serving id, why this server cannot compute their signal. `live` is the state of the live feed, None where there is
    none, and `live_problem` says what is wrong with it now.
    """

    instrument: dict[str, str]
    digests: dict[str, str]
    problems: Sequence[str] = field(default=())
    signals_missing: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, Any] | None = None
    live_problem: str | None = None


class Catalogue(Protocol):
    """Look-up of servings. Every method may block and is called in a worker thread."""

    def open(self, name: str) -> OpenedServing:
        """Find a serving by alias or id and check it. Raises `Refusal` when it cannot be served."""
        ...

    def target(self, alias: str) -> str:
        """The serving id an alias points to now. Raises `Refusal` when there is no such alias."""
        ...

    def servings(self) -> list[dict[str, Any]]:
        """Every alias with the serving it points to, as plain JSON values."""
        ...

    def history(self, alias: str) -> list[dict[str, Any]]:
        """The audit trail of an alias, oldest first. Raises `Refusal` when there is no such alias."""
        ...

    def aliases_by_run(self) -> Mapping[str, str]:
        """The first alias, by name, that serves each run id. Raises `Refusal`."""
        ...

    def status(self) -> Status:
        """Whether the registry and the lake can be read."""
        ...
