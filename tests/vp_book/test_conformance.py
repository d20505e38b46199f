"""The numbers of a release are pinned: a deliberate change of them is a minor version bump and a changelog line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vp_book import Instrument, conformance_digest, replay
from vp_book.conformance import fixed_input

GOLDEN = Path(__file__).parent / "golden" / "conformance.json"


def test_digest_is_the_released_one() -> None:
    assert conformance_digest() == json.loads(GOLDEN.read_text())["digest"]


def test_golden_bins() -> None:
    golden = json.loads(GOLDEN.read_text())
    bins = list(
        replay(
            [fixed_input()], Instrument("CONF", "0.25"), cell_width_ms=50, grid_radius_ticks=20, n_absolute_ticks=1024
        )
    )
    assert len(bins) == golden["bins"]
    for expected in golden["samples"]:
        bin_ = bins[expected["fields"]["bin_seq"]]
        assert bin_.fields == expected["fields"]
        for name, column in expected["cells"].items():
            assert bin_.cells[name].tolist() == pytest.approx(column, rel=1e-12, abs=1e-15), name
