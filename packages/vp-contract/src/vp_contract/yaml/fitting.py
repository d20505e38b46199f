"""Why a value does not fit a struct, and where: found by trying its parts, not by reading what msgspec says of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, structs

from vp_contract._types import WORDS
from vp_contract.errors import SpecError, shown

Step: TypeAlias = str | int
"""A key of a mapping or an index of a list; several make a path."""

_PLAIN: Final = {bool: "true or false", int: "a whole number", float: "a number", Decimal: "a decimal number"}


class Misfit(NamedTuple):
    """What is wrong with a value, the path to it, the value as it is shown, and other fields of its struct.

    `found` is None where there is no value, as with a field that is missing.
    """

    problem: str
    path: tuple[Step, ...]
    found: str | None = None
    related: tuple[str, ...] = ()


def misfit(value: object, kind: Any) -> Misfit | None:
    """Why `value`, of JSON's types, is no `kind`; None when it is one.

    The first field that does not fit is named, in the order of the document, then what is missing, then what the struct
    itself refuses::

        found = misfit({"latency_bins": "soon"}, EvalSpec)
        found == Misfit("must be a whole number from 0 to 1000000", ("latency_bins",), "'soon'")
    """
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        refused = error
    else:
        return None
    found = next(_in_parts(value, kind), None)
    if found is not None:
        return found
    cause = refused.__cause__
    if isinstance(cause, SpecError):  # of the struct's own checks
        return Misfit(cause.problem, steps(cause.field), cause.found, cause.related)
    return Misfit(_explained(str(refused), kind), (), shown(value))


def steps(field: str) -> tuple[Step, ...]:
    """The path that a dotted field name like `sweep.scoring.tanh_scale[1]` stands for."""
    found: list[Step] = []
    for part in field.split(".") if field else ():
        name, *positions = part.split("[")
        found += [*([name] if name else ()), *(int(position.rstrip("]")) for position in positions)]
    return tuple(found)


def _in_parts(value: object, kind: Any) -> Iterator[Misfit]:
    """What does not fit in the parts of a value that has parts."""
    members = _members(kind)
    if isinstance(value, dict):
        struct = next((member for member in members if isinstance(member, type) and issubclass(member, Struct)), None)
        if struct is not None:
            yield from _in_fields(value, struct)
            return
        key, item = next((get_args(member) for member in members if get_origin(member) is dict), (Any, Any))
        for name in value:
            refused = misfit(name, key)
            if refused is not None:
                yield Misfit(f"is not a name that is allowed here: it {refused.problem}", (name,))
        parts = [(name, part, item) for name, part in value.items()]
    elif isinstance(value, (list, tuple)):
        types = next((get_args(member) for member in members if get_origin(member) in (list, tuple)), ())
        repeated = len(types) == 1 or types[1:] == (Ellipsis,)
        kinds = types[:1] * len(value) if repeated else types
        parts = list(zip(range(len(value)), value, kinds, strict=False))
    else:
        return
    for step, part, part_kind in parts:
        found = misfit(part, part_kind)
        if found is not None:
            yield found._replace(path=(step, *found.path))


def _in_fields(value: dict[str, object], struct: type[Struct]) -> Iterator[Misfit]:
    fields = {field.encode_name: field for field in structs.fields(struct)}
    for name, part in value.items():
        if name in fields:
            found = misfit(part, fields[name].type)
            if found is not None:
                yield found._replace(path=(name, *found.path))
        elif struct.__struct_config__.forbid_unknown_fields:
            yield Misfit(f"unknown field; allowed: {', '.join(fields)}", (name,))
    for name, field in fields.items():
        if field.required and name not in value:
            yield Misfit("is required and missing", (name,))


def _members(kind: Any) -> list[Any]:
    """The types that a value may have, without annotations: those of a union, or the one."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [member for one in get_args(kind) for member in _members(one)]
    return [kind]


def _explained(problem: str, kind: Any) -> str:
    """What a `kind` must be, in our words; msgspec's own where there are none."""
    members = [member for member in _annotated(kind) if member not in (msgspec.UnsetType, type(None))]
    choices = sorted(
        {str(choice) for member in members for choice in get_args(member) if get_origin(member) is Literal}
    )
    words = [_words(member) for member in members if get_origin(member) is not Literal]
    if None in words:
        return problem[:1].lower() + problem[1:]
    allowed = [f"{'one of ' if len(choices) > 1 else ''}{', '.join(choices)}"] if choices else []
    allowed += dict.fromkeys(filter(None, words))
    if type(None) in _members(kind):
        allowed.append("null")
    return f"must be {' or '.join(allowed)}"


def _annotated(kind: Any) -> list[Any]:
    """The types that a value may have, each with its own bounds."""
    if get_origin(kind) in (Union, UnionType):
        return [member for one in get_args(kind) for member in _annotated(one)]
    return [kind]


def _words(kind: Any) -> str | None:
    """What one type allows: `a whole number from 1 to 10000`; None where there are no words for it."""
    limits: Meta | None = None
    if get_origin(kind) is Annotated:
        kind, *notes = get_args(kind)
        limits = next((note for note in notes if isinstance(note, Meta)), None)
    if kind in _PLAIN:
        return f"{_PLAIN[kind]}{_bounds(limits)}"
    if kind is str:
        if limits is not None and limits.pattern is not None:
            words = (limits.extra or {}).get(WORDS, f"text that matches {limits.pattern}")
            return words if limits.max_length is None else f"{words}; at most {limits.max_length} characters"
        return f"text{_lengths(limits, 'characters')}"
    if get_origin(kind) in (list, tuple):
        parts = get_args(kind)
        if get_origin(kind) is tuple and parts[1:] != (Ellipsis,):
            return f"a list of {len(parts)} values"
        return f"a list{_lengths(limits, 'values')}"
    if get_origin(kind) is dict:
        return "a mapping"
    return "a mapping of fields" if isinstance(kind, type) and issubclass(kind, Struct) else None


def _bounds(limits: Meta | None) -> str:
    """` from 1 to 10`, ` of at least 1`, ` above 0`: the ends that there are."""
    if limits is None:
        return ""
    above, low, high = limits.gt, limits.ge, limits.le
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    ends = [
        f"{word} {_number(end)}"
        for word, end in (("above", above), ("of at least", low), ("below", limits.lt), ("at most", high))
        if end is not None
    ]
    return f" {' and '.join(ends)}" if ends else ""


def _number(end: float) -> str:
    return f"{end:.0f}" if abs(end) >= 1 and end == int(end) else f"{end:g}"


def _lengths(limits: Meta | None, unit: str) -> str:
    least, most = (None, None) if limits is None else (limits.min_length, limits.max_length)
    if most is None:
        return f" of at least {least} {unit}" if least else ""
    return f" of {least} to {most} {unit}" if least else f" of at most {most} {unit}"
