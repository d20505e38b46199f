"""Published servings, aliases and the promotion audit trail.

`Registry` is imported when it is first asked for: it brings a database library along, which takes longer to import than
all the rest, and who only handles errors and answers does without.
"""

from typing import TYPE_CHECKING, Any

from vp_registry.entries import (
    ANY_TARGET,
    AliasEntry,
    AnyTarget,
    ChainHead,
    PromotionEvent,
    ResolvedServing,
    VersionEntry,
)
from vp_registry.errors import (
    AliasMovedError,
    RegistryIntegrityError,
    RegistryParameterError,
    RegistryUnavailableError,
    RollbackError,
    ServingConflictError,
    ServingFileMissingError,
    ServingIntegrityError,
    UnknownServingError,
    VpRegistryError,
)

if TYPE_CHECKING:
    from vp_registry.registry import Registry

__all__ = [
    "ANY_TARGET",
    "AliasEntry",
    "AliasMovedError",
    "AnyTarget",
    "ChainHead",
    "PromotionEvent",
    "Registry",
    "RegistryIntegrityError",
    "RegistryParameterError",
    "RegistryUnavailableError",
    "ResolvedServing",
    "RollbackError",
    "ServingConflictError",
    "ServingFileMissingError",
    "ServingIntegrityError",
    "UnknownServingError",
    "VersionEntry",
    "VpRegistryError",
]


def __getattr__(name: str) -> Any:
    if name == "Registry":
        from vp_registry.registry import Registry

        return Registry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
