"""Raw replay files of the lake: importing one, and finding the one a config replays."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from vp_book import VpBookError, open_dbn
from vp_book.atomic import sha256_file, write_file
from vp_contract import InstrumentLock, RuntimeConfig
from vp_harness.errors import RawFileConflictError, RawFileError
from vp_harness.lake import LakeLike, open_lake
from vp_harness.pipeline import capture_ns

SUFFIXES: Final = (".dbn.zst", ".dbn")
_SIDECAR: Final = ".json"


class RawFile(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found out about a file; kept beside it as `<name>.json`.

    `records` are the instrument's market-by-order records, `first_ns` and `last_ns` the range of their ts_recv (ns
    UTC), `damage` what was tolerated.
    """

    name: str
    symbol: str
    dataset: str
    sha256: str
    size: int
    records: int
    first_ns: int
    last_ns: int
    damage: str | None = None


def import_file(
    lake: LakeLike,
    path: str | os.PathLike[str],
    lock: InstrumentLock,
    *,
    publisher: int | None = None,
    tolerate_truncated: bool = False,
    progress: Callable[[int], None] | None = None,
) -> tuple[Path, RawFile]:
    """Check a DBN file whole and copy it into the lake; returns its place there and what was found.

    The file must be of the mbo schema, hold the locked instrument's symbol and decode to its last byte (a truncated one
    is taken only with `tolerate_truncated`). `progress` is called with the records decoded so far. Importing the
    same bytes again changes nothing.

    Raises RawFileError saying what is wrong with the file, or RawFileConflictError when the lake holds other bytes
    for that instrument and day.
    """
    source = Path(path)
    if not source.name.endswith(SUFFIXES):
        raise RawFileError(f"{source} is not a .dbn or .dbn.zst file by its name")
    if not source.is_file():
        raise RawFileError(f"{source} is not a file that can be read")
    directory = open_lake(lake).raw_dir(lock.product_type, lock.symbol_root)
    found = _inspect(source, lock, publisher, tolerate_truncated, progress)
    target = directory / found.name
    made = write_file(target, lambda temporary: shutil.copyfile(source, temporary), read_only=True)
    if not made and sha256_file(target) != found.sha256:
        raise RawFileConflictError(
            f"{target} exists with other bytes than {source}: a raw file never changes; remove it first if it is wrong"
        )
    if made and sha256_file(target) != found.sha256:
        target.unlink()
        raise RawFileError(f"{source} changed while it was copied: import it again when it is finished")
    write_file(sidecar_of(target), msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    return target, found


def sidecar_of(path: Path) -> Path:
    """Where the `RawFile` of a raw file of the lake is kept."""
    return path.with_name(path.name + _SIDECAR)


def find_raw(lake: LakeLike, config: RuntimeConfig) -> Path:
    """The raw file of a config's product, symbol root and UTC day, which from 19:00 or 20:00 New York is the next one.

    Of several files of that day the one that begins with the symbol is meant. Raises RawFileError listing what is
    there.
    """
    directory = open_lake(lake).raw_dir(config.product_type, config.symbol_root)
    there = sorted(path.name for path in directory.glob("*") if path.name.endswith(SUFFIXES) and path.name[0] != ".")
    day = _utc_day(capture_ns(config)[0])
    of_day = [name for name in there if day in name]
    named = [name for name in of_day if name.lower().startswith(f"{config.symbol.lower()}-")]
    candidates = named or of_day
    if len(candidates) == 1:
        return directory / candidates[0]
    if candidates:
        raise RawFileError(f"{directory} has several files of {config.symbol} on {day}: {', '.join(candidates)}")
    raise RawFileError(
        f"no raw file of {config.symbol} on {day} (UTC) in {directory}; it has {', '.join(there) or 'none'}: "
        "bring one in with `vp import FILE`"
    )


def _utc_day(ts_ns: int) -> str:
    """YYYYMMDD of a time: Databento cuts its files at midnight UTC."""
    return dt.datetime.fromtimestamp(ts_ns // 1_000_000_000, dt.UTC).strftime("%Y%m%d")


def _inspect(
    source: Path,
    lock: InstrumentLock,
    publisher: int | None,
    tolerate_truncated: bool,
    progress: Callable[[int], None] | None,
) -> RawFile:
    try:
        opened = open_dbn(source, symbol=lock.symbol, publisher=publisher, tolerate_truncated=tolerate_truncated)
        records, first, last = 0, 0, 0
        for chunk in opened:
            first = first or int(chunk["ts_recv"][0])
            last = max(last, int(chunk["ts_recv"].max()))
            records += len(chunk)
            if progress:
                progress(records)
    except VpBookError as error:
        raise RawFileError(str(error)) from error
    if not records:
        raise RawFileError(f"{source} has no record of {lock.symbol}; it has {', '.join(map(str, opened.symbols))}")
    suffix = next(suffix for suffix in SUFFIXES if source.name.endswith(suffix))
    return RawFile(
        name=f"{lock.symbol.lower()}-{_utc_day(first)}.mbo{suffix}",
        symbol=lock.symbol,
        dataset=opened.dataset,
        sha256=sha256_file(source),
        size=source.stat().st_size,
        records=records,
        first_ns=first,
        last_ns=last,
        damage=opened.report.damage,
    )
