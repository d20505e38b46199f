"""Axes of a sweep that changed nothing: all their values gave a signal the same values at every bin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from vp_contract import SCORING_FIELDS
from vp_harness.lake.manifest import canonical_json

_SCORING_AXES: Final = {field: axis for axis, field in SCORING_FIELDS.items()}


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
