"""Files of published servings: written once, whole or not at all, never overwritten."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import Final

from vp_contract import PublishedServing, SpecError, dump_published, parse_published
from vp_registry.entries import VersionEntry
from vp_registry.errors import ServingConflictError, ServingFileMissingError, ServingIntegrityError
from vp_registry.state import file_name

_MAX_CACHED: Final = 64
_LEFTOVER_SECONDS: Final = 600
_SUFFIX: Final = ".yaml"
_TEMPORARY: Final = re.compile(r"\..+\.yaml\.[0-9a-f]+\.tmp", re.DOTALL)


class VersionFiles:
    """The directory of published servings, one `<serving_id>.yaml` each."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._parsed: dict[str, PublishedServing] = {}

    def publish(self, spec: PublishedServing) -> str:
        """Write the file of `spec` if it is not there yet; the sha256 of what is there.

        A file left by a promotion that was interrupted is adopted when it holds the same serving, whatever time it was
        created at. Raises `ServingConflictError` when it holds another one, `ServingIntegrityError` when it cannot be
        written.
        """
        data = dump_published(spec)
        path = self.directory / file_name(spec.serving_id)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.leftovers(clean=True)
            stored = data if _write_new(path, data) else path.read_bytes()
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
        """What processes that died while writing a file have left; a live one takes milliseconds."""
        oldest = time.time() - _LEFTOVER_SECONDS
        found = []
        for name in sorted(self._names()):
            path = self.directory / name
            with contextlib.suppress(FileNotFoundError):
                if _TEMPORARY.fullmatch(name) and path.stat().st_mtime < oldest:
                    if clean:
                        path.unlink()
                    found.append(path)
        return found

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


def _write_new(path: Path, data: bytes) -> bool:
    """Put a whole new file at `path`; False, and nothing is changed, when there is one already."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        created = _link_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if created:
        path.chmod(0o444)
    _sync_directory(path.parent)
    return created


def _file_error(
    path: Path, problem: str, kind: type[ServingIntegrityError] = ServingIntegrityError
) -> ServingIntegrityError:
    return kind(f"{path}: {problem}", public=f"{path.name}: {problem}")


def _link_new(temporary: Path, path: Path) -> bool:
    """Name `temporary` also `path` unless there is a `path`."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:
        # a file system without hard links: callers hold the registry's write lock, so nothing comes between
        if path.exists():
            return False
        temporary.rename(path)
    return True


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # a directory cannot be opened there, and its entries are journaled
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
