"""What the registry answers with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

from vp_contract import PublishedServing

EventKind: TypeAlias = Literal["promote", "move", "rollback"]


class AnyTarget(Enum):
    """The type of `ANY_TARGET`."""

    ANY = "any"


ANY_TARGET: Final = AnyTarget.ANY
"""For `promote`'s `expected`: whatever the alias serves now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedServing:
    """A published serving whose file has just been checked.

    `alias` is None when it was asked for by id. `promoted_at` is when the alias came to it, or for an id when it was
    published, as ISO 8601 text in UTC.
    """

    serving_id: str
    alias: str | None
    spec: PublishedServing
    promoted_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasEntry:
    """An alias and what it serves since when."""

    alias: str
    serving_id: str
    updated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """A row of published servings. `spec_path` is the name of its file, which follows from the id."""

    serving_id: str
    spec_path: str
    spec_sha256: str
    source_run: str
    experiment: str
    config_hash: str
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionEvent:
    """One change of an alias. `from_id` is None for its first.

    `seq` is its place among all events, which is what orders them; `time` is what the clock of whoever made it said.
    `digest` is its link of the hash chain: see `hash_chain`.
    """

    seq: int
    alias: str
    kind: EventKind
    from_id: str | None
    to_id: str
    actor: str
    time: str
    reason: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """How many events there are, and the digest of the last: 64 zeros when there is none."""

    events: int
    digest: str
