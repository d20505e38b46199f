"""Symbol-mapping records, read straight from their bytes.

The official decoder panics on one that is shorter than its version says; a panic is no `Exception`, and prints.
"""

from __future__ import annotations

from typing import Final

_HEADER: Final = 16
_INSTRUMENT_ID: Final = slice(4, 8)
# (bytes of the record, where the two symbols begin, bytes of a symbol): DBN 1, then 2 and 3, which put a symbology
# type before each; `ts_out` makes a record 8 bytes longer
_LAYOUTS: Final = ((80, (_HEADER, _HEADER + 22), 22), (176, (_HEADER + 1, _HEADER + 73), 71))
_TS_OUT: Final = 8


def read_mapping(record: bytes) -> tuple[int, frozenset[str]] | None:
    """(Instrument id, the symbols it is known by) of one whole record of rtype 22; None when it can not be read."""
    for size, starts, length in _LAYOUTS:
        if len(record) in (size, size + _TS_OUT):
            raw = (record[at : at + length].split(b"\0", 1)[0] for at in starts)
            try:
                names = frozenset(name.decode("ascii") for name in raw if name)
            except UnicodeDecodeError:
                return None
            return int.from_bytes(record[_INSTRUMENT_ID], "little"), names
    return None
