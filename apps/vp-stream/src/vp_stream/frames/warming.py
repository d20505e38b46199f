"""Making the frame log of a serving ahead of its first client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vp_contract import Frame
from vp_stream.errors import LogDamagedError
from vp_stream.frames.logfile import BLOCK_BINS, LogWriter, read_frames
from vp_stream.frames.runs import RunSpec

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

    A damaged log is made again. Whoever makes the same log at the same time makes the same bytes, and one of them gets
    the name. Raises what the feed raises for its raw file, OSError when the log cannot be written.
    """
    try:
        bins = sum(1 for _ in read_frames(spec.path, spec.key))
    except FileNotFoundError:
        pass
    except LogDamagedError:
        spec.path.unlink(missing_ok=True)
    else:
        return WarmLog(spec.path, bins, built=False)
    writer = LogWriter(spec.path, spec.key)
    try:
        bins = _fill(writer, spec, progress)
        writer.finish(bins)
    except BaseException:
        writer.abandon()
        raise
    return WarmLog(spec.path, bins, built=True)


def _fill(writer: LogWriter, spec: RunSpec, progress: Progress | None) -> int:
    items = spec.feed.bins()
    expected = getattr(items, "expected_bins", 0)
    bins = 0
    block: list[Frame] = []
    for item in items:
        block.append(spec.feed.encode(item).frame)
        bins += 1
        if len(block) == BLOCK_BINS:
            writer.write_block(block)
            block.clear()
            if progress is not None:
                progress(bins, expected)
    if block:
        writer.write_block(block)
    return bins
