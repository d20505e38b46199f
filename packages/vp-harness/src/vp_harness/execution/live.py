"""A config on a market that is under way: its bins and scores as records come, and again from the recording of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vp_book import Bin, LiveBins
from vp_book.live import Recorder, Recording
from vp_contract import RuntimeConfig
from vp_harness.errors import LakeError
from vp_harness.execution.pipeline import derivative_of, instrument_of, large_size_of, physics_of, spectrum_of
from vp_harness.lake.paths import Lake
from vp_spectrum import ScoreChain, ScoredBin


def live_bins(config: RuntimeConfig, hold_back_ms: int) -> LiveBins:
    """Bins of a config from the first record on, whatever date and times its capture has."""
    return LiveBins(
        instrument_of(config),
        physics_of(config),
        cell_width_ms=config.cell_width_ms,
        grid_radius_ticks=config.grid_radius_ticks,
        n_absolute_ticks=config.n_absolute_ticks,
        max_silence_s=config.max_silence_s,
        hold_back_ms=hold_back_ms,
        large_size=large_size_of(config),
    )


def live_scores(config: RuntimeConfig) -> ScoreChain:
    """What scores those bins, one after the other from the first on: the same as in a replay."""
    return ScoreChain(spectrum_of(config), derivative_of(config), config.n_absolute_ticks, config.grid_radius_ticks)


def recorded_bins(config: RuntimeConfig, directory: Path) -> Iterator[ScoredBin]:
    """The scored bins that a live serving of `config` made, again, from its recording: the same to the bit.

    Raises what `vp_book.live.Recording` raises.
    """
    recording = Recording(directory)
    chain = live_scores(config)
    bins: Iterator[Bin] = recording.bins(live_bins(config, int(recording.about["hold_back_ms"])))
    return (chain.update(bin_) for bin_ in bins)


def new_recording(lake: Lake, product_type: str, symbol_root: str, **about: Any) -> Recorder:
    """A recorder in a directory of its own: `live/.../symbol=<root>/<YYYYMMDD>T<HHMMSS.ffffff>Z` under the lake's root.

    Raises LakeError when it cannot be made.
    """
    now = dt.datetime.now(dt.UTC)
    directory = lake.live_dir(product_type, symbol_root) / f"{now:%Y%m%dT%H%M%S.%f}Z"
    try:
        return Recorder(directory, {"begun_utc": now.isoformat(), **about})
    except OSError as error:
        raise LakeError(f"recording {directory} cannot be made: {error.strerror or error}") from error
