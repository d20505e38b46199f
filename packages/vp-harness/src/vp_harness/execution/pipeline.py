"""From raw files to scored bins: the only place where the book and the spectrum meet.

The dataset generator and the stream server both iterate `scored_bins`, so they cannot show different numbers.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

import vp_book
import vp_spectrum
from vp_book import Clock, Instrument, Physics, open_dbn
from vp_book.checkpoint import FORMAT_VERSION
from vp_book.queue import QueueFollower
from vp_book.records import NS_PER_S
from vp_contract import RuntimeConfig
from vp_harness.errors import CoverageError, OffGridError, PipelineError
from vp_spectrum import DerivativeParams, ScoreChain, ScoredBin, SpectrumParams

Files: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One file, or several in order of time."""
NEW_YORK: Final = ZoneInfo("America/New_York")
NS_PER_MS: Final = 1_000_000
WARM_UP_S: Final = 1800
"""Seconds of flow before the first bin that its physics has seen."""
MAX_OFF_GRID_SHARE: Final = 0.001
"""Prices between the ticks, of an instrument's orders, that are taken for errors of the feed."""


class ScoredReplay(Iterator[ScoredBin]):
    """A replay under way: yields its bins with their scores, one after the other.

    `expected_bins` is how many the capture has. There are fewer when the files end earlier, or are damaged, and the
    config allows that; else the iteration ends in a CoverageError. `certificate()` says what the replay met so far; it
    is complete when the iteration is over.
    """

    def __init__(
        self, config: RuntimeConfig, replay: vp_book.Replay, chain: ScoreChain, *, open_end: bool = False
    ) -> None:
        self._config = config
        self._open_end = open_end
        self._replay = replay
        self._bins = iter(replay)
        self._chain = chain
        self._made = 0
        self.expected_bins = bins_in_capture(config)

    def __next__(self) -> ScoredBin:
        whole = self._open_end and self._made == self.expected_bins
        closed = None if whole else next(self._bins, None)
        if closed is None:
            self._check_end()
            raise StopIteration
        self._made += 1
        return self._chain.update(closed)

    def certificate(self) -> dict[str, Any]:
        """The integrity certificate of vp-book."""
        return dict(self._replay.certificate())

    def _check_end(self) -> None:
        """Whether fewer bins than the capture has are what the config allows."""
        certificate = self.certificate()
        adds, off_grid = certificate["records_by_action"]["A"], certificate["anomalies"]["off_grid_price"]
        if is_off_grid(off_grid, adds):
            beside = (
                f"{off_grid} records of {self._config.symbol} have a price that is no multiple of tick_size "
                f"{self._config.tick_size}, beside {adds} orders"
            )
            raise OffGridError(
                f"pipeline {self._config.pipeline!r}: {beside}: give the instrument lock the tick of this contract",
                brief=beside,
            )
        if self._made == self.expected_bins or certificate["damage"] is not None or self._config.on_short != "refuse":
            return
        covered_ns = certificate["coverage"]["end_ns"]
        if covered_ns < capture_ns(self._config)[1]:
            raise short_capture(self._config, covered_ns, certificate["coverage"]["files"][-1]["name"])
        fewer = (
            f"{self._made} of the {self.expected_bins} bins of its capture can be made: "
            f"{'; '.join(certificate['reasons'])}"
        )
        raise CoverageError(
            f"pipeline {self._config.pipeline!r}: {fewer}; bring in the files of that session", brief=fewer
        )


def scored_bins(
    config: RuntimeConfig,
    files: Files,
    *,
    book_cache_dir: Path | None = None,
    queue: QueueFollower | None = None,
    clock: Clock = "ts_recv",
) -> ScoredReplay:
    """Replay the capture of `config` from its raw files and score every bin.

    `files` is one file, or several in order of time that are one session (`sources.located` gives them). Which of their
    records are taken, and what may be wrong with them, stands in the config. With `book_cache_dir`
    (`Lake.book_cache_dir`) the book at the end of the warm-up is taken from there, or kept there for the next time. The
    bins are the same to the bit. `queue` follows a passive order of every bin (see `vp_book.replay`), and `clock` is
    that of `vp_book.open_dbn`.

    Raises what vp_book raises for a file that cannot be read, here or while it is iterated, PipelineError for a capture
    that is not a whole number of bins, CoverageError at the end for one that goes on after the files do, and
    OffGridError there for prices that are not those of the instrument's tick.
    """
    bins_in_capture(config)
    chain = ScoreChain(spectrum_of(config), derivative_of(config), config.n_absolute_ticks, config.grid_radius_ticks)
    replay, open_end = _replay(config, files_of(files), book_cache_dir, queue, clock)
    return ScoredReplay(config, replay, chain, open_end=open_end)


def warm_checkpoint(config: RuntimeConfig, files: Files, book_cache_dir: Path) -> tuple[Path, bool]:
    """Make the book checkpoint of a capture ahead of its first use, or find it made: (its path, whether it was made).

    Raises what `scored_bins` raises, and PipelineError when no record comes after the capture's start, or the
    directory cannot be written.
    """
    bins_in_capture(config)
    paths = files_of(files)
    replay, _ = _replay(config, paths, book_cache_dir)
    next(replay, None)
    if not replay.resumed and not replay.checkpoint_written:
        raise PipelineError(
            f"no book checkpoint of pipeline {config.pipeline!r}: {_listed(paths)} has no record of {config.symbol} "
            f"from {config.dt} {config.start_time} New York on, or {book_cache_dir} cannot be written"
        )
    return checkpoint_path(config, paths, book_cache_dir), not replay.resumed


