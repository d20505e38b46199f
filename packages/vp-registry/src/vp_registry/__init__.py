"""Published servings, aliases and the promotion audit trail."""

from vp_registry.errors import (
    AliasMovedError,
    RegistryParameterError,
    RegistryUnavailableError,
    RollbackError,
    ServingConflictError,
    ServingIntegrityError,
    UnknownServingError,
    VpRegistryError,
)
from vp_registry.registry import (
    ANY_TARGET,
    AliasEntry,
    AnyTarget,
    PromotionEvent,
    Registry,
    ResolvedServing,
    VersionEntry,
)

__all__ = [
    "ANY_TARGET",
    "AliasEntry",
    "AliasMovedError",
    "AnyTarget",
    "PromotionEvent",
    "Registry",
    "RegistryParameterError",
    "RegistryUnavailableError",
    "ResolvedServing",
    "RollbackError",
    "ServingConflictError",
    "ServingIntegrityError",
    "UnknownServingError",
    "VersionEntry",
    "VpRegistryError",
]
