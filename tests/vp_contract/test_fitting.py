"""What does not fit is found where msgspec says it is, without reading its words."""

from __future__ import annotations

import copy
import re
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.packages import ROOT

from vp_contract import EvalSpec, ExperimentSpec, PipelineSpec, ServingSpec, SpecError
from vp_contract.errors import shown
from vp_contract.yaml import convert_plain
from vp_contract.yaml.fitting import Misfit, misfit, steps
from vp_contract.yaml.reading import parse_plain

KINDS: dict[str, type[Any]] = {"pipelines": PipelineSpec, "serving": ServingSpec, "experiments": ExperimentSpec}
DOCUMENTS = [
    (file.read_bytes(), KINDS[folder]) for folder in KINDS for file in (ROOT / "configs" / folder).glob("*.yaml")
]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**7), st.floats(-1, 1), st.text(max_size=4), st.just([]), st.just({})
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for step, part in items for place in places(part, (*path, step))]


@given(st.data())
def test_the_place_is_the_one_that_msgspec_names(data: st.DataObject) -> None:
    text, kind = data.draw(st.sampled_from(DOCUMENTS))
    plain = copy.deepcopy(parse_plain(text, file="x")[0])
    *outer, last = data.draw(st.sampled_from(places(plain)))
    target: Any = plain
    for step in outer:
        target = target[step]
    target[last] = data.draw(VALUES)
    found = misfit(plain, kind)
    try:
        msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        assert found is not None
        named = re.search(r" - at `\$(?P<path>[^`]*)`$", str(error))
        if named is not None and "[...]" not in named["path"]:  # which is all that it says of an entry of a dict
            path = steps(named["path"].removeprefix("."))
            assert found.path[: len(path)] == path
    else:
        assert found is None


def test_the_fields_that_a_value_was_compared_with_are_named() -> None:
    wrong = {"tp_ticks": 4, "sl_ticks": 4, "latency_bins": 60, "max_hold_bins": 50}
    with pytest.raises(SpecError, match="less than max_hold_bins 50") as caught:
        convert_plain(wrong, EvalSpec)
    assert (caught.value.field, caught.value.related) == ("latency_bins", ("max_hold_bins",))


def test_a_key_that_is_no_name_is_named() -> None:
    found = misfit({"Not A Name": {}}, dict[int, dict[str, int]])
    assert found == Misfit("is not a name that is allowed here: it must be a whole number", ("Not A Name",))


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        ("x", Annotated[float, msgspec.Meta(gt=0.0)], "must be a number above 0"),
        ("x", Annotated[int, msgspec.Meta(ge=2)] | None, "must be a whole number of at least 2 or null"),
        (0.5, Annotated[float, msgspec.Meta(ge=1e-06, lt=0.1)], "must be a number of at least 1e-06 and below 0.1"),
        (3, bool, "must be true or false"),
        ([1], tuple[int, int], "must be a list of 2 values"),
        ("w", EvalSpec | Literal["by_day"], "must be by_day or a mapping of fields"),
        ("", Annotated[str, msgspec.Meta(min_length=1, max_length=9)], "must be text of 1 to 9 characters"),
        ("b", Annotated[str, msgspec.Meta(pattern="^a$")], "must be text that matches ^a$"),
    ],
)
def test_what_is_allowed_is_said_in_words(value: object, kind: Any, says: str) -> None:
    assert misfit(value, kind) == Misfit(says, (), shown(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0.25, "0.25"),
        ("a\nb", r"'a\nb'"),
        ([1, "x"], "[1, 'x']"),
        ([100] * 99, "[…]"),
        ({"a": 1}, "{…}"),
        ({}, "{}"),
        ("x" * 99, f"'{'x' * 78}…"),
    ],
)
def test_a_value_is_shown_short_and_as_yaml_has_it(value: object, text: str) -> None:
    assert shown(value) == text
