"""The chain: the pieces in their order, the same numbers as the pieces alone, and the golden vectors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from support import spectrum_golden
from support.digest_table import hold_to_the_table

import vp_spectrum as vs
from vp_spectrum.conformance import built_in_bins

SPECTRUM = vs.SpectrumParams(zscore_window=20, zscore_min_periods=5, horizons_ms=(100, 500))
STAGE = vs.DerivativeParams(zscore_window_bins=20, zscore_min_periods=5)


@dataclass
class Bin:
    fields: dict[str, Any] = field(
        default_factory=lambda: {"ts_ns": 1, "ask_reprice_sign": 1, "bid_reprice_sign": 1, "mid_price": 1.5}
    )
    pressure: np.ndarray = field(default_factory=lambda: np.ones(11))
    vacuum: np.ndarray = field(default_factory=lambda: np.zeros(11))
    window_lo: int = 3
    shift_cells: int = 0
    cells: dict[str, np.ndarray] = field(default_factory=dict)


def test_the_chain_is_its_pieces() -> None:
    chain = vs.ScoreChain(SPECTRUM, STAGE, 48, 6)
    spectrum, stage, rows = vs.CellSpectrum(SPECTRUM, 48), vs.DerivativeStage(STAGE, range(-6, 7)), np.arange(-6, 7)
    for source in built_in_bins():
        scored = chain.update(source)
        spectrum.shift(source.shift_cells)
        fields: Any = source.fields
        frame = spectrum.update(
            fields["ts_ns"], source.pressure, source.vacuum, source.window_lo, source.window_lo + 13
        )
        codes = vs.state5_codes(fields["ask_reprice_sign"], fields["bid_reprice_sign"], rows)
        expected = {name: getattr(frame, name) for name in scored.cells if hasattr(frame, name)}
        expected |= {"state5_code": codes, "proj_100": frame.projections[100], "proj_500": frame.projections[500]}
        assert list(scored.cells) == [
            *("composite", "composite_d1", "composite_d2", "composite_d3", "flow_score", "flow_state_code"),
            *("state5_code", "proj_100", "proj_500"),
        ]
        for name, column in scored.cells.items():
            assert column.shape == (13,)
            assert column.tobytes() == expected[name].tobytes()
        assert scored.derivative == stage.update(codes)
        assert scored.ts_ns == source.fields["ts_ns"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": {"ask_reprice_sign": 0, "bid_reprice_sign": 0}}, r"fields\['ts_ns'\]=None"),
        ({"fields": {"ts_ns": 1, "ask_reprice_sign": 2, "bid_reprice_sign": 0}}, "ask_reprice_sign.*-1, 0 or 1"),
        ({"fields": {"ts_ns": 1, "ask_reprice_sign": 0, "bid_reprice_sign": 0.0}}, "bid_reprice_sign.*whole number"),
        ({"window_lo": -1}, "window_lo=-1: must be a whole number from 0 to 6"),
        ({"window_lo": 7}, "window_lo=7"),
        ({"pressure": np.full(11, np.nan)}, r"pressure\[0\]=nan: must be finite \(11 of the cells are not\)"),
        ({"vacuum": np.zeros(10)}, r"vacuum: shape \(10,\)"),
        ({"shift_cells": 1.5}, "cells=1.5"),
    ],
)
def test_a_bin_that_cannot_be_scored_is_refused(change: dict, message: str) -> None:
    with pytest.raises(vs.VpSpectrumError, match=message):
        vs.ScoreChain(SPECTRUM, STAGE, 11, 2).update(replace(Bin(), **change))


def test_a_scored_bin_is_the_bin_with_its_scores() -> None:
    source = replace(Bin(), cells={"rest_depth": np.arange(5)}, shift_cells=2)
    scored = vs.ScoreChain(SPECTRUM, STAGE, 11, 2).update(source)
    assert scored.fields is source.fields
    assert scored.shift_cells == 2
    assert list(scored.cells)[:2] == ["rest_depth", "composite"]
    assert scored.cells["rest_depth"] is source.cells["rest_depth"]
    assert list(source.cells) == ["rest_depth"]


def test_a_chain_that_does_not_fit_is_refused() -> None:
    with pytest.raises(vs.ParameterError, match="radius=6: must be a whole number from 0 to 5"):
        vs.ScoreChain(SPECTRUM, STAGE, 11, 6)
    with pytest.raises(vs.ParameterError, match=r"bin_seconds: .*\(0.1\).*\(0.2\)"):
        vs.ScoreChain(SPECTRUM, replace(STAGE, bin_seconds=0.2), 11, 5)


def test_the_window_may_be_the_whole_range() -> None:
    scored = vs.ScoreChain(SPECTRUM, STAGE, 11, 5).update(replace(Bin(), window_lo=0))
    assert scored.cells["composite"].tolist() == pytest.approx([1.0] * 11)
    assert scored.cells["state5_code"].tolist() == [1] * 5 + [0] + [2] * 5


def test_the_golden_vectors_hold_to_the_bit() -> None:
    golden = json.loads(spectrum_golden.GOLDEN.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(spectrum_golden.compute()))
    for expected, found in zip(golden["bins"], now["bins"], strict=True):
        assert found == expected
    assert len(golden["bins"]) == 7
    assert any(bin_["derivative"]["score"] != 0.0 for bin_ in golden["bins"])


def test_the_digest_is_the_released_one() -> None:
    hold_to_the_table("vp_spectrum", vs.conformance_digest())


def test_the_digest_feels_a_change_of_one_number(monkeypatch: pytest.MonkeyPatch) -> None:
    first = vs.conformance_digest()
    assert first == vs.conformance_digest()
    assert len(first) == 64
    update = vs.ScoreChain.update

    def altered(self: vs.ScoreChain, source: vs.BinLike) -> vs.ScoredBin:
        scored = update(self, source)
        scores = scored.cells["flow_score"]
        scores[0] = np.nextafter(scores[0], 2.0)
        return scored

    monkeypatch.setattr(vs.ScoreChain, "update", altered)
    assert vs.conformance_digest() != first


def test_compiled_kernels_compute_what_the_interpreter_does() -> None:
    """Bit for bit: nothing was reordered or fused on the way to machine code."""
    done = subprocess.run(
        [sys.executable, "-c", "import vp_spectrum; print(vp_spectrum.conformance_digest())"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == vs.conformance_digest()


def test_a_frame_is_plain_numbers() -> None:
    frame = vs.ScoreChain(SPECTRUM, STAGE, 11, 2).update(Bin()).derivative
    assert {type(value) for value in asdict(frame).values()} == {str, float, bool, int}
