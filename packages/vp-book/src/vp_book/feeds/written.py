"""A converted file in the making: records spooled as they come, then one DBN file with its metadata in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from vp_book.atomic import StagedFile
from vp_book.dbn.writing import HashedOutput, mbo_metadata
from vp_book.errors import ParameterError

_BLOCK_BYTES: Final = 1 << 22
_LONGEST_SYMBOL: Final = 70


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a converter made. It can be passed wherever the path of a file can.

    `path` is the DBN file, `sha256` its hash. `dataset`, `symbol` and `instrument_id` stand in its metadata, and so
    does the span from `start_ns` (inclusive) to `end_ns` (exclusive), ns UTC. `source_sha256` are the hashes of the
    files it was made of, in the order of the arguments. `facts` are counts and remarks of the feed.
    """

    path: Path
    feed: str
    dataset: str
    symbol: str
    instrument_id: int
    records: int
    start_ns: int
    end_ns: int
    sha256: str
    source_sha256: tuple[str, ...]
    facts: dict[str, int | bool | str]

    def __fspath__(self) -> str:
        return str(self.path)


class ConvertedFile:
    """Use it as a context: what is not finished leaves nothing behind. Raises `ParameterError` for a wrong name."""

    def __init__(self, target: Path, symbol: str) -> None:
        if not target.name.endswith((".dbn", ".dbn.zst")):
            raise ParameterError(f"output={str(target)!r}: must end in .dbn or .dbn.zst")
        if not 0 < len(symbol) <= _LONGEST_SYMBOL or not symbol.isascii() or not symbol.isprintable():
            raise ParameterError(f"symbol={symbol!r}: must be 1 to {_LONGEST_SYMBOL} printable ASCII characters")
        self._target, self._symbol = target, symbol
        # the metadata stands first and says when the records end: they wait for it in a file of their own
        self._spool = StagedFile(target.with_name(f"{target.name}.records"))
        self.records = 0

    def __enter__(self) -> ConvertedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._spool.close()

    def write(self, records: np.ndarray) -> None:
        """Append records of `MBO_DTYPE`, or of `KERNEL_DTYPE`, which are the same bytes."""
        self.records += len(records)
        self._spool.write(records.tobytes())

    def finish(
        self,
        *,
        feed: str,
        dataset: str,
        instrument_id: int,
        span_ns: tuple[int, int],
        source_sha256: Sequence[str],
        facts: dict[str, int | bool | str],
    ) -> Conversion:
        """Write the DBN file in the place of whatever has its name."""
        with StagedFile(self._target) as file:
            output = HashedOutput(file, compress=self._target.suffix == ".zst")
            output.write(mbo_metadata(dataset, self._symbol, instrument_id, *span_ns).encode())
            if self.records:
                with self._spool.path.open("rb") as spool:
                    while block := spool.read(_BLOCK_BYTES):
                        output.write(block)
            output.finish()
            file.publish()
        return Conversion(
            path=self._target,
            feed=feed,
            dataset=dataset,
            symbol=self._symbol,
            instrument_id=instrument_id,
            records=self.records,
            start_ns=span_ns[0],
            end_ns=span_ns[1],
            sha256=output.written.hexdigest(),
            source_sha256=tuple(source_sha256),
            facts=facts,
        )
