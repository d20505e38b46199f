"""Symbol-mapping records, read straight from their bytes.

The official decoder panics on one that is shorter than its version says; a panic is no `Exception`, and prints.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_HEADER: Final = 16
_INSTRUMENT_ID: Final = slice(4, 8)
# (bytes of the record, where the two symbols begin, bytes of a symbol): DBN 1, then 2 and 3, which put a symbology
# type before each; `ts_out` makes a record 8 bytes longer
_LAYOUTS: Final = ((80, (_HEADER, _HEADER + 22), 22), (176, (_HEADER + 1, _HEADER + 73), 71))
_TS_OUT: Final = 8
_STYPE_IN: Final = _HEADER
_PARENT: Final = 4
_PARENT_ENDINGS: Final = (".FUT", ".OPT", ".SPOT")
_EVERYTHING: Final = "ALL_SYMBOLS"


class SymbolMapping(NamedTuple):
    """From its place in the stream on, `names` are the instrument `instrument_id`, whose contract is `contract`.

    A name that stands for a whole group of instruments ("ES.FUT") is none of these: it names no single one.
    """

    instrument_id: int
    names: frozenset[str]
    contract: str


def read_mapping(record: bytes) -> SymbolMapping | None:
    """What one whole record of rtype 22 says; None when it cannot be read."""
    for size, starts, length in _LAYOUTS:
        if len(record) in (size, size + _TS_OUT):
            raw = [record[at : at + length].split(b"\0", 1)[0] for at in starts]
            try:
                asked, given = (name.decode("ascii") for name in raw)
            except UnicodeDecodeError:
                return None
            grouped = asked == _EVERYTHING or asked.endswith(_PARENT_ENDINGS)
            if size == _LAYOUTS[1][0]:
                grouped |= record[_STYPE_IN] == _PARENT
            names = frozenset(name for name in (given if grouped else asked, given) if name)
            contract = given if given and not given.isdecimal() else asked
            return SymbolMapping(int.from_bytes(record[_INSTRUMENT_ID], "little"), names, contract)
    return None
