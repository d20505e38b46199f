"""The page of spec errors is what the specs say, and every field of every spec says something when it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect
from support.packages import ROOT
from support.spec_errors import EXAMPLES, page

from vp_contract import CampaignSpec, ExperimentSpec, InstrumentLock, PipelineSpec, ServingSpec, SpecError
from vp_contract.yaml.reading import parse_yaml
from vp_contract.yaml.writing import dump_yaml

VALID: dict[type, dict[str, Any]] = {
    InstrumentLock: {"product_type": "future_mbo", "symbol": "SYNM6", "symbol_root": "SYN", "tick_size": "0.25"},
    PipelineSpec: {
        "name": "p",
        "capture": {
            "product_type": "future_mbo",
            "symbol": "SYNM6",
            "dt": "2026-02-06",
            "start_time": "09:25",
            "end_time": "09:55",
        },
        "pipeline": {},
    },
    ServingSpec: {"name": "s", "pipeline": "p", "scoring": {}, "signal": {"name": "derivative"}, "projection": {}},
    ExperimentSpec: {"name": "e", "serving": "s", "eval": {"split": {}}, "sweep": {}, "parallel": {}, "tracking": {}},
    CampaignSpec: {"name": "c", "pipeline": "p", "axes": {}},
}


def test_the_page_is_what_the_specs_say() -> None:
    written = (ROOT / "docs" / "spec-errors.md").read_text(encoding="utf-8")
    assert written == page(), "make it again: cd tests && uv run python -m support.spec_errors > ../docs/spec-errors.md"


def test_every_example_names_its_file() -> None:
    assert len({example.title for example in EXAMPLES}) == len(EXAMPLES)


def fields_of(kind: type, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], inspect.Type]]:
    """Every field of a spec with its type, down to what is no spec itself."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        here = (*path, field.encode_name)
        yield here, field.type
        if isinstance(field.type, inspect.StructType):
            yield from fields_of(field.type.cls, here)


def bad_values(kind: inspect.Type) -> Iterator[Any]:
    """Values that a type must refuse: each of its constraints broken, and another type altogether."""
    types = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    types = tuple(one for one in types if not isinstance(one, inspect.NoneType))
    yield {"strange": {"thing": []}} if not any(isinstance(one, inspect.DictType) for one in types) else "text"
    if len(types) != 1:
        return
    (only,) = types
    if isinstance(only, inspect.IntType | inspect.FloatType):
        yield from (only.ge - 1 for _ in [0] if only.ge is not None)
        yield from (only.gt for _ in [0] if only.gt is not None)
        yield from (only.le + 1 for _ in [0] if only.le is not None)
        yield "text"
        yield float("nan")
    elif isinstance(only, inspect.StrType):
        yield from ("no match \n!" for _ in [0] if only.pattern is not None)
        yield from ("a" * (only.max_length + 1) for _ in [0] if only.max_length is not None)
        yield 5
    elif isinstance(only, inspect.VarTupleType):
        yield from ([] for _ in [0] if only.min_length)
        for value in bad_values(only.item_type):
            yield [value]
        yield "text"
    elif isinstance(only, inspect.TupleType):
        yield []
        yield "text"
    elif isinstance(only, inspect.LiteralType):
        yield "none of them"
    elif isinstance(only, inspect.BoolType):
        yield "yes, please"


CASES = [
    pytest.param(kind, path, value, id=f"{kind.__name__} {'.'.join(path)} {number}")
    for kind in VALID
    for path, field in fields_of(kind)
    for number, value in enumerate(bad_values(field))
]


@pytest.mark.parametrize(("kind", "path", "value"), CASES)
def test_every_constraint_of_every_field_is_an_error_at_its_line(
    kind: type, path: tuple[str, ...], value: object
) -> None:
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(VALID[kind]))
    parse_yaml(dump_yaml(document), kind, file="spec.yaml")
    place = document
    for step in path[:-1]:
        place = place.setdefault(step, {})
    place[path[-1]] = value
    text = dump_yaml(document)
    with pytest.raises(SpecError) as caught:
        parse_yaml(text, kind, file="spec.yaml")
    error = caught.value
    assert error.field.startswith(".".join(path)), str(error)
    first = next(n for n, line in enumerate(text.decode().split("\n"), 1) if line.strip().startswith(f"{path[-1]}:"))
    assert error.line is not None
    assert error.line >= first, str(error)
    assert str(error).startswith(f"spec.yaml:{error.line}: {error.parameter}: ")
    assert error.parameter in (error.field, f"{error.field}={error.found}")


def test_every_field_is_tried() -> None:
    assert len(CASES) > 250
