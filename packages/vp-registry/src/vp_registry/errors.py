"""What can go wrong in vp-registry."""

from __future__ import annotations

from collections.abc import Sequence


class VpRegistryError(Exception):
    """Base of every error that vp-registry raises on purpose.

    `public` says the same without a path or address of this machine, for whoever asked over a network.
    """

    def __init__(self, message: str = "", *, public: str | None = None) -> None:
        super().__init__(message)
        self.public = message if public is None else public


class UnknownServingError(VpRegistryError):
    """Neither an alias nor a published serving has this name. `known` lists the aliases there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        aliases = ", ".join(self.known) if self.known else "none yet, `vp promote` makes one"
        super().__init__(f"no serving or alias {name[:80]!r}, known aliases: {aliases}")


class ServingIntegrityError(VpRegistryError):
    """The file of a published serving is missing, or is not the one that was published."""


class ServingFileMissingError(ServingIntegrityError):
    """There is no file of a published serving."""


class RegistryIntegrityError(VpRegistryError):
    """The rows of the registry are not what its chain of events says: somebody or something changed them."""


class ServingConflictError(VpRegistryError):
    """The serving id is already published with other contents."""


class AliasMovedError(VpRegistryError):
    """An alias does not point where the caller believed. `expected` and `found` are serving ids or None."""

    def __init__(self, alias: str, *, expected: str | None, found: str | None) -> None:
        self.alias = alias
        self.expected = expected
        self.found = found
        super().__init__(
            f"alias {alias} was not moved: it is at {found or 'nothing'}, and "
            f"not at {expected or 'nothing'}; somebody moved it: look at it, and move it from where it is"
        )


class RollbackError(VpRegistryError):
    """The alias has no earlier serving to go back to."""


class RegistryParameterError(VpRegistryError, ValueError):
    """An argument is not what is allowed."""


class RegistryUnavailableError(VpRegistryError):
    """The database cannot be opened, read or written: missing driver, no permission, locked too long, damaged."""
