"""What the commands about stored things and aliases print."""

from __future__ import annotations

from typing import Literal, TypedDict


class VerifiedDataset(TypedDict):
    """A dataset that is what was written: the SHA-256 of its files by name, how many entries of the ledger, runs and
    servings agree, and `head`, the end of the chain of its frames; `frames` says how that was found."""

    dataset_id: str
    files: dict[str, str]
    bins: int
    in_ledger: int
    runs: int
    servings: int
    head: str
    frames: str
    verified: bool


class VerifiedServing(TypedDict):
    """A serving whose stream is what was evaluated: `bins` frames, whose chain ends in `head`; `logged` of them lie
    encoded on the disk. `values_digest` is null where the serving does not say what the values of its signal were."""

    serving_id: str
    alias: str | None
    dataset_id: str
    bins: int
    logged: int
    head: str
    signal: str
    values_digest: str | None
    marks: str
    verified: bool


class WholeThings(TypedDict):
    """How many things of a kind are whole."""

    kind: str
    count: int


class NotWhole(TypedDict):
    """A thing that is not whole, and what is wrong with it."""

    kind: str
    name: str
    state: Literal["damaged", "missing", "unfinished"]
    problem: str


class VerifiedLake(TypedDict):
    """Everything that a lake stores. `registry` says how many events the registry has and the end of their chain, null
    where there is none."""

    whole: list[WholeThings]
    notable: list[NotWhole]
    damaged: int
    missing: int
    registry: str | None


class ListedAlias(TypedDict):
    """An alias and what it serves since `updated`."""

    alias: str
    serving_id: str
    updated: str


class MovedAlias(TypedDict):
    """What an alias serves now."""

    alias: str
    serving_id: str


AliasEvent = TypedDict(
    "AliasEvent",
    {
        "seq": int,
        "time": str,
        "kind": Literal["promote", "move", "rollback"],
        "from": str | None,
        "to": str,
        "actor": str,
        "reason": str,
        "digest": str,
    },
)
AliasEvent.__doc__ = (
    "A change of an alias. `seq` is its place among all events of the registry, `from` is null for the first of an "
    "alias, `digest` is its link of the hash chain."
)
