"""A finished job's file into the lake: brought beside it, held to its size and hash, and imported as any DBN file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from vp_book.atomic import remove_tree, sha256_file
from vp_harness.errors import DownloadError, RawFileError
from vp_harness.intake.batch.api import Api, JobFile
from vp_harness.intake.batch.state import Wanted
from vp_harness.lake.paths import Lake
from vp_harness.lake.raw import SUFFIXES, RawFile, import_file, utc_day


class BadCopyError(DownloadError):
    """What came is not what the service says that the file is; it may come whole another time."""


def fetch(lake: Lake, api: Api, wanted: Wanted, progress: Callable[[str, int, int], None]) -> Path:
    """Bring the file of a finished job into the lake; returns its place there.

    What has come of it stays under `cache/downloads` until the file is in its place, so that another time goes on
    there. `progress` is called with what is done, and how far of what.

    Raises BadCopyError, DownloadError when the job has not the one file that was ordered, RawFileError when it is not
    of the symbol, the schema, the tick or the day, and what the api raises.
    """
    job_id = wanted.job_id or ""
    file = _the_file(job_id, api.files(job_id))
    directory = lake.downloads_dir
    directory.mkdir(parents=True, exist_ok=True)
    there = directory / job_id / file.filename
    if there.exists() and there.stat().st_size > file.size:
        there.unlink()  # the client would not go on from there
    path = api.download(job_id, file, directory, lambda size: progress("bytes of the file", size, file.size))
    try:
        _check_bytes(path, file)
        placed, _ = import_file(lake, path, wanted.lock, check=lambda found: _check(found, wanted))
    except (BadCopyError, RawFileError):
        remove_tree(path.parent)
        raise
    remove_tree(path.parent)
    return placed


def _the_file(job_id: str, files: list[JobFile]) -> JobFile:
    data = [file for file in files if file.filename.endswith(SUFFIXES)]
    if len(data) != 1:
        names = ", ".join(file.filename for file in files) or "none"
        raise DownloadError(f"job {job_id}: has {len(data)} DBN files where one day has one; its files are {names}")
    return data[0]


def _check_bytes(path: Path, file: JobFile) -> None:
    size = path.stat().st_size
    if size != file.size:
        raise BadCopyError(f"{file.filename}: {size} bytes came, the service says {file.size}")
    algorithm, _, digest = file.hash.partition(":")
    if algorithm != "sha256":
        raise DownloadError(f"{file.filename}: its hash is {algorithm!r}, only sha256 can be checked")
    found = sha256_file(path)
    if found != digest.lower():
        raise BadCopyError(f"{file.filename}: sha256 {found[:16]} came, the service says {digest[:16]}")


def _check(found: RawFile, wanted: Wanted) -> None:
    """Raise RawFileError unless a file is of the dataset and day that were ordered."""
    day = f"{wanted.date:%Y%m%d}"
    days = {utc_day(found.first_ns), utc_day(found.last_ns)}
    if found.dataset != wanted.dataset or days != {day}:
        raise RawFileError(
            f"what came for {wanted.name} is of {found.dataset} and has records of {' to '.join(sorted(days))}; "
            f"{wanted.dataset} and {day} were ordered"
        )
    after = dt.datetime.combine(wanted.date + dt.timedelta(days=1), dt.time(), dt.UTC)
    if found.end_ns is not None and found.end_ns > int(after.timestamp()) * 10**9:
        raise RawFileError(f"what came for {wanted.name} says that it goes on beyond the end of that day")
