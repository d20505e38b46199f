"""From a raw file to scored bins: the only place where the book and the spectrum meet.

The dataset generator and the stream server both iterate `scored_bins`, so they cannot show different numbers.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

import vp_book
import vp_spectrum
from vp_book import Bin, Instrument, Physics, open_dbn
from vp_book.checkpoint import FORMAT_VERSION
from vp_contract import RuntimeConfig
from vp_harness.errors import PipelineError
from vp_spectrum import DerivativeParams, ScoreChain, ScoredBin, SpectrumParams

NEW_YORK: Final = ZoneInfo("America/New_York")
NS_PER_MS: Final = 1_000_000
WARM_UP_S: Final = 1800
"""Seconds of flow before the first bin that its physics has seen."""

_NS_PER_S: Final = 1_000_000_000


class ScoredReplay(Iterator[tuple[Bin, ScoredBin]]):
    """A replay under way: yields (bin, its scores), one bin after the other.

    `expected_bins` is how many there will be. `certificate()` says what the replay met so far; it is complete when the
    iteration is over.
    """

    def __init__(self, replay: vp_book.Replay, chain: ScoreChain, expected_bins: int) -> None:
        self._replay = replay
        self._bins = iter(replay)
        self._chain = chain
        self.expected_bins = expected_bins

    def __next__(self) -> tuple[Bin, ScoredBin]:
        closed = next(self._bins)
        return closed, self._chain.update(closed)

    def certificate(self) -> dict[str, object]:
        """The integrity certificate of vp-book."""
        return dict(self._replay.certificate())


def scored_bins(
    config: RuntimeConfig,
    path: str | os.PathLike[str],
    *,
    publisher: int | None = None,
    tolerate_truncated: bool = False,
    book_cache_dir: Path | None = None,
) -> ScoredReplay:
    """Replay the capture of `config` from the raw file `path` and score every bin.

    With `book_cache_dir` (`Lake.book_cache_dir`) the book at the end of the warm-up is taken from there, or kept there
    for the next time. The bins are the same to the bit.

    Raises what vp_book raises for a file that cannot be read, here or while it is iterated, and PipelineError for a
    capture that is not a whole number of bins.
    """
    bins = bins_in_capture(config)
    replay = _replay(config, path, publisher, tolerate_truncated, book_cache_dir)
    chain = ScoreChain(spectrum_of(config), derivative_of(config), config.n_absolute_ticks, config.grid_radius_ticks)
    return ScoredReplay(replay, chain, bins)


def warm_checkpoint(
    config: RuntimeConfig,
    path: str | os.PathLike[str],
    book_cache_dir: Path,
    *,
    publisher: int | None = None,
    tolerate_truncated: bool = False,
) -> tuple[Path, bool]:
    """Make the book checkpoint of a capture ahead of its first use, or find it made: (its path, whether it was made).

    Raises what `scored_bins` raises, and PipelineError when no record comes after the capture's start, or the
    directory cannot be written.
    """
    bins_in_capture(config)
    replay = _replay(config, path, publisher, tolerate_truncated, book_cache_dir)
    next(replay, None)
    if not replay.resumed and not replay.checkpoint_written:
        raise PipelineError(
            f"no book checkpoint of pipeline {config.pipeline!r}: {path} has no record of {config.symbol} from "
            f"{config.dt} {config.start_time} New York on, or {book_cache_dir} can not be written"
        )
    return checkpoint_path(config, path, book_cache_dir, publisher=publisher), not replay.resumed


def checkpoint_path(
    config: RuntimeConfig, path: str | os.PathLike[str], book_cache_dir: Path, *, publisher: int | None = None
) -> Path:
    """Where the book checkpoint of a capture lies: `<symbol>_<dt>_<key>.<state>.book`.

    `key` says which bytes were replayed from when (and the format's version), `state` is a digest of whatever else
    decides the book, so that the pipelines of a sweep keep one each. Neither is trusted: the file itself says what it
    is of. Raises OSError when there is no file at `path`.
    """
    start_ns, _ = capture_ns(config)
    status = Path(path).stat()
    parts = (
        config.product_type,
        config.symbol,
        config.dt,
        start_ns - WARM_UP_S * _NS_PER_S,
        status.st_mtime_ns,
        status.st_size,
    )
    key = hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()[:16]
    decides = (
        start_ns,
        instrument_of(config),
        physics_of(config),
        config.n_absolute_ticks,
        config.grid_radius_ticks,
        publisher,
    )
    state = hashlib.sha256(msgspec.json.encode(decides, order="sorted")).hexdigest()[:8]
    symbol = re.sub(r"[^A-Za-z0-9.-]", "-", config.symbol)
    return book_cache_dir / f"{symbol}_{config.dt}_{key}v{FORMAT_VERSION}.{state}.book"


def _replay(
    config: RuntimeConfig,
    path: str | os.PathLike[str],
    publisher: int | None,
    tolerate_truncated: bool,
    book_cache_dir: Path | None,
) -> vp_book.Replay:
    start_ns, end_ns = capture_ns(config)
    source = open_dbn(path, symbol=config.symbol, publisher=publisher, tolerate_truncated=tolerate_truncated)
    return vp_book.replay(
        source,
        instrument_of(config),
        physics_of(config),
        cell_width_ms=config.cell_width_ms,
        grid_radius_ticks=config.grid_radius_ticks,
        n_absolute_ticks=config.n_absolute_ticks,
        start_ns=start_ns,
        end_ns=end_ns,
        warmup_s=WARM_UP_S,
        checkpoint=book_cache_dir and checkpoint_path(config, path, book_cache_dir, publisher=publisher),
    )


def bins_in_capture(config: RuntimeConfig) -> int:
    """Bins of a config's capture; PipelineError when that is not a whole number."""
    start_ns, end_ns = capture_ns(config)
    bins, rest = divmod(end_ns - start_ns, config.cell_width_ms * NS_PER_MS)
    if rest:
        raise PipelineError(
            f"capture {config.start_time}-{config.end_time} of pipeline {config.pipeline!r} is not a whole number of "
            f"bins of cell_width_ms {config.cell_width_ms}"
        )
    return bins


def capture_ns(config: RuntimeConfig) -> tuple[int, int]:
    """Start (inclusive) and end (exclusive) of the capture, ns UTC, from its New York date and times."""
    return new_york_ns(config.dt, config.start_time), new_york_ns(config.dt, config.end_time)


def new_york_ns(date: str, clock: str) -> int:
    """ns UTC of a YYYY-MM-DD HH:MM in New York; of a time that comes twice (end of summer time) the first.

    Raises PipelineError for a time that the clocks skip.
    """
    local = dt.datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=NEW_YORK)
    utc = local.astimezone(dt.UTC)
    if utc.astimezone(NEW_YORK).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise PipelineError(f"{date} {clock} does not exist in New York: summer time begins there")
    return int(utc.timestamp()) * 1_000_000_000


