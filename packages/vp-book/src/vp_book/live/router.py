"""Several instruments of one stream: each record goes to the bins of its own."""

from __future__ import annotations

from collections.abc import Mapping

from vp_book.bins.reader import Bin
from vp_book.dbn.header import Header
from vp_book.dbn.reading import Batch
from vp_book.errors import ParameterError

from .bins import LiveBins
from .pushed import Pushed, PushedStream


class LiveRouter:
    """Gives the records of one stream to the `LiveBins` of their instruments.

    `bins` maps names of the caller's own choice to them. Which records are whose, the symbol of each one's instrument
    decides, by the stream's metadata and symbol mappings, or its `instrument_id`. What is of none is left out.

        router = LiveRouter({s: LiveBins(Instrument(s, "0.25"), hold_back_ms=20) for s in ("ESH6", "NQH6")})
        for name, closed in router.push(piece).items():  # bytes of the stream
            print(name, len(closed))

    Raises `ParameterError` for what is not such a mapping.
    """

    def __init__(self, bins: Mapping[str, LiveBins]) -> None:
        if not isinstance(bins, Mapping) or not bins or not all(isinstance(b, LiveBins) for b in bins.values()):
            raise ParameterError(f"bins={bins!r}: must map at least one name to a LiveBins")
        self.bins = dict(bins)
        self._stream = PushedStream()

    def push(self, records: Pushed) -> dict[str, list[Bin]]:
        """`LiveBins.push` for every instrument: the bins that each one's records closed, by name.

        Raises as that does. An array has no mappings: of it only instruments that are known already are taken.
        """
        batch = self._stream.take(records)
        if self._stream.header is not None:
            self.begin_stream(self._stream.header)
        if batch is not None:
            for bins in self.bins.values():
                bins.apply_batch(batch, routed=True)
        self._stream.refuse_damage()
        return {name: bins.closed() for name, bins in self.bins.items()}

    def begin_stream(self, header: Header) -> None:
        """The metadata of what is taken from here on, for one who reads the stream by himself."""
        for bins in self.bins.values():
            bins.begin_stream(header)

    def take(self, batch: Batch) -> dict[str, list[Bin]]:
        """`push` of what was read already."""
        for bins in self.bins.values():
            bins.apply_batch(batch, routed=True)
        return {name: bins.closed() for name, bins in self.bins.items()}

    def close_until(self, ts_ns: int) -> dict[str, list[Bin]]:
        """`LiveBins.close_until` for every instrument."""
        return {name: bins.close_until(ts_ns) for name, bins in self.bins.items()}

    def lose(self, ts_ns: int) -> None:
        """`LiveBins.lose` for every instrument: they share the connection."""
        self._stream.restart()
        for bins in self.bins.values():
            bins.lose(ts_ns)
