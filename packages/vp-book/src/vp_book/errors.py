"""What can go wrong in vp-book."""

from __future__ import annotations


class VpBookError(Exception):
    """Base of every error that vp-book raises on purpose."""


class DbnError(VpBookError):
    """A file could not be read as market-by-order DBN."""


class DbnFormatError(DbnError):
    """The bytes are not DBN, or not of the mbo schema."""


class DbnDamagedError(DbnError):
    """The file is truncated or corrupt.

    `offset` is the byte offset in the decompressed stream at which reading stopped and `records` the number of whole
    records of any type that came before it.
    """

    def __init__(self, message: str, *, offset: int, records: int) -> None:
        super().__init__(message)
        self.offset = offset
        self.records = records


class SymbolError(DbnError):
    """The wanted symbol or publisher is not in the file, or has to be chosen."""


class ParameterError(VpBookError, ValueError):
    """An argument is outside what is allowed."""


class EventEndError(VpBookError):
    """No record says where an event ends, so no moment is known at which the book is whole."""


class CheckpointError(VpBookError):
    """A file is no book checkpoint that can be trusted: damaged, foreign, or made by other code or for another book."""


class FeedError(VpBookError):
    """A live feed cannot be had: no client, no key, no gateway, or the gateway refuses."""


class ConversionError(VpBookError):
    """A file of another feed cannot be converted: damaged, of another kind, or without what was asked for.

    `offset` is the byte of the decompressed file at which that shows, `line` the line of a text file (from 1); None
    where there is no such place.
    """

    def __init__(self, message: str, *, offset: int | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset
        self.line = line