def checkpoint_path(
    config: RuntimeConfig,
    files: Files,
    book_cache_dir: Path,
) -> Path:
    """Where the book checkpoint of a capture lies: `<symbol>_<dt>_<key>.<state>.book`.

    `key` says which bytes were replayed from when (and the format's version), `state` is a digest of whatever else
    decides the book, so that the pipelines of a sweep keep one each. Neither is trusted: the file itself says what it
    is of. Raises OSError when there is no file at one of the paths.
    """
    start_ns, _ = capture_ns(config)
    parts: list[object] = [config.product_type, config.symbol, config.dt, start_ns - WARM_UP_S * NS_PER_S]
    for path in files_of(files):
        status = path.stat()
        parts += (status.st_mtime_ns, status.st_size)
    key = hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()[:16]
    decides: tuple[object, ...] = (
        start_ns,
        instrument_of(config),
        physics_of(config),
        config.n_absolute_ticks,
        config.grid_radius_ticks,
        config.publisher,
    )
    if (large_size := large_size_of(config)) is not None:
        decides = (*decides, large_size)
    state = hashlib.sha256(msgspec.json.encode(decides, order="sorted")).hexdigest()[:8]
    symbol = re.sub(r"[^A-Za-z0-9.-]", "-", config.symbol)
    return book_cache_dir / f"{symbol}_{config.dt}_{key}v{FORMAT_VERSION}.{state}.book"


def _replay(
    config: RuntimeConfig,
    paths: list[Path],
    book_cache_dir: Path | None,
    queue: QueueFollower | None = None,
    clock: Clock = "ts_recv",
) -> tuple[vp_book.Replay, bool]:
    """The replay of a capture, and whether it was given no end: it may end early, and no metadata says where."""
    start_ns, capture_end_ns = capture_ns(config)
    end_ns: int | None = capture_end_ns
    source = open_dbn(
        paths,
        symbol=config.symbol,
        publisher=config.publisher,
        tolerate_truncated=config.on_damage == "until_damage",
        clock=clock,
    )
    if config.on_short == "end_early":
        end_ns = None if source.end_ns is None else min(capture_end_ns, source.end_ns)
    replay = vp_book.replay(
        source,
        instrument_of(config),
        physics_of(config),
        cell_width_ms=config.cell_width_ms,
        grid_radius_ticks=config.grid_radius_ticks,
        n_absolute_ticks=config.n_absolute_ticks,
        start_ns=start_ns,
        end_ns=end_ns,
        warmup_s=WARM_UP_S,
        max_silence_s=config.max_silence_s,
        large_size=large_size_of(config),
        checkpoint=book_cache_dir and checkpoint_path(config, paths, book_cache_dir),
        queue=queue,
    )
    return replay, end_ns is None


def files_of(files: Files) -> list[Path]:
    """One file or several as a list of paths."""
    return [Path(files)] if isinstance(files, (str, os.PathLike)) else [Path(path) for path in files]


def is_off_grid(off_grid: int, adds: int) -> bool:
    """Whether so many of an instrument's prices lie between its ticks that the tick must be another one's."""
    return off_grid > MAX_OFF_GRID_SHARE * adds


def short_capture(config: RuntimeConfig, covered_ns: int, name: str) -> CoverageError:
    """The error of a capture that goes on after `covered_ns`, where `name` ends."""
    start_ns, end_ns = capture_ns(config)
    way_out = (
        f"use an end_time of {new_york_clock(covered_ns)} New York or earlier, bring in a file of the time after it, "
        "or set capture.on_short end_early"
        if covered_ns - start_ns >= 60 * NS_PER_S
        else "bring in the file of that session"
    )
    short = f"its capture ends at {utc_text(end_ns)}, but {name} knows the market only to {utc_text(covered_ns)}"
    return CoverageError(f"pipeline {config.pipeline!r}: {short}: {way_out}", brief=short)


def utc_text(ts_ns: int) -> str:
    """A time as ISO 8601 UTC, with as many digits after the second as it has."""
    seconds, rest = divmod(ts_ns, NS_PER_S)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def new_york_clock(ts_ns: int, *, up: bool = False) -> str:
    """A time as HH:MM in New York, to the minute before or (`up`) after it."""
    minute = 60 * NS_PER_S
    minutes = -(-ts_ns // minute) if up else ts_ns // minute
    return f"{dt.datetime.fromtimestamp(minutes * 60, NEW_YORK):%H:%M}"


def _listed(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))


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
    """Start (inclusive) and end (exclusive) of the capture, ns UTC, from its New York dates and times."""
    return new_york_ns(config.dt, config.start_time), new_york_ns(config.end_dt, config.end_time)


def new_york_ns(date: str, clock: str) -> int:
    """ns UTC of a YYYY-MM-DD HH:MM in New York; of a time that comes twice (end of summer time) the first.

    Raises PipelineError for a time that the clocks skip.
    """
    local = dt.datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=NEW_YORK)
    utc = local.astimezone(dt.UTC)
    if utc.astimezone(NEW_YORK).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise PipelineError(f"{date} {clock} does not exist in New York: summer time begins there")
    return int(utc.timestamp()) * NS_PER_S


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


def large_size_of(config: RuntimeConfig) -> int | None:
    """From which size on a trade or an order of a config is a mark; None for what vp-book takes for large."""
    return None if isinstance(config.large_size, msgspec.UnsetType) else config.large_size


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
