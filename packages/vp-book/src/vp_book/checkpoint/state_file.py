"""Files that hold the whole state of a book engine: plain arrays behind a checksum.

Layout, all integers little-endian:

    8 bytes   magic
    4 bytes   format version
    32 bytes  SHA-256 of everything that follows
    4 bytes   length of the header
    header    JSON: `facts` (whatever the writer wants to find again), `code`, and `arrays` as [name, dtype, shape]
    arrays    their elements in C order, one array after the other

A checkpoint is a cache. It is read back only by the code that wrote it, on a machine that computes the same bits;
everywhere else it is refused, and made again.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np

from vp_book.atomic import StagedFile
from vp_book.book.state import COUNTS, SCALARS, STATS, WEIGHTS, Arrays
from vp_book.errors import CheckpointError
from vp_book.kernel_files import source_digest
from vp_book.physics.flow import CELL_FLOATS, PHYSICS_COLUMNS, read_cells
from vp_book.physics.parameters import PARAMS, Physics

MAGIC: Final = b"VPBOOKCP"
FORMAT_VERSION: Final = 2

_CHECKED_FROM: Final = 44
_DTYPES: Final = {"<i8": np.int64, "<f8": np.float64}
_PROBES: Final = 64
_RECORDS: Final = {"scalars": SCALARS, "counts": COUNTS, "stats": STATS, "weights": WEIGHTS, "params": PARAMS}


def save(path: Path, arrays: Arrays, facts: Mapping[str, object]) -> None:
    """Write a checkpoint: into a temporary sibling, flushed to disk, then renamed over `path`.

    `facts` are plain JSON values. Raises OSError when the directory cannot be written.
    """
    named = {name: _flat(array) for name, array in arrays._asdict().items()}
    header = json.dumps(
        {
            "facts": facts,
            "code": code_digest(),
            "arrays": [[name, array.dtype.newbyteorder("<").str, array.shape] for name, array in named.items()],
        },
        sort_keys=True,
    ).encode()
    parts = [len(header).to_bytes(4, "little"), header]
    parts += [array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in named.values()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    with StagedFile(path) as staged:
        for part in (MAGIC, FORMAT_VERSION.to_bytes(4, "little"), digest.digest(), *parts):
            staged.write(part)
        staged.publish()


def load(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read a checkpoint: (facts, arrays), the arrays writable and the caller's own.

    Raises CheckpointError for what is not a whole, unaltered checkpoint of this code; whether it is the one wanted is
    for the caller to see from the facts. A file that is not there raises FileNotFoundError.
    """
    body = _checked_body(path)
    try:
        length = int.from_bytes(body[:4], "little")
        header = json.loads(body[4 : 4 + length])
        code, facts, table = header["code"], header["facts"], header["arrays"]
        if code != code_digest():
            raise CheckpointError(f"{path} was written by other code of vp-book, or on another kind of machine")
        return facts, _arrays(memoryview(body)[4 + length :], table)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a book checkpoint of this format ({error})") from None


def verify_file(path: Path) -> None:
    """Check that a file is a whole, unaltered checkpoint, whatever code wrote it. Raises CheckpointError."""
    _checked_body(path)


def _checked_body(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(_CHECKED_FROM)
            if head[:8] != MAGIC:
                raise CheckpointError(f"{path} is not a book checkpoint (wrong first bytes)")
            version = int.from_bytes(head[8:12], "little")
            if len(head) == _CHECKED_FROM and version != FORMAT_VERSION:
                raise CheckpointError(f"{path} has checkpoint format {version}, this vp-book reads {FORMAT_VERSION}")
            body = file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error})") from None
    if hashlib.sha256(body).digest() != head[12:]:
        raise CheckpointError(f"{path} is damaged: its content is not what its checksum says")
    return body


def _flat(array: np.ndarray) -> np.ndarray:
    """Records with named fields as the plain numbers that they are made of; other arrays as they are."""
    first = (array.dtype.names or (None,))[0]
    return array if first is None else array.view(array.dtype[first].base)


def _as_records(name: str, array: np.ndarray) -> np.ndarray:
    """The inverse of `_flat`. Raises ValueError for what does not make whole records."""
    dtype = _RECORDS[name]
    plain = _flat(np.zeros(1, dtype))
    if array.dtype != plain.dtype or array.shape != plain.shape:
        raise ValueError(f"array {name} has dtype {array.dtype} and shape {array.shape}")
    return array.view(dtype)


@cache
def code_digest() -> str:
    """Digest of what decides the bits of a state: the sources of this package, numba, and this machine's arithmetic.

    The conformance digest follows from the sources, but is rounded so that machines whose exp() differs in the last
    bit agree. A resumed replay must be identical to the bit, so here they do not.
    """
    sources = (
        source_digest(__name__.partition(".")[0]) or secrets.token_hex()
    )  # unseen sources: no code but this process's
    digest = hashlib.sha256(f"{sources} {numba.__version__} {sys.byteorder}".encode())
    params = Physics().to_array()
    state = np.linspace(0.5, 2.0, 7 * PHYSICS_COLUMNS).reshape(7, PHYSICS_COLUMNS)
    floats = np.empty((len(CELL_FLOATS), 7), np.float64)
    for i in range(_PROBES):
        read_cells(state, params, 0, 7_654_321_987 * i, 0, floats)
        digest.update(floats.tobytes())
    return digest.hexdigest()


def _arrays(data: memoryview, table: Sequence[tuple[str, str, list[int]]]) -> Arrays:
    found: dict[str, np.ndarray] = {}
    at = 0
    for name, dtype, shape in table:
        if dtype not in _DTYPES or not 1 <= len(shape) <= 3:
            raise ValueError(f"array {name} has dtype {dtype} and shape {shape}")
        if any(not isinstance(n, int) or not 0 <= n <= len(data) for n in shape):
            raise ValueError(f"array {name} has shape {shape}")
        size = 8 * math.prod(shape)
        flat = np.frombuffer(data[at : at + size], np.dtype(dtype))
        # a copy: what compiled code writes to must be writable, aligned, and of the machine's byte order
        found[name] = flat.astype(_DTYPES[dtype]).reshape(shape)
        at += size
        if name in _RECORDS:
            found[name] = _as_records(name, found[name])
    if at != len(data):
        raise ValueError(f"{len(data)} bytes of arrays where {at} are declared")
    return Arrays(**found)
