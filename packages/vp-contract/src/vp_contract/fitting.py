"""Why a value does not fit a type, and where: found by trying its parts, not by reading what msgspec says of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import Meta, Struct, structs

from vp_contract._types import WORDS
from vp_contract.errors import SpecError, shown

T = TypeVar("T")

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


def decode_json(data: bytes | str, decoder: msgspec.json.Decoder[T]) -> T:
    """JSON that anyone may have sent as the type of `decoder`.

    Raises `SpecError`, which has the field, the value and what is allowed, or that the text is no JSON::

        decode_json(b'{"type":"seek","bin_seq":-1}', msgspec.json.Decoder(Seek))
        # SpecError: bin_seq=-1: must be a whole number from 0 to 9007199254740991
    """
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        refused = error
    try:
        plain = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise SpecError(_unreadable(data)) from refused
    found = misfit(plain, decoder.type) or Misfit("is not what is allowed here", ())
    raise SpecError(found.problem, field=dotted(found.path), found=found.found, related=found.related) from refused


def convert_text(text: str, kind: Any, *, field: str) -> Any:
    """The text of a parameter called `field` as a `kind`, with numbers and truth read from their digits and words.

    Raises `SpecError`, which has the parameter, the value and what is allowed::

        convert_text("0", Annotated[int, Meta(ge=1, le=1000)], field="top_n")
        # SpecError: top_n=0: must be a whole number from 1 to 1000
    """
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        refused = error
    value = _read(text)
    found = misfit(value, kind) or misfit(text, kind) or Misfit("is not what is allowed here", ())
    raise SpecError(found.problem, field=field, found=shown(value)) from refused


def _read(text: str) -> int | float | str:
    """The number that a text is, or the text."""
    try:
        return msgspec.convert(text, int | float, strict=False)
    except msgspec.ValidationError:
        return text


def _unreadable(data: bytes | str) -> str:
    """Why a text is no JSON. Python's parser has the place, where it refuses the text as well."""
    place = ""
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        place = f" at character {error.pos + 1}"
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start + 1}; must be JSON in UTF-8"
    except (ValueError, RecursionError):
        pass
    return f"is not JSON{place}; must be one JSON object"


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
    if isinstance(cause, (TypeError, ValueError)):
        return Misfit(str(cause), ())
    return Misfit(_explained(str(refused), kind), (), shown(value))


def steps(field: str) -> tuple[Step, ...]:
    """The path that a dotted field name like `sweep.scoring.tanh_scale[1]` stands for."""
    found: list[Step] = []
    for part in field.split(".") if field else ():
        name, *positions = part.split("[")
        found += [*([name] if name else ()), *(int(position.rstrip("]")) for position in positions)]
    return tuple(found)


def dotted(path: Iterable[Step]) -> str:
    """The name of a path: `sweep.scoring.tanh_scale[1]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _in_parts(value: object, kind: Any) -> Iterator[Misfit]:
    """What does not fit in the parts of a value that has parts."""
    members = _members(kind)
    if isinstance(value, dict):
        candidates = [member for member in members if isinstance(member, type) and _has_fields(member)]
        if candidates:
            yield from _in_struct(value, candidates)
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


def _has_fields(kind: type) -> bool:
    return issubclass(kind, Struct) or dataclasses.is_dataclass(kind)


def _in_struct(value: dict[str, object], kinds: list[type[Any]]) -> Iterator[Misfit]:
    """What does not fit in the one of `kinds` that the value names by its tag, or in the only one."""
    struct = kinds[0]
    tag_field = struct.__struct_config__.tag_field if issubclass(struct, Struct) else None
    if tag_field is not None:
        tagged = {kind.__struct_config__.tag: kind for kind in kinds}
        tag = value.get(tag_field, None if len(kinds) > 1 else struct.__struct_config__.tag)
        if not isinstance(tag, (str, int)) or tag not in tagged:
            allowed = f"must be {'one of ' if len(kinds) > 1 else ''}{', '.join(sorted(map(str, tagged)))}"
            missing = tag_field not in value
            yield Misfit(
                f"is required and missing; {allowed}" if missing else allowed,
                (tag_field,),
                None if missing else shown(tag),
            )
            return
        struct = tagged[tag]
    yield from _in_fields(value, struct, tag_field)


def _in_fields(value: dict[str, object], struct: type[Any], tag_field: str | None) -> Iterator[Misfit]:
    fields = _fields(struct)
    closed = issubclass(struct, Struct) and struct.__struct_config__.forbid_unknown_fields
    for name, part in value.items():
        if name == tag_field:
            continue
        if name in fields:
            found = misfit(part, fields[name].kind)
            if found is not None:
                yield found._replace(path=(name, *found.path))
        elif closed:
            yield Misfit(f"unknown field; allowed: {', '.join(fields)}", (name,))
    for name, field in fields.items():
        if field.required and name not in value:
            yield Misfit("is required and missing", (name,))


class _Field(NamedTuple):
    kind: Any
    required: bool


def _fields(struct: type[Any]) -> dict[str, _Field]:
    """The fields of a struct or dataclass, by the names that they have in a document."""
    if issubclass(struct, Struct):
        return {field.encode_name: _Field(field.type, field.required) for field in structs.fields(struct)}
    kinds, missing = get_type_hints(struct, include_extras=True), dataclasses.MISSING
    return {
        field.name: _Field(kinds[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(struct)
    }


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
    return "a mapping of fields" if isinstance(kind, type) and _has_fields(kind) else None


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
