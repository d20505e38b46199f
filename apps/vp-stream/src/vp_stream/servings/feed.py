"""The feed of a serving: its config over its raw files, bin by bin, encoded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vp_contract import FrameEncoder, RuntimeConfig
from vp_harness import Files, ServedSignal, checkpoint_path, files_of, scored_bins
from vp_stream.frames.producer import EncodedBin
from vp_stream.servings.held import HeldReplay, stamps_of
from vp_stream.servings.signal import ServedBin, ServedReplay

_logger = logging.getLogger(__name__)


class ReplayFeed:
    """The scored bins of one config over its raw files; with a directory of book checkpoints they start warm."""

    def __init__(
        self,
        config: RuntimeConfig,
        files: Files,
        book_cache_dir: Path | None = None,
        sha256: Sequence[str] = (),
        served: ServedSignal | None = None,
    ) -> None:
        """With `sha256`, one for each file, a replay comes to its end only if they were those files all the time.

        `served` is stepped beside every replay.
        """
        self._config = config
        self._served = served
        self._files = files
        self._sha256 = sha256
        self._book_cache_dir = book_cache_dir
        self._encoder = FrameEncoder(config)

    def bins(self) -> ServedReplay:
        """A fresh replay."""
        files = files_of(self._files)
        stamps = stamps_of(files) if self._sha256 else []
        replay = scored_bins(self._config, files, book_cache_dir=self._book_cache_dir)
        held = HeldReplay(replay, files, self._sha256, stamps) if self._sha256 else replay
        return ServedReplay(held, self._served)

    def distrust(self) -> None:
        """Remove the book checkpoint: it may be what was tampered with, and the next run makes it anew."""
        if self._book_cache_dir is not None:
            path = checkpoint_path(self._config, self._files, self._book_cache_dir)
            _logger.warning(
                "book checkpoint %s is removed: the frames of its replay were not the judged ones", path.name
            )
            path.unlink(missing_ok=True)

    def encode(self, item: ServedBin) -> EncodedBin:
        """The frame of one bin."""
        scored, served = item
        frame = self._encoder.encode(scored.fields, scored.cells, scored.derivative, served, scored.marks)
        return EncodedBin(int(scored.fields["bin_seq"]), scored.ts_ns, frame)

    def anomalies(self, bins: Iterator[ServedBin]) -> Mapping[str, int]:
        """The anomalies in the certificate of a replay that `bins` began, and its crossed boundaries by phase."""
        if not isinstance(bins, ServedReplay):
            return {}
        certificate: dict[str, Any] = bins.certificate()
        crossed = {f"crossed_{phase}": count for phase, count in certificate["crossed_boundaries"].items()}
        return {**certificate["anomalies"], **crossed}
