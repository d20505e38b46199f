"""Why a value does not fit a struct, and where: found by trying its parts, not by reading what msgspec says of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import Struct, structs

from vp_contract.errors import SpecError

Step: TypeAlias = str | int
"""A key of a mapping or an index of a list; several make a path."""

_SHOWN: Final = (str, int, float)


class Misfit(NamedTuple):
    """What is wrong with a value, the path to it, and the names of other fields of its struct that are part of it."""

    problem: str
    path: tuple[Step, ...]
    related: tuple[str, ...] = ()


def misfit(value: object, kind: Any) -> Misfit | None:
    """Why `value`, of JSON's types, is no `kind`; None when it is one.

    The first field that does not fit is named, in the order of the document, then what is missing, then what the struct
    itself refuses::

        misfit({"latency_bins": "soon"}, EvalSpec) == Misfit("expected `int`, found 'soon'", ("latency_bins",))
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
        return Misfit(cause.problem, steps(cause.field), cause.related)
    return Misfit(_explained(str(refused), value, kind), ())


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
        parts = [(name, *tried) for name, part in value.items() for tried in ((name, key), (part, item))]
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
            yield Misfit(f"unknown field, allowed: {', '.join(fields)}", (name,))
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


def _explained(problem: str, value: object, kind: Any) -> str:
    """msgspec's text in our words: the choices there are, and the value found."""
    choices = [choice for member in _members(kind) if get_origin(member) is Literal for choice in get_args(member)]
    if choices:
        problem = f"expected one of {', '.join(sorted(map(str, choices)))}"
    if isinstance(value, _SHOWN) and not isinstance(value, bool):
        problem = f"{problem.partition(', got')[0]}, found {value!r}"
    return problem[:1].lower() + problem[1:]
