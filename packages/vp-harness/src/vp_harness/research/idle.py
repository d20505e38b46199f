"""Axes of a sweep that changed nothing: all their values gave a signal the same values at every bin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
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


def idle_axes(points: Iterable[Point]) -> tuple[str, ...]:
    """Paths of the axes whose values differ nowhere, all else being equal.

    An axis of the datasets is one only when no signal differs along it. Points without a digest say nothing.
    """
    found: defaultdict[str, defaultdict[Hashable, list[str]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        if not point.digest:
            continue
        for axis in point.params:
            found[f"sweep.per_signal.{point.signal}.{axis}"][_others(point, axis)].append(point.digest)
        for axis in point.overrides:
            group = f"scoring.{_SCORING_AXES[axis]}" if axis in _SCORING_AXES else f"pipeline.{axis}"
            found[f"sweep.{group}"][_others(point, axis)].append(point.digest)
    return tuple(
        path
        for path, groups in found.items()
        if any(len(digests) > 1 for digests in groups.values())
        and all(len(set(digests)) == 1 for digests in groups.values())
    )


def _others(point: Point, axis: str) -> Hashable:
    """Everything of a point but its place on one axis."""
    kept = [{name: value for name, value in part.items() if name != axis} for part in (point.overrides, point.params)]
    return point.signal, canonical_json(kept)
