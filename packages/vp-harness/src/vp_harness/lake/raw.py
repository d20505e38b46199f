"""Raw replay files of the lake: importing one, and finding that of a day."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from vp_book import VpBookError, open_dbn
from vp_book.atomic import sha256_file, write_file
from vp_book.records import NS_PER_S, UNDEF_PRICE, UNDEF_TIMESTAMP
from vp_contract import InstrumentLock, OnDamage, RuntimeConfig
from vp_harness.errors import RawFileConflictError, RawFileError
from vp_harness.execution.pipeline import capture_ns, is_off_grid
from vp_harness.lake.paths import LakeLike, open_lake

SUFFIXES: Final = (".dbn.zst", ".dbn")
_SIDECAR: Final = ".json"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a file was before it was converted: its feed, the hashes of the feed's files, counts and remarks."""

    feed: str
    sha256: tuple[str, ...]
    facts: dict[str, int | bool | str]


class RawFile(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found out about a file; kept beside it as `<name>.json`.

    `start_ns` to `end_ns` is the span that the file's metadata says it is of (None where it says nothing). `records`
    are the instrument's market-by-order records, `first_ns` and `last_ns` the range of their ts_recv (ns UTC),
    `publishers` the ids of who sent them. `covered_ns` is the span in which the market is known: that of the metadata,
    else of the records, and after damage up to the last whole event before it. `damage` is what was tolerated.
    `origin` is what the file was converted from, if it was.
    """

    name: str
    symbol: str
    dataset: str
    sha256: str
    size: int
    records: int
    first_ns: int
    last_ns: int
    start_ns: int | None = None
    end_ns: int | None = None
    covered_ns: tuple[int, int] | None = None
    publishers: tuple[int, ...] = ()
    damage: str | None = None
    origin: Origin | None = None


def import_file(
    lake: LakeLike,
    path: str | os.PathLike[str],
    lock: InstrumentLock,
    *,
    publisher: int | None = None,
    on_damage: OnDamage = "refuse",
    origin: Origin | None = None,
    check: Callable[[RawFile], object] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Path, RawFile]:
    """Check a DBN file whole and copy it into the lake; returns its place there and what was found.

    The file must be of the mbo schema, hold the locked instrument's symbol at prices of its tick, and decode to its
    last byte (a damaged one is taken only with `on_damage` until_damage). `publisher` says whose records are meant
    when there are several; a pipeline's capture has both options. `origin` is kept beside the file. `check` is called
    with what was found, before anything is copied: what it raises is raised. `progress` is called with the records
    decoded so far. Importing the same bytes again changes nothing.

    Raises RawFileError saying what is wrong with the file, or RawFileConflictError when the lake holds other bytes
    for that instrument and day.
    """
    source = Path(path)
    if not source.name.endswith(SUFFIXES):
        raise RawFileError(f"{source}: is not a .dbn or .dbn.zst file by its name")
    if not source.is_file():
        raise RawFileError(f"{source}: is not a file that can be read")
    directory = open_lake(lake).raw_dir(lock.product_type, lock.symbol_root)
    found = msgspec.structs.replace(_inspect(source, lock, publisher, on_damage, progress), origin=origin)
    if check:
        check(found)
    target = directory / found.name
    made = write_file(target, lambda temporary: shutil.copyfile(source, temporary), read_only=True)
    if not made and sha256_file(target) != found.sha256:
        raise RawFileConflictError(
            f"{target}: exists with other bytes than {source}, and a raw file never changes; "
            "remove it first if it is wrong"
        )
    if made and sha256_file(target) != found.sha256:
        target.unlink()
        raise RawFileError(f"{source}: changed while it was copied: import it again when it is finished")
    write_file(sidecar_of(target), msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    return target, found


# Made here, not at its first use: threads meet in it, and msgspec does not bear that.
_RECORD: Final = msgspec.json.Decoder(RawFile)


def sidecar_of(path: Path) -> Path:
    """Where the `RawFile` of a raw file of the lake is kept."""
    return path.with_name(path.name + _SIDECAR)


def recorded(path: Path) -> RawFile | None:
    """What the import of a raw file found out about it; None for one that was not imported, or is not that one now."""
    try:
        found = _RECORD.decode(sidecar_of(path).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None
    return found if found.size == path.stat().st_size else None


def find_raw(lake: LakeLike, config: RuntimeConfig) -> Path:
    """The raw file of the UTC day on which a config's capture begins, from 19:00 or 20:00 New York the next one.

    Of several files of that day the one that begins with the symbol is meant. `sources.source_options` finds all the
    files of a capture. Raises RawFileError listing what is there.
    """
    day = utc_day(capture_ns(config)[0])
    path = raw_file_of_day(lake, config, day)
    if path is None:
        raise no_raw_file(lake, config, day)
    return path


def raw_file_of_day(lake: LakeLike, config: RuntimeConfig, day: str) -> Path | None:
    """The raw file of a config's product, symbol root and UTC day (YYYYMMDD), or None.

    Raises RawFileError when several could be meant.
    """
    directory = open_lake(lake).raw_dir(config.product_type, config.symbol_root)
    of_day = [name for name in _names(directory) if day in name]
    named = [name for name in of_day if name.lower().startswith(f"{config.symbol.lower()}-")]
    candidates = named or of_day
    if len(candidates) > 1:
        several = f"several files of {config.symbol} on {day}: {', '.join(candidates)}"
        raise RawFileError(f"{directory} has {several}", brief=several)
    return directory / candidates[0] if candidates else None


def no_raw_file(lake: LakeLike, config: RuntimeConfig, day: str, why: str = "") -> RawFileError:
    """The error of a day without a raw file, listing what is there; `why` says who needs it."""
    directory = open_lake(lake).raw_dir(config.product_type, config.symbol_root)
    there = ", ".join(_names(directory)) or "none"
    way_out = f"; {why}" if why else ""
    missing = f"no raw file of {config.symbol} on {day} (UTC)"
    return RawFileError(
        f"{missing} in {directory}; it has {there}: bring one in with `vp import FILE`{way_out}", brief=missing
    )


def utc_day(ts_ns: int) -> str:
    """YYYYMMDD of a time: Databento cuts its files at midnight UTC."""
    return dt.datetime.fromtimestamp(ts_ns // NS_PER_S, dt.UTC).strftime("%Y%m%d")


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*") if path.name.endswith(SUFFIXES) and path.name[0] != ".")


def _inspect(
    source: Path,
    lock: InstrumentLock,
    publisher: int | None,
    on_damage: OnDamage,
    progress: Callable[[int], None] | None,
) -> RawFile:
    publishers: set[int] = set()
    records, first, last = 0, 0, 0
    adds, off_grid = 0, 0
    try:
        opened = open_dbn(
            source, symbol=lock.symbol, publisher=publisher, tolerate_truncated=on_damage == "until_damage"
        )
        for chunk in opened:
            times = chunk["ts_recv"][chunk["ts_recv"] != UNDEF_TIMESTAMP]
            first = first or int(times[0] if len(times) else 0)
            last = max(last, int(times.max(initial=0)))
            records += len(chunk)
            publishers.update(int(number) for number in np.unique(chunk["publisher_id"]))
            prices = chunk["price"][(chunk["action"] == b"A") & (chunk["price"] != UNDEF_PRICE)]
            adds += len(prices)
            off_grid += int(np.count_nonzero(prices % lock.tick_int))
            if progress:
                progress(records)
    except VpBookError as error:
        raise RawFileError(str(error)) from error
    if not records:
        raise RawFileError(f"{source}: has no record of {lock.symbol}; it has {', '.join(map(str, opened.symbols))}")
    if is_off_grid(off_grid, adds):
        raise RawFileError(
            f"{source}: {off_grid} of {adds} orders of {lock.symbol} have a price that is no multiple of tick_size "
            f"{lock.tick_size}: give the instrument lock the tick of this contract"
        )
    suffix = next(suffix for suffix in SUFFIXES if source.name.endswith(suffix))
    return RawFile(
        name=f"{lock.symbol.lower()}-{utc_day(first)}.mbo{suffix}",
        symbol=lock.symbol,
        dataset=opened.dataset,
        sha256=sha256_file(source),
        size=source.stat().st_size,
        records=records,
        first_ns=first,
        last_ns=last,
        start_ns=opened.start_ns,
        end_ns=opened.end_ns,
        covered_ns=opened.covered_ns,
        publishers=tuple(sorted(publishers)),
        damage=opened.report.damage,
    )
