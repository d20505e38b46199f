"""Which value of a sweep's axes an error is about, and where it stands in the spec's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vp_contract import SpecError
from vp_contract.yaml import line_of
from vp_harness.errors import SignalError


class AxisValue(NamedTuple):
    """One coordinate of a point: its path in the spec, and the field that it sets."""

    path: str
    field: str
    value: Any


def axis_values(
    group: str, axes: Mapping[str, Sequence[Any]], point: Mapping[str, Any], fields: Mapping[str, str] | None = None
) -> list[AxisValue]:
    """The coordinates of `point` on the axes of one group; `fields` maps an axis to the field that it sets."""
    return [
        AxisValue(f"{group}.{axis}[{list(axes[axis]).index(value)}]", (fields or {}).get(axis, axis), value)
        for axis, value in point.items()
        if axis in axes
    ]


def axis_problem(file: Path | None, group: str, values: Sequence[AxisValue], error: Exception) -> str:
    """The text of `error` with file, line and path of the value to blame, or of `group` when it fits none of them."""
    field, problem = "", str(error)
    about: tuple[str, ...] = ()
    refused = ""
    if isinstance(error, SpecError):
        refused = "" if error.found is None else f"={error.found}"
        field = error.field.partition("[")[0]
        about, problem = (field, *error.related), error.problem.replace("the overrides", "the axes")
    elif isinstance(error, SignalError):
        about = error.parameters
    # the field in question, or the first that it was compared with
    blamed = [value for name in about for value in values if value.field == name]
    path = blamed[0].path if blamed else group
    if field and (not blamed or blamed[0].field != field):
        problem = f"{field}{refused}: {problem}"
        refused = ""
    if len(values) > 1:
        problem += f" (at {', '.join(f'{value.field} {value.value}' for value in values)})"
    return f"{place_of(file, path)}{path}{refused}: {problem}"


def place_of(file: Path | None, path: str) -> str:
    """`FILE:LINE: ` of a field of a spec; nothing when it was read from no file."""
    if file is None:
        return ""
    line = line_of(file, path)
    return f"{file}: " if line is None else f"{file}:{line}: "
