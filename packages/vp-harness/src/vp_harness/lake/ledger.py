"""The ledger of a lake: which parts the results have and what each dataset holds, said outside of both.

An entry is a small JSON file named by the SHA-256 of its bytes. It names the entries before it that none had named yet,
so that the entries hang together like the commits of a repository, however many processes write them at once: that one
was changed or taken out shows in a later one, of all but the last.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from vp_book.atomic import write_file
from vp_harness.errors import ResultsError

_SUFFIX: Final = ".json"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry: `parts` of tables as `table/name`, `datasets` as id to digests by file, `after` names of entries."""

    after: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    datasets: dict[str, dict[str, str]] = {}


# Made here, not at its first use: threads of an executor read entries, and msgspec does not bear that.
_DECODER: Final = msgspec.json.Decoder(Entry)


class Ledger:
    """The ledger in one directory, made by its first entry. Entries never change, so each is read once an instance."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._entries: dict[str, Entry] = {}

    def append_parts(self, parts: Iterable[str]) -> None:
        """Enter those of `parts` that are not entered yet."""
        known = self.parts()
        new = tuple(sorted(set(parts) - known))
        if new:
            self._append(Entry(after=self._heads(), parts=new))

    def append_dataset(self, dataset_id: str, files: Mapping[str, str]) -> None:
        """Enter what a dataset holds, unless that is entered."""
        if dict(files) not in self.recorded(dataset_id):
            self._append(Entry(after=self._heads(), datasets={dataset_id: dict(files)}))

    def parts(self) -> set[str]:
        """All parts that were entered. Raises ResultsError naming an entry that is damaged."""
        return {part for entry in self._read().values() for part in entry.parts}

    def datasets(self) -> set[str]:
        """Ids of all datasets that were entered."""
        return {dataset_id for entry in self._read().values() for dataset_id in entry.datasets}

    def recorded(self, dataset_id: str) -> list[dict[str, str]]:
        """What a dataset held each time it was made. More than one where another version of a writer made it again."""
        entries = self._read().values()
        return [entry.datasets[dataset_id] for entry in entries if dataset_id in entry.datasets]

    def check(self) -> Iterator[tuple[str, str]]:
        """Read every entry again: (its name, what is wrong with it or an empty text)."""
        for name in self._names():
            problem = ""
            try:
                self._load(name)
            except (ResultsError, OSError) as error:
                problem = str(error)
            yield f"{self.directory.name}/{name}", problem

    def missing(self) -> list[str]:
        """Names of entries that others name and that are not there; of damaged ones nothing is known."""
        there = set(self._names())
        named: set[str] = set()
        for name in there:
            try:
                named.update(self._load(name).after)
            except (ResultsError, OSError):
                continue
        return [f"{self.directory.name}/{name}" for name in sorted(named - there)]

    def _append(self, entry: Entry) -> None:
        data = msgspec.json.encode(entry, order="deterministic")
        write_file(self.directory / f"{_digest(data)}{_SUFFIX}", data, read_only=True)

    def _heads(self) -> tuple[str, ...]:
        entries = self._read()
        return tuple(sorted(entries.keys() - {name for entry in entries.values() for name in entry.after}))

    def _read(self) -> dict[str, Entry]:
        for name in self._names():
            if name not in self._entries:
                self._entries[name] = self._load(name)
        return dict(self._entries)

    def _names(self) -> list[str]:
        return names_in(self.directory, _SUFFIX)

    def _load(self, name: str) -> Entry:
        path = self.directory / name
        data = path.read_bytes()
        if _digest(data) != name.removesuffix(_SUFFIX):
            raise ResultsError(
                f"{path} is damaged: its content is not what its name promises; bring it back from a copy"
            )
        try:
            return _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise ResultsError(f"{path} cannot be read: {error}") from error


def names_in(directory: Path, suffix: str) -> list[str]:
    """Names of the visible files of a directory that end in `suffix`, sorted; none where there is no directory.

    Raises ResultsError when it cannot be read: what cannot be read is not empty.
    """
    try:
        found = os.listdir(directory)  # noqa: PTH208 # a glob would take a directory it may not read for an empty one
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ResultsError(f"{directory} cannot be read: {error.strerror or error}") from error
    return sorted(name for name in found if name.endswith(suffix) and name[0] != ".")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
