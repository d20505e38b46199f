"""Files of published servings: written once, whole or not at all, never overwritten."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Final

from vp_contract import PublishedServing, SpecError, dump_published, parse_published
from vp_contract.atomic import leftovers, make_directory, remove_leftovers, write_file
from vp_registry.entries import VersionEntry
from vp_registry.errors import ServingConflictError, ServingFileMissingError, ServingIntegrityError
from vp_registry.state import file_name

_MAX_CACHED: Final = 64
_SUFFIX: Final = ".yaml"


class VersionFiles:
    """The directory of published servings, one `<serving_id>.yaml` each."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._parsed: dict[str, PublishedServing] = {}
        self._parsing = threading.Lock()  # who wants what another thread parses waits for it: parsing is slow

    def publish(self, spec: PublishedServing) -> str:
        """Write the file of `spec` if it is not there yet; the sha256 of what is there.

        A file left by a promotion that was interrupted is adopted when it holds the same serving, whatever time it was
        created at. Raises `ServingConflictError` when it holds another one, `ServingIntegrityError` when it cannot be
        written.
        """
        data = dump_published(spec)
        path = self.directory / file_name(spec.serving_id)
        try:
            make_directory(self.directory)
            remove_leftovers(self.directory)
            stored = data if write_file(path, data, read_only=True) else path.read_bytes()
        except OSError as error:
            raise _file_error(path, f"cannot be written: {error.strerror}") from error
        if stored != data:
            try:
                check_same(parse_published(stored, file=str(path)), spec)
            except SpecError as error:
                raise ServingConflictError(f"{error}: move the file away to publish {spec.serving_id}") from error
        return hashlib.sha256(stored).hexdigest()

    def read(self, version: VersionEntry) -> PublishedServing:
        """The serving in the file of a version, checked against the hash and the row it was published with.

        The file is found by the id alone; it is read and hashed every time, and only the parsing is remembered. Raises
        `ServingIntegrityError`.
        """
        path = self.directory / file_name(version.serving_id)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            problem = "the published serving cannot be read: there is no such file; bring it back from a copy"
            raise _file_error(path, problem, ServingFileMissingError) from error
        except OSError as error:
            raise _file_error(path, f"the published serving cannot be read: {error.strerror}") from error
        sha256 = version.spec_sha256
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise _file_error(
                path,
                f"the file is not the one that was published (sha256 {found[:16]}…, registered {sha256[:16]}…):"
                " restore it, or promote the changed config as a new serving",
            )
        with self._parsing:
            spec = self._parsed.get(sha256)
            if spec is None:
                try:
                    spec = parse_published(data, file=path.name)
                except SpecError as error:
                    problem = f"{error} (published by another version of vp-contract?)"
                    raise ServingIntegrityError(f"{path.parent}: {problem}", public=problem) from error
                if len(self._parsed) >= _MAX_CACHED:
                    self._parsed.clear()
                self._parsed[sha256] = spec
        row = (version.serving_id, version.source_run, version.experiment, version.config_hash)
        held = (spec.serving_id, spec.source.run_id, spec.source.experiment, spec.runtime.config_version)
        if row != held:
            raise _file_error(path, f"the file is of {held[0]}, run {held[1]}; its row says {row[0]}, run {row[1]}")
        return spec

    def ids(self) -> set[str]:
        """The ids that have a file. Raises `ServingIntegrityError` when the directory cannot be read."""
        return {name.removesuffix(_SUFFIX) for name in self._names() if name[0] != "." and name.endswith(_SUFFIX)}

    def leftovers(self, *, clean: bool = False) -> list[Path]:
        """What processes that died while writing a file have left; see `vp_contract.atomic.leftovers`.

        Raises `ServingIntegrityError` when the directory cannot be read.
        """
        self._names()
        return remove_leftovers(self.directory) if clean else leftovers(self.directory)

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self.directory.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _file_error(self.directory, f"cannot be read: {error.strerror}") from error


def check_same(published: PublishedServing, spec: PublishedServing) -> None:
    """Raise `ServingConflictError` unless both say the same, whatever time each was created at."""
    names = published.differences(spec)
    if names:
        raise ServingConflictError(
            f"{spec.serving_id} is already published with other contents ({', '.join(names)} differ): "
            "a published serving never changes, a new run makes a new one"
        )


def _file_error(
    path: Path, problem: str, kind: type[ServingIntegrityError] = ServingIntegrityError
) -> ServingIntegrityError:
    return kind(f"{path}: {problem}", public=f"{path.name}: {problem}")
