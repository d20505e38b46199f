"""Which market a capture shows: what of a source decides it, and which times a capture has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sources import invented_sources

from vp_contract import CaptureSpec, RuntimeConfig, SourceFile, SpecError


def file(number: int = 1, **changes: Any) -> SourceFile:
    fields = {"name": f"f{number}.dbn", "sha256": f"{number:064x}", "size": number, "path": f"raw/f{number}.dbn"}
    return SourceFile(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"publisher": 2},
        {"on_damage": "until_damage"},
        {"on_short": "end_early"},
        {"max_silence_s": 60.0},
        {"start_ns": 1_770_387_900_000_000_001},
        {"end_ns": 1_770_389_700_000_000_001},
        {"warm_up_s": 0},
        {"files": (file(1),)},
        {"files": (file(1), file(2))},
    ],
)
def test_each_of_these_is_another_market(config: RuntimeConfig, changes: dict[str, Any]) -> None:
    assert invented_sources(config, **changes).sha256 != invented_sources(config).sha256


def test_the_order_of_files_counts_and_their_names_and_places_do_not(config: RuntimeConfig) -> None:
    two = invented_sources(config, files=(file(1), file(2)))
    assert two.names == ("f1.dbn", "f2.dbn")
    assert invented_sources(config, files=(file(2), file(1))).sha256 != two.sha256
    moved = invented_sources(config, files=(file(1, name="x.dbn", path="x"), file(2)))
    assert moved.sha256 == two.sha256
    assert moved.decides() == two.decides()


def test_a_capture_that_ends_where_it_begins(config: RuntimeConfig) -> None:
    with pytest.raises(SpecError, match="end_ns=5: must be a time after start_ns 5"):
        invented_sources(config, start_ns=5, end_ns=5)


@given(st.times(), st.times())
def test_an_end_at_or_before_the_start_is_of_the_next_day(start: Any, end: Any) -> None:
    start_time, end_time = f"{start:%H:%M}", f"{end:%H:%M}"
    capture: dict[str, Any] = {"dt": "2026-02-28", "start_time": start_time, "end_time": end_time}
    config = RuntimeConfig(
        product_type="future_mbo", symbol="A", symbol_root="A", tick_size="0.25", pipeline="p", **capture
    )
    assert config.end_dt == ("2026-02-28" if start_time < end_time else "2026-03-01")
    assert CaptureSpec(product_type="future_mbo", symbol="A", **capture).end_time == end_time
