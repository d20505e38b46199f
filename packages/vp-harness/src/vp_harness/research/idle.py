"""Axes of a sweep that change nothing.

Of some that is known before anything is computed, from what the signals read. Of others it shows in the values: those
of a signal came out the same at every bin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

from vp_contract import SCORE_COLUMNS, SCORING_FIELDS
from vp_harness import signals
from vp_harness.execution.configs import ExperimentChain
from vp_harness.lake.manifest import canonical_json
from vp_harness.research.sweep import PlannedSignal, wanted_signals
from vp_harness.signals import Signal

_SCORING_AXES: Final = {field: axis for axis, field in SCORING_FIELDS.items()}
_SCORES: Final = frozenset(column.name for column in SCORE_COLUMNS)
_FORCES: Final = frozenset({"pressure_variant", "vacuum_variant"})


def _scored(column: str) -> bool:
    return column in _SCORES or column.startswith("proj_")


def _forced(column: str) -> bool:
    """Made of the forces, or one of them."""
    return column in _FORCES or _scored(column)


def _moving(column: str) -> bool:
    return column[:2] in ("v_", "a_", "j_") or _forced(column)


_Changes: TypeAlias = tuple[Callable[[str], bool], str]

_SCORING: Final[_Changes] = (_scored, "a scored column")
_WHAT_CHANGES: Final[Mapping[str, _Changes]] = {
    **dict.fromkeys(("flow_windows", "flow_rollup_weights"), _SCORING),
    "large_size": (lambda _: False, "the marks"),
    "tau_rest_decay": (lambda column: column.endswith("_mass"), "a mass"),
    **dict.fromkeys(("tau_velocity", "tau_acceleration", "tau_jerk"), (_moving, "a rate, a force or a score")),
    **dict.fromkeys(
        ("c1_v_add", "c2_v_rest_pos", "c3_a_add", "c4_v_pull", "c5_v_fill", "c6_v_rest_neg", "c7_a_pull"),
        (_forced, "a force or a score"),
    ),
}
"""Field of a pipeline -> the columns of the grid that it can change, and their name. Other fields change any column.

Judged are quotes and trades, which none of these fields changes.
"""


def idle_dataset_axes(chain: ExperimentChain) -> tuple[str, ...]:
    """Axes of `scoring` and `pipeline` that no swept signal can see: none reads a column that they change."""
    sweep = chain.experiment.sweep
    read = {column for name in wanted_signals(chain) for column in signals.signal_class(name).required_columns}
    changes = {f"scoring.{axis}": _SCORING for axis in sweep.scoring}
    changes |= {f"pipeline.{axis}": _WHAT_CHANGES[axis] for axis in sweep.pipeline if axis in _WHAT_CHANGES}
    several = {
        f"{group}.{axis}"
        for group in ("scoring", "pipeline")
        for axis, values in getattr(sweep, group).items()
        if len(values) > 1
    }
    return tuple(
        f"sweep.{path}: no swept signal reads {what}"
        for path, (changed, what) in changes.items()
        if path in several and not any(map(changed, read))
    )


class UnreadParams:
    """Axes of a signal's parameters that change nothing, whatever the other axes are; see `Signal.unread_params`."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], set[str]] = {}
        self._reasons: dict[tuple[str, str], str | None] = {}

    def take(self, planned: PlannedSignal, signal: Signal) -> None:
        """Take in a point of the sweep."""
        unread = signal.unread_params()
        for axis, value in planned.point.items():
            key = (planned.name, axis)
            self._values.setdefault(key, set()).add(repr(value))
            reason = unread.get(axis)
            self._reasons[key] = reason if self._reasons.get(key, reason) is not None else None

    def axes(self) -> tuple[str, ...]:
        """Their paths, each with the reason."""
        return tuple(
            f"sweep.per_signal.{name}.{axis}: {reason}"
            for (name, axis), reason in self._reasons.items()
            if reason is not None and len(self._values[name, axis]) > 1
        )


class Point(NamedTuple):
    """A signal at one point of its sweep: overrides that make the dataset, its own parameters, a digest of values."""

    signal: str
    overrides: Mapping[str, Any]
    params: Mapping[str, Any]
    digest: str


@dataclass(slots=True)
class _Axis:
    """What is known of an axis: the digest (hashed) of the first point with the same place on all other axes."""

    first: dict[int, int] = field(default_factory=dict)
    compared: bool = False
    differs: bool = False

    def take(self, others: int, digest: int) -> None:
        if self.differs:
            return
        if others not in self.first:
            self.first[others] = digest
            return
        self.compared = True
        if self.first[others] != digest:
            self.differs = True
            self.first.clear()  # nothing more is to be known of it: most axes end here after a few points


def idle_axes(points: Iterable[Point]) -> tuple[str, ...]:
    """Paths of the axes whose values differ nowhere, all else being equal.

    An axis of the datasets is one only when no signal differs along it. Points without a digest say nothing.
    """
    found: dict[str, _Axis] = {}
    for point in points:
        if not point.digest:
            continue
        digest = _short(point.digest.encode())
        for axis in point.params:
            path = f"sweep.per_signal.{point.signal}.{axis}"
            found.setdefault(path, _Axis()).take(_others(point, axis), digest)
        for axis in point.overrides:
            group = f"scoring.{_SCORING_AXES[axis]}" if axis in _SCORING_AXES else f"pipeline.{axis}"
            found.setdefault(f"sweep.{group}", _Axis()).take(_others(point, axis), digest)
    return tuple(path for path, axis in found.items() if axis.compared and not axis.differs)


def _others(point: Point, axis: str) -> int:
    """Everything of a point but its place on one axis, hashed."""
    kept = [{name: value for name, value in part.items() if name != axis} for part in (point.overrides, point.params)]
    return _short(point.signal.encode() + canonical_json(kept))


def _short(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
