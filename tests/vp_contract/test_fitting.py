"""What does not fit is found where msgspec says it is, without reading its words."""

from __future__ import annotations

import copy
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.packages import ROOT

from vp_contract import EvalSpec, ExperimentSpec, PipelineSpec, ServingSpec, SpecError
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
    assert found == Misfit("expected `int`, found 'Not A Name'", ("Not A Name",))
