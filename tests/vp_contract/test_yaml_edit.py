"""Specs that are written are read back as they were, and a file that is edited keeps what a person wrote in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_contract import (
    CampaignSpec,
    ExperimentSpec,
    InstrumentLock,
    PipelineSpec,
    ServingSpec,
    SpecError,
    dump_spec,
    edit_yaml,
)
from vp_contract.yaml.reading import load_yaml, parse_yaml

CONFIGS = Path(__file__).parents[2] / "configs"
KINDS: dict[str, type[Any]] = {
    "instruments": InstrumentLock,
    "pipelines": PipelineSpec,
    "serving": ServingSpec,
    "experiments": ExperimentSpec,
    "campaigns": CampaignSpec,
}
SHIPPED = [(path, kind) for folder, kind in KINDS.items() for path in sorted((CONFIGS / folder).glob("*.yaml"))]
SPEC = b"""# what it is of
name: small   # the file's name
description: "no"
capture:
  product_type: future_mbo
  symbol: SYNM6
  dt: 2026-02-06
  start_time: 09:25   # New York

  # half an hour
  end_time: '09:55'
pipeline:
  tau_jerk: 10.0  # seconds
"""


def comments(data: bytes) -> list[bytes]:
    return re.findall(rb"#.*", data)


@pytest.mark.parametrize(("path", "kind"), SHIPPED, ids=lambda value: getattr(value, "stem", ""))
def test_every_shipped_spec_is_read_back_equal_and_edited_with_its_comments(path: Path, kind: type[Any]) -> None:
    spec = load_yaml(path, kind)
    assert parse_yaml(dump_spec(spec), kind, file="it.yaml") == spec
    data = path.read_bytes()
    edited = edit_yaml(data, kind, {}, file=path.name)
    assert parse_yaml(edited, kind, file=path.name) == spec
    assert comments(edited) == comments(data)
    assert [line.split() for line in edited.splitlines()] == [line.split() for line in data.splitlines()]


def test_only_the_lines_that_are_changed_change() -> None:
    edited = edit_yaml(
        SPEC, PipelineSpec, {"pipeline.tau_jerk": 12.5, "pipeline.flow_windows": (5, 10)}, file="small.yaml"
    )
    assert comments(edited) == comments(SPEC)
    before, after = SPEC.splitlines(), edited.splitlines()
    assert after[: len(before) - 1] == before[:-1]
    assert re.fullmatch(rb"  tau_jerk: 12\.5 +# seconds", after[len(before) - 1])
    spec = parse_yaml(edited, PipelineSpec, file="small.yaml")
    assert (spec.pipeline.tau_jerk, spec.pipeline.flow_windows) == (12.5, (5, 10))


def test_a_section_that_is_not_there_is_added() -> None:
    data = SPEC[: SPEC.index(b"pipeline:")]
    spec = parse_yaml(
        edit_yaml(data, PipelineSpec, {"pipeline.c1_v_add": 2.0}, file="small.yaml"), PipelineSpec, file="small.yaml"
    )
    assert spec.pipeline.c1_v_add == 2.0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"pipeline.tau_jork": 1.0}, r"small\.yaml:\d+: pipeline\.tau_jork: unknown field; allowed: grid_radius"),
        ({"capture.end_time": "9:20"}, r"small\.yaml:11: capture\.end_time='9:20': must be a time as HH:MM"),
        ({"name.short": "x"}, r"small\.yaml: name\.short: cannot set what is below name"),
    ],
)
def test_what_the_spec_does_not_allow_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(SpecError, match=problem):
        edit_yaml(SPEC, PipelineSpec, changes, file="small.yaml")


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_written_and_read_back(text: str) -> None:
    """Words that YAML reads as something else, line breaks, comment signs, control characters."""
    try:
        edited = edit_yaml(SPEC, PipelineSpec, {"description": text}, file="small.yaml")
    except SpecError:
        # refused is allowed only for what no YAML document can hold as it is
        assert not text.isprintable()
        return
    assert parse_yaml(edited, PipelineSpec, file="small.yaml").description == text
    assert parse_yaml(dump_spec(parse_yaml(edited, PipelineSpec, file="a")), PipelineSpec, file="a").description == text
