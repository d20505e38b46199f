"""Published servings, aliases and the promotion audit trail."""

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
