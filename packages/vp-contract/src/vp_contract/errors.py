"""What can go wrong in vp-contract."""

from __future__ import annotations

from collections.abc import Sequence


class VpContractError(Exception):
    """Base of every error that vp-contract raises on purpose."""


class SpecError(VpContractError, ValueError):
    """A spec, or a value meant for one, is not what the contract allows.

    `field` is the dotted path of the offending field ("" for the whole document), `file` and `line` (1-based) say
    where it was read from, and are None for values that came from no file. `related` names the other fields that the
    problem is about: those that the value was compared with. `str()` gives all but them on one line.
    """

    def __init__(
        self,
        problem: str,
        *,
        field: str = "",
        file: str | None = None,
        line: int | None = None,
        related: Sequence[str] = (),
    ) -> None:
        self.problem = problem
        self.related = tuple(related)
        self.field = field
        self.file = file
        self.line = line
        place = file if file is None or line is None else f"{file}:{line}"
        super().__init__(": ".join(part for part in (place, field, problem) if part))


class SpecNotFoundError(SpecError):
    """The named spec has no file. The message lists the names that exist."""

    def __init__(self, problem: str, *, file: str, known: Sequence[str] = ()) -> None:
        self.known = tuple(known)
        super().__init__(problem, file=file)


class InstrumentLockError(VpContractError):
    """Something names another instrument than the one this environment is locked to."""


class WireError(VpContractError, ValueError):
    """Bytes are not a message of the wire protocol, or a message cannot be put on the wire."""


class GridError(WireError):
    """An Arrow grid is damaged, or its columns do not fit the schema."""