def instrument_of(config: RuntimeConfig) -> Instrument:
    """The instrument of a config as vp-book takes it."""
    return Instrument(
        config.symbol,
        tick_size=config.tick_size,
        product_type=config.product_type,
        bucket_size=config.bucket_size_dollars,
    )


def physics_of(config: RuntimeConfig) -> Physics:
    """The physics of a config as vp-book takes it."""
    return Physics(
        tau_velocity=config.tau_velocity,
        tau_acceleration=config.tau_acceleration,
        tau_jerk=config.tau_jerk,
        tau_rest_decay=config.tau_rest_decay,
        c1_v_add=config.c1_v_add,
        c2_v_rest_pos=config.c2_v_rest_pos,
        c3_a_add=config.c3_a_add,
        c4_v_pull=config.c4_v_pull,
        c5_v_fill=config.c5_v_fill,
        c6_v_rest_neg=config.c6_v_rest_neg,
        c7_a_pull=config.c7_a_pull,
    )


def spectrum_of(config: RuntimeConfig) -> SpectrumParams:
    """The cell spectrum of a config as vp-spectrum takes it."""
    return SpectrumParams(
        bin_seconds=config.cell_width_ms / 1000,
        windows=config.flow_windows,
        rollup_weights=config.flow_rollup_weights,
        derivative_weights=config.flow_derivative_weights,
        tanh_scale=config.flow_tanh_scale,
        neutral_threshold=config.flow_neutral_threshold,
        zscore_window=config.flow_zscore_window_bins,
        zscore_min_periods=config.flow_zscore_min_periods,
        horizons_ms=config.projection_horizons_ms,
        use_cubic=config.projection_use_cubic,
        cubic_scale=config.projection_cubic_scale,
        damping_lambda=config.projection_damping_lambda,
    )


def derivative_of(config: RuntimeConfig) -> DerivativeParams:
    """The derivative stage of a config as vp-spectrum takes it."""
    return DerivativeParams(bin_seconds=config.cell_width_ms / 1000, **config.state_model())


@cache
def conformance_digests() -> Mapping[str, str]:
    """Digests of the numbers that the installed vp-book and vp-spectrum compute, by import name; run once a process."""
    return {"vp_book": vp_book.conformance_digest(), "vp_spectrum": vp_spectrum.conformance_digest()}
