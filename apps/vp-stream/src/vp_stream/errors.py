"""What can go wrong in vp-stream."""

from __future__ import annotations


class VpStreamError(Exception):
    """Base of every error that vp-stream raises on purpose."""


class SettingsError(VpStreamError, ValueError):
    """An option of the server is outside what is allowed."""


class Refusal(VpStreamError):  # noqa: N818 - not a fault of the server: what a client gets when it is turned away
    """A client asked for something it cannot have.

    `code` is a short machine-readable word, `str(refusal)` the sentence for people. Both go to the client, so neither
    may hold a path or a secret of the server beyond what the message is about.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class OverdueError(VpStreamError):
    """A call did not end in the time it was given."""


class LogDamagedError(VpStreamError):
    """The bytes of a frame log are not the ones that were written, or belong to another configuration."""


class EngineError(VpStreamError):
    """The engine run behind a serving ended before its replay did."""
