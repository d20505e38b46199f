"""Judges of frame logs that know no log."""

from __future__ import annotations

from pathlib import Path

from vp_stream.frames.judging import FrameJudge, FrameJudges
from vp_stream.frames.sums import PassingColumns


class Sole(FrameJudges):
    """Gives one judge for whatever there is to be judged; `logs` are those of which it was told."""

    def __init__(self, judge: FrameJudge) -> None:
        self.judge = judge
        self.logs: list[tuple[Path, str]] = []

    def knows(self, log: Path, checksum: str) -> bool:
        """Whether it was told of it."""
        return (log, checksum) in self.logs

    def recall(self, log: Path, passing: PassingColumns | None) -> bool:
        """Nothing is kept."""
        return False

    def found(self, log: Path, checksum: str, passing: PassingColumns | None) -> None:
        """Take note."""
        self.logs.append((log, checksum))

    def made(self) -> FrameJudge:
        """The judge."""
        return self.judge

    def stored(self) -> FrameJudge:
        """The judge."""
        return self.judge
