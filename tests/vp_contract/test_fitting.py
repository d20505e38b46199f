"""What does not fit is found where msgspec says it is, without reading its words."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.packages import ROOT

from vp_contract import EvalSpec, ExperimentSpec, History, PipelineSpec, Seek, ServingSpec, SpecError, convert_text
from vp_contract.errors import shown
from vp_contract.fitting import Misfit, misfit, steps
from vp_contract.yaml import convert_plain
from vp_contract.yaml.reading import parse_plain

KINDS: dict[str, type[Any]] = {"pipelines": PipelineSpec, "serving": ServingSpec, "experiments": ExperimentSpec}
DOCUMENTS = [
    (file.read_bytes(), KINDS[folder]) for folder in KINDS for file in (ROOT / "configs" / folder).glob("*.yaml")
]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**7), st.floats(-1, 1), st.text(max_size=4), st.just([]), st.just({})
)


class Tagged(msgspec.Struct, tag="tagged", forbid_unknown_fields=True):
    first: int = 0


@dataclass(frozen=True)
class Plain:
    """A class as a plug-in may have for its parameters."""

    first: int
    second: int = 2

    def __post_init__(self) -> None:
        if self.second <= self.first:
            raise ValueError("second must be above first")


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


@given(st.data())
def test_the_texts_are_of_our_words(data: st.DataObject) -> None:
    """Whatever is wrong with a value; msgspec has types in backquotes and places that begin with a dollar."""
    kinds = (Tagged, Plain, History | Seek, EvalSpec)
    value = data.draw(st.dictionaries(st.sampled_from(("type", "from", "to", "first", "second", "bin_seq")), VALUES))
    found = misfit(value, data.draw(st.sampled_from(kinds)))
    assert found is None or not set(found.problem) & set("`$")


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ({"first": "x"}, Plain, Misfit("must be a whole number", ("first",), "'x'")),
        ({}, Plain, Misfit("is required and missing", ("first",))),
        ({"first": 1, "second": 1}, Plain, Misfit("second must be above first", ())),
        ({"type": "other", "first": 1}, Tagged, Misfit("must be tagged", ("type",), "'other'")),
        ({"type": 1.5}, Tagged | Seek, Misfit("must be one of seek, tagged", ("type",), "1.5")),
        ({"type": "tagged", "third": 1}, Tagged | Seek, Misfit("unknown field; allowed: first", ("third",))),
    ],
)
def test_what_does_not_fit_is_found(value: object, kind: Any, found: Misfit) -> None:
    assert misfit(value, kind) == found


def test_a_tag_may_be_left_out_where_there_is_one_kind() -> None:
    assert misfit({"first": 1}, Tagged) is None
    assert misfit({"first": "x"}, Tagged) == Misfit("must be a whole number", ("first",), "'x'")


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("0", Annotated[int, msgspec.Meta(ge=1)], "top_n=0: must be a whole number of at least 1"),
        ("1.5", int, "top_n=1.5: must be a whole number"),
        ("many", int, "top_n='many': must be a whole number"),
        ("", float, "top_n='': must be a number"),
        ("up", Literal["best", "worst"], "top_n='up': must be one of best, worst"),
        ("7", Literal["best", "worst"] | None, "top_n=7: must be one of best, worst or null"),
        ("maybe", bool, "top_n='maybe': must be true or false"),
    ],
)
def test_a_text_that_does_not_fit_stands_beside_its_parameter(text: str, kind: Any, says: str) -> None:
    with pytest.raises(SpecError) as refused:
        convert_text(text, kind, field="top_n")
    assert str(refused.value) == says


def test_a_text_is_read_as_what_the_parameter_is() -> None:
    assert convert_text("7", int, field="x") == 7
    assert convert_text("7", str, field="x") == "7"
    assert convert_text("true", bool, field="x") is True


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
