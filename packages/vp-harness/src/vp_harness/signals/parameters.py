"""What is said about a parameter of a signal: unit, meaning, default and what is allowed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

_UNIT = "unit"


def about(unit: str, meaning: str, **limits: Any) -> Meta:
    """The annotation of a parameter: its unit (empty for a pure number), its meaning, and limits as `msgspec.Meta`
    takes them (`ge`, `gt`, `le`, `lt`)::

        class Params(msgspec.Struct, frozen=True):
            window_bins: Annotated[int, about("bins", "bins the slope is taken over", ge=2, le=3000)] = 10
    """
    return Meta(description=meaning, extra={_UNIT: unit}, **limits)


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: `type` is `int`, `float`, `bool`, `str` or the values there are; `allowed` its limits in words."""

    name: str
    type: str
    default: Any
    unit: str
    meaning: str
    allowed: str


def describe(
    params_type: type[Any],
    names: tuple[str, ...],
    notes: Mapping[str, tuple[str, str]],
    ranges: Mapping[str, tuple[float, float]],
) -> list[Parameter]:
    """The parameters `names` of a Struct or dataclass.

    `notes` has (unit, meaning) and `ranges` (lowest, highest) where the annotations have none.
    """
    hints = get_type_hints(params_type, include_extras=True)
    defaults = _defaults(params_type)
    return [
        _parameter(name, hints[name], defaults[name], notes.get(name, ("", "")), ranges.get(name)) for name in names
    ]


def field_names(params_type: type[Any]) -> tuple[str, ...]:
    """Names of all fields of a Struct or dataclass."""
    if dataclasses.is_dataclass(params_type):
        return tuple(field.name for field in dataclasses.fields(params_type))
    return tuple(getattr(params_type, "__struct_fields__", ()))


def _defaults(params_type: type[Any]) -> dict[str, Any]:
    made = params_type()
    return {name: getattr(made, name) for name in field_names(params_type)}


def _parameter(
    name: str, hint: Any, default: Any, note: tuple[str, str], between: tuple[float, float] | None
) -> Parameter:
    unit, meaning = note
    limits = [] if between is None else [f">= {between[0]}", f"<= {between[1]}"]
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        for meta in (extra for extra in extras if isinstance(extra, Meta)):
            unit = (meta.extra or {}).get(_UNIT, unit)
            meaning = meta.description or meaning
            signs = ((">=", meta.ge), (">", meta.gt), ("<=", meta.le), ("<", meta.lt))
            limits += [f"{sign} {limit}" for sign, limit in signs if limit is not None]
    if get_origin(hint) is Literal:
        kind = " | ".join(str(value) for value in get_args(hint))
    else:
        kind = getattr(hint, "__name__", str(hint))
    return Parameter(name, kind, default, unit, meaning, ", ".join(limits))


ZScoreWindow = Annotated[int, about("bins", "window of the robust z-score", ge=2, le=10_000)]
ZScoreMinimum = Annotated[int, about("bins", "fewest values of a z-score; it is 0 with fewer", ge=1, le=10_000)]
TanhScale = Annotated[float, about("", "divides z before the tanh", gt=0, le=1e6)]
Weight = Annotated[float, about("", "weight of the part in the blend", ge=0, le=1e6)]


def check_minimum(window_bins: int, min_periods: int) -> None:
    """ValueError when a z-score needs more values than its window has."""
    if min_periods > window_bins:
        raise ValueError(
            f"zscore_min_periods={min_periods}: must be at most zscore_window_bins, which is {window_bins}"
        )
