"""The numbers of a release are pinned: a deliberate change of them is a minor version bump and a changelog line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.digest_table import hold_to_the_table

from vp_book import Instrument, conformance_digest, replay
from vp_book.conformance import STEP, fixed_input, numbers
from vp_book.conformance._scenarios import SCENARIOS

GOLDEN = Path(__file__).parent / "golden" / "conformance.json"


MARGIN = 5e-14
"""Some 200 units in the last place of the largest number of a column."""


def test_digest_is_the_released_one() -> None:
    hold_to_the_table("vp_book", conformance_digest())


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_number_of_the_digest_lies_where_the_last_bits_of_an_exp_decide(name: str) -> None:
    """If an input that was changed fails here, another seed of its market does not."""
    for value in SCENARIOS[name]():
        for array in numbers(value):
            if array.dtype.kind == "f" and array.any():
                steps = array[array != 0.0] / STEP
                to_the_edge = np.abs(steps - np.floor(steps) - 0.5) * STEP
                assert to_the_edge.min() > MARGIN * np.abs(array).max()


def test_words_are_no_part_of_the_digest() -> None:
    plain = {"ok": False, "reasons": ["one"], "share": 0.5, "events": 3, "damage": None}
    other = plain | {"reasons": ["other words"], "damage": "a word"}
    assert [array.tolist() for array in numbers(plain)] == [array.tolist() for array in numbers(other)]
    assert [array.tolist() for array in numbers(plain)] == [[0.5], [3, 0], [1]]
    for changed in (plain | {"events": 4}, plain | {"reasons": []}, plain | {"share": 0.25}):
        assert [array.tolist() for array in numbers(plain)] != [array.tolist() for array in numbers(changed)]


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
