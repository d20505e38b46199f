"""Judges of frame logs that know no log."""

from __future__ import annotations

from vp_stream.frames.judged import FrameJudge, FrameJudges


class Sole(FrameJudges):
    """Gives one judge for whatever there is to be judged; `logs` are those of which it was told."""

    def __init__(self, judge: FrameJudge) -> None:
        self.judge = judge
        self.logs: list[tuple[str, str]] = []

    def knows(self, log: str, checksum: str) -> bool:
        """Whether it was told of it."""
        return (log, checksum) in self.logs

    def found(self, log: str, checksum: str) -> None:
        """Take note."""
        self.logs.append((log, checksum))

    def made(self) -> FrameJudge:
        """The judge."""
        return self.judge

    def stored(self) -> FrameJudge:
        """The judge."""
        return self.judge
