"""What can go wrong in vp-contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_LONGEST_SHOWN = 80


def shown(value: object) -> str:
    """A value as an error names it, short and as YAML has it: `'soon'`, `[5, 10]`, `true`, `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{…}" if value else "{}"
    if isinstance(value, (list, tuple)):
        text = f"[{', '.join(map(shown, value))}]"
        return text if len(text) <= _LONGEST_SHOWN else "[…]"
    text = f"{value!r}" if isinstance(value, str) else f"{value}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


class VpContractError(Exception):
    """Base of every error that vp-contract raises on purpose."""


class SpecError(VpContractError, ValueError):
    """A spec, or a value meant for one, is not what the contract allows.

    `field` is the dotted path of the offending field ("" for the whole document), `file` and `line` (1-based) say
    where it was read from, and are None for values that came from no file. `found` is the value that is refused, as it
    is shown; None where the problem is about no single value. `related` names the other fields that the problem is
    about: those that the value was compared with. `str()` gives all but them on one line:
    `FILE:LINE: FIELD=VALUE: what is wrong; what is allowed; what to do`.
    """

    def __init__(
        self,
        problem: str,
        *,
        field: str = "",
        file: str | None = None,
        line: int | None = None,
        found: str | None = None,
        related: Sequence[str] = (),
    ) -> None:
        self.problem = problem
        self.found = found
        self.related = tuple(related)
        self.field = field
        self.file = file
        self.line = line
        place = file if file is None or line is None else f"{file}:{line}"
        super().__init__(": ".join(part for part in (place, self.parameter, problem) if part))

    @property
    def parameter(self) -> str:
        """The field with the value that is refused, `tau_velocity=-1`; the field alone where there is none."""
        return self.field if self.found is None or not self.field else f"{self.field}={self.found}"


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
