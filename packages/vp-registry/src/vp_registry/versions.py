"""Files of published servings: written once, whole or not at all, never overwritten."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Final

from vp_contract import PublishedServing, SpecError, dump_published, parse_published
from vp_registry.errors import ServingConflictError, ServingIntegrityError

_MAX_CACHED: Final = 64
_LEFTOVER_SECONDS: Final = 600


class VersionFiles:
    """The directory of published servings, one `<serving_id>.yaml` each."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._parsed: dict[str, PublishedServing] = {}

    def name(self, serving_id: str) -> str:
        """File name of a serving, which is its path relative to the directory."""
        return f"{serving_id}.yaml"

    def publish(self, spec: PublishedServing) -> str:
        """Write the file of `spec` if it is not there yet; the sha256 of what is there.

        A file left by a promotion that was interrupted is adopted when it holds the same serving, whatever time it was
        created at. Raises `ServingConflictError` when it holds another one, `ServingIntegrityError` when it cannot be
        written.
        """
        data = dump_published(spec)
        path = self.directory / self.name(spec.serving_id)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(path)
            stored = data if _write_new(path, data) else path.read_bytes()
        except OSError as error:
            raise ServingIntegrityError(f"{path}: cannot be written: {error.strerror}") from error
        if stored != data:
            try:
                check_same(parse_published(stored, file=str(path)), spec)
            except SpecError as error:
                raise ServingConflictError(f"{error}: move the file away to publish {spec.serving_id}") from error
        return hashlib.sha256(stored).hexdigest()

    def read(self, relative: str, sha256: str) -> PublishedServing:
        """The serving in a file, checked against the hash it was published with.

        The file is read and hashed every time; only the parsing is remembered. Raises `ServingIntegrityError`.
        """
        path = self.directory / relative
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ServingIntegrityError(f"{path}: the published serving cannot be read: {error.strerror}") from error
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise ServingIntegrityError(
                f"{path}: the file is not the one that was published (sha256 {found[:16]}…, registered {sha256[:16]}…):"
                " restore it, or promote the changed config as a new serving"
            )
        spec = self._parsed.get(sha256)
        if spec is None:
            try:
                spec = parse_published(data, file=str(path))
            except SpecError as error:
                raise ServingIntegrityError(f"{error} (published by another version of vp-contract?)") from error
            if len(self._parsed) >= _MAX_CACHED:
                self._parsed.clear()
            self._parsed[sha256] = spec
        return spec


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


def _remove_leftovers(path: Path) -> None:
    """Remove what processes that died while writing `path` have left; a live one takes milliseconds."""
    oldest = time.time() - _LEFTOVER_SECONDS
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            if leftover.stat().st_mtime < oldest:
                leftover.unlink()


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
