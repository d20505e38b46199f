"""Published servings: exact round trips, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sources import invented_sources

from vp_contract import (
    PublishedServing,
    RuntimeConfig,
    RuntimeConfigMessage,
    ServingSource,
    SpecError,
    decode_server_message,
    dump_published,
    load_published,
    parse_published,
    serving_id_of,
)

GOLDEN = Path(__file__).parent / "golden"
RUN = "0123456789abcdef"


def _published(config: RuntimeConfig, **changes: Any) -> PublishedServing:
    fields: dict[str, Any] = {
        "serving_id": serving_id_of("tried", RUN, config),
        "created_utc": "2026-02-06T21:00:00Z",
        "source": ServingSource(
            run_id=RUN, experiment="tried", dataset_id="synm6_x", threshold=0.1, eval={"tp_ticks": 8}
        ),
        "runtime": config,
        "sources": invented_sources(config),
        "versions": {"vp_book": "0.1.0", "vp_spectrum": "0.1.0"},
        "digests": {"vp_book": "a" * 64, "vp_spectrum": "b" * 64},
        "evidence": {"tp_rate": 0.41, "interval": [0.37, 0.45], "note": "first\nlight: 100 %"},
    }
    return PublishedServing(**{**fields, **changes})


@pytest.fixture
def published(config: RuntimeConfig) -> PublishedServing:
    return _published(config)


def test_id_is_made_of_experiment_run_and_config(published: PublishedServing, config: RuntimeConfig) -> None:
    assert published.serving_id == f"srv_tried_01234567_{config.config_version[:8]}"


def test_file_round_trip(published: PublishedServing, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(dump_published(published))
    assert load_published(path) == published
    assert dump_published(load_published(path)) == path.read_bytes()
    assert load_published(path).runtime.config_version == published.runtime.config_version


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(evidence=st.dictionaries(st.text(max_size=12), _JSON, max_size=4), tau=st.floats(0.001, 4.9))
@settings(max_examples=30, deadline=None)
def test_any_evidence_round_trips_exactly_or_is_refused(evidence: dict[str, Any], tau: float) -> None:
    message = decode_server_message((GOLDEN / "runtime_config.json").read_bytes())
    assert isinstance(message, RuntimeConfigMessage)
    spec = _published(message.config.replace(tau_velocity=tau), evidence=evidence)
    data = dump_published(spec)
    back = parse_published(data, file="x")
    assert back == spec
    assert repr(back.evidence) == repr(evidence)  # 1 and 1.0 and True are equal, their texts are not
    assert back.runtime.canonical_json() == spec.runtime.canonical_json()
    assert dump_published(back) == data


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        ({"pnl": float("nan")}, "evidence.pnl=nan: must be a finite number"),
        ({"a": [0, {"b": float("inf")}]}, r"evidence.a\[1\].b=inf: must be a finite number"),
        ({"a": np.float64(1.0)}, "is a float64"),
        ({"a": {1: 2}}, "evidence.a: keys must be text, one is 1"),
        ({"a": b"x"}, "is a bytes"),
    ],
)
def test_evidence_that_cannot_be_read_back(config: RuntimeConfig, evidence: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        _published(config, evidence=evidence)


def test_evidence_without_end(config: RuntimeConfig) -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    with pytest.raises(SpecError, match="nested deeper than"):
        _published(config, evidence=loop)


def test_wrong_ids_and_missing_digests(config: RuntimeConfig) -> None:
    with pytest.raises(SpecError, match="serving_id='srv_tried_01234567_00000000': must be 'srv_tried_01234567_"):
        _published(config, serving_id="srv_tried_01234567_00000000")
    with pytest.raises(SpecError, match=r"digests.vp_spectrum: is required and missing"):
        _published(config, digests={"vp_book": "a"})
    with pytest.raises(SpecError, match="created_utc"):
        dump_published(_published(config, created_utc="yesterday"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  tau_velocity: 2.0", "  tau_velocity: 2.5", "serving_id=.*: must be"),
        ("  tau_velocity: 2.0\n", "", r"x.yaml:\d+: runtime.tau_velocity: is required and missing"),
        ("  tau_velocity: 2.0", "  tau_velocity: 2.0\n  tau_new: 1.0", r"x.yaml:\d+: runtime.tau_new: unknown field"),
        ("  tau_velocity: 2.0", "  tau_velocity: 20.0", "runtime.tau_velocity=20.0: tau_velocity < tau_acceleration"),
        ("source:", "source:\n  extra: 1", "source.extra: unknown field; allowed: run_id"),
        ("    size: 7", "    size: 7\n    extra: 1", "sources.files.* unknown field"),
        ("sha256: cc", "sha256: xx", "sources.files"),
        ("name: synm6-2026", "name: ../synm6-2026", "sources.files"),
        ("\nversions:", "\nversion:", "version: unknown field; allowed: serving_id"),
        (f"run_id: {RUN}", "run_id: 12", "source.run_id=12: must be 16 hex digits"),
    ],
)
def test_edited_documents(published: PublishedServing, old: str, new: str, says: str) -> None:
    text = dump_published(published).decode()
    assert old in text
    with pytest.raises(SpecError, match=says):
        parse_published(text.replace(old, new, 1).encode(), file="x.yaml")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"symbol": "ESH4"}, "symbol"),
        ({"publisher": 1}, "publisher"),
        ({"on_damage": "until_damage"}, "on_damage"),
        ({"on_short": "end_early"}, "on_short"),
        ({"max_silence_s": 5.0}, "max_silence_s"),
    ],
)
def test_sources_of_another_config(config: RuntimeConfig, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError, match=f"sources.{field}=.*: must be .*, as the runtime config has it"):
        _published(config, sources=invented_sources(config, **changes))


def test_differences(published: PublishedServing, config: RuntimeConfig) -> None:
    later = msgspec.structs.replace(published, created_utc="2027-01-01T00:00:00Z")
    assert published.differences(later) == ()
    assert published.differences(_published(config, evidence={})) == ("evidence",)
    listed = _published(config, evidence={"interval": [1, 2]})
    assert listed.differences(_published(config, evidence={"interval": (1, 2)})) == ()
