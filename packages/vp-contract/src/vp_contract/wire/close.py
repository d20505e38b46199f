"""Where streams are and how they are closed, stated once for server, page and documents."""

from __future__ import annotations

from typing import Final, NamedTuple

STREAM_PATH: Final = "/v1/vacuum-pressure/stream"
"""Where what is promoted is streamed: `?serving=<alias or id>`."""

PREVIEW_PATH: Final = "/v1/vacuum-pressure/preview"
"""Where a dataset that nobody promoted is streamed: `?dataset=<id>`."""


class CloseCode(NamedTuple):
    """A close code: its number, its name in programs, and what it tells the client."""

    code: int
    name: str
    meaning: str


CLOSE_CODES: Final = (
    CloseCode(1000, "finished", "The replay is over; stream_end came before it."),
    CloseCode(1001, "shutdown", "The server is shutting down: connect again later."),
    CloseCode(1008, "refused", "Refused: an error message before it says why. Also after too much nonsense."),
    CloseCode(1009, "tooLarge", "A message of the client was over 4 KiB."),
    CloseCode(1011, "engineFailed", "The engine run failed; an error message before it says why."),
    CloseCode(1013, "full", "The server is full: try again later."),
)
"""In the order of their numbers. Any other code comes from the network, not from the server."""
