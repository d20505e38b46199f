"""Making the frame log of a serving ahead of its first client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vp_contract import Frame
from vp_harness.errors import FrameMismatchError
from vp_stream.errors import LogDamagedError
from vp_stream.frames.judging import FrameJudge
from vp_stream.frames.logfile import BLOCK_BINS, LogWriter, open_log
from vp_stream.frames.runs import RunSpec
from vp_stream.frames.sums import PassingColumns

Progress = Callable[[int, int], None]
"""Called with (bins done, bins in all); 0 in all where that is not known."""


@dataclass(frozen=True, slots=True)
class WarmLog:
    """A finished frame log, and whether it had to be made."""

    path: Path
    bins: int
    built: bool


def warm_log(spec: RunSpec, *, progress: Progress | None = None) -> WarmLog:
    """Make the frame log of a run, or find it made and whole: every byte of it is checked.

    A log that is damaged, or that holds other frames than the judged ones, is made again; so is one where nothing says
    which those are. Whoever makes the same log at the same time makes the same bytes, and one of them gets
    the name. Raises what the feed raises for its raw file, OSError when the log cannot be written.
    """
    try:
        bins = _read(spec)
    except FileNotFoundError:
        pass
    except (LogDamagedError, FrameMismatchError):
        spec.path.unlink(missing_ok=True)
    else:
        return WarmLog(spec.path, bins, built=False)
    writer, passing = LogWriter(spec.path, spec.key), PassingColumns(spec.config)
    try:
        bins = _fill(writer, spec, passing, progress)
        checksum = writer.finish(bins)
    except BaseException:
        writer.abandon()
        raise
    if spec.judged is not None:
        spec.judged.found(spec.path, checksum, passing)
    return WarmLog(spec.path, bins, built=True)


def _read(spec: RunSpec) -> int:
    """The bins of the log that is there, each frame held to the judged ones."""
    if not spec.believes_logs:
        raise FileNotFoundError
    log, judged = open_log(spec.path, spec.key), spec.judged
    judge = None if judged is None else judged.stored()
    passing = PassingColumns(spec.config)
    for frame in log.frames():
        if judge is not None:
            judge.check(frame)
            passing.add(frame)
    if judge is not None and judged is not None:
        judge.finish()
        judged.found(spec.path, log.checksum, passing)
    return log.bins


def _fill(writer: LogWriter, spec: RunSpec, passing: PassingColumns, progress: Progress | None) -> int:
    judge = None if spec.judged is None else spec.judged.made()
    try:
        bins = _fill_held(writer, spec, passing, progress, judge)
        if judge is not None:
            judge.finish()
    except FrameMismatchError:
        spec.feed.distrust()
        raise
    return bins


def _fill_held(
    writer: LogWriter, spec: RunSpec, passing: PassingColumns, progress: Progress | None, judge: FrameJudge | None
) -> int:
    items = spec.feed.bins()
    expected = getattr(items, "expected_bins", 0)
    bins = 0
    block: list[Frame] = []
    for item in items:
        block.append(spec.feed.encode(item).frame)
        if judge is not None:
            judge.check(block[-1])
            passing.add(block[-1])
        bins += 1
        if len(block) == BLOCK_BINS:
            writer.write_block(block)
            block.clear()
            if progress is not None:
                progress(bins, expected)
    if block:
        writer.write_block(block)
    return bins
