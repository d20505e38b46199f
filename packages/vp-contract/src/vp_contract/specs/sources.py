"""What a capture is replayed from: which files, which of their records, and what may be wrong with them."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from vp_contract._types import OnDamage, OnShort, ProductType, PublisherId, Seconds, Symbol
from vp_contract.errors import SpecError, shown
from vp_contract.specs.runtime import RuntimeConfig

_OF_CONFIG: Final = ("product_type", "symbol", "publisher", "on_damage", "on_short", "max_silence_s")

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
FileName = Annotated[str, Meta(pattern=r"^[^./\\\x00][^/\\\x00]*$(?!\n)", max_length=255)]
LakePath = Annotated[str, Meta(min_length=1, max_length=1024)]


class SourceFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One raw file: its name, the sha256 and size of its bytes, and its path below the lake's root.

    `path` says where it lay and decides nothing; of a file outside of the lake it is the name.
    """

    name: FileName
    sha256: Sha256
    size: Annotated[int, Meta(ge=0)]
    path: LakePath


class SourceOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides which market a capture shows.

    `files` are in order of time and one session. `start_ns` to `end_ns` (exclusive) is the capture in ns UTC,
    `warm_up_s` the seconds of flow before it. The rest is as `CaptureSpec` has it. Made once of a config and a lake, it
    stands in the manifest of a dataset, decides its id, and is published with a serving.
    """

    product_type: ProductType
    symbol: Symbol
    publisher: PublisherId | None = None
    on_damage: OnDamage = "refuse"
    on_short: OnShort = "refuse"
    max_silence_s: Seconds | None = None
    start_ns: Annotated[int, Meta(ge=0)]
    end_ns: Annotated[int, Meta(ge=0)]
    warm_up_s: Annotated[int, Meta(ge=0)]
    files: Annotated[tuple[SourceFile, ...], Meta(min_length=1, max_length=16)]

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise SpecError(
                f"must be a time after start_ns {self.start_ns}",
                field="end_ns",
                found=shown(self.end_ns),
                related=("start_ns",),
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files, in order."""
        return tuple(file.name for file in self.files)

    def decides(self) -> dict[str, Any]:
        """What of it decides a number, as JSON has it: all but the names and places of the files."""
        plain = {name: getattr(self, name) for name in self.__struct_fields__ if name != "files"}
        return {**plain, "files": [file.sha256 for file in self.files]}

    @property
    def sha256(self) -> str:
        """A digest over `decides`: equal exactly for sources that give the same market."""
        return hashlib.sha256(msgspec.json.encode(self.decides(), order="sorted")).hexdigest()

    def check_of(self, config: RuntimeConfig) -> None:
        """Raise `SpecError` naming the first field in which this is not the source of `config`."""
        for name in _OF_CONFIG:
            found, wanted = getattr(self, name), getattr(config, name)
            if found != wanted:
                raise SpecError(
                    f"must be {shown(wanted)}, as the runtime config has it", field=name, found=shown(found)
                )
