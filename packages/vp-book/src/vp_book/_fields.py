"""Records with named fields that compiled code and Python both read and write as attributes."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

Field: TypeAlias = tuple[str, str] | tuple[str, str, tuple[int, ...]]


def record_dtype(name: str, fields: Sequence[Field]) -> np.dtype[Any]:
    """The dtype of a record with these fields (name, dtype, and a shape if there are several elements).

    An element of such an array is a view of its memory, and `record.field` reads or writes it. NumPy's own `np.record`
    has attributes as well, but looks each of them up in Python, which takes five times as long.

        POINT = record_dtype("Point", (("x", "<i8"), ("y", "<i8")))
        points = np.zeros(1, POINT)
        points[0].x += 3
    """
    members: dict[str, Any] = {field[0]: property(itemgetter(field[0]), _setter(field[0])) for field in fields}
    taken = set(dir(np.void)) & set(members)
    if taken:
        raise TypeError(f"{name}: NumPy's records have attributes of the names {sorted(taken)}")
    return np.dtype((type(name, (np.void,), {"__slots__": (), **members}), np.dtype(list(fields), align=True)))


def plain_reader(dtype: np.dtype[Any], *names: str) -> Callable[[np.ndarray], Any]:
    """A function that reads these fields of the first record of an array, as a named tuple of Python numbers.

    Without names it reads all of them, which needs no view of the array; none may then have a shape.

    It takes 1.5 us for ten fields; one attribute after the other takes 0.3 us each, and gives NumPy's numbers.

        read_xy = plain_reader(POINT, "x", "y")
        x, y = read_xy(points)
    """
    members: Any = dtype.fields
    values: Any = namedtuple("values", names or dtype.names or ())  # type: ignore[misc]
    if not names:
        return lambda records: values._make(records.item(0))
    formats, offsets = zip(*(members[name][:2] for name in names), strict=True)
    view = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize})
    return lambda records: values._make(records.view(view).item(0))


def _setter(name: str) -> Any:
    def set_field(record: np.void, value: Any) -> None:
        record[name] = value

    return set_field
