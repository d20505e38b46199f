"""The golden vectors of vp-spectrum: what the defaults make of the built-in bins, at a few of them.

    PYTHONPATH=tests uv run python -m support.spectrum_golden

writes them anew, after a deliberate change of numbers: a minor version and a changelog line.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import vp_spectrum
from vp_spectrum.conformance import built_in_bins

GOLDEN = Path(__file__).parents[1] / "vp_spectrum" / "golden" / "chain.json"
_N_CELLS, _RADIUS, _EVERY = 48, 6, 59


def compute() -> dict[str, Any]:
    chain = vp_spectrum.ScoreChain(
        vp_spectrum.SpectrumParams(horizons_ms=(500,)), vp_spectrum.DerivativeParams(), _N_CELLS, _RADIUS
    )
    bins = []
    for seq, source in enumerate(built_in_bins()):
        scored = chain.update(source)
        if seq % _EVERY == _EVERY - 1:
            cells = {name: column.tolist() for name, column in scored.cells.items()}
            bins.append({"seq": seq, "cells": cells, "derivative": asdict(scored.derivative)})
    return {"bins": bins}


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(compute(), indent=1) + "\n", encoding="utf-8")
