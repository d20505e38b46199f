"""Files of other feeds into the lake: converted beside their place there, and then imported as any DBN file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from vp_book.atomic import make_directory, remove_leftovers, remove_tree, temporary_sibling
from vp_book.feeds import Conversion
from vp_contract import InstrumentLock
from vp_harness.lake.paths import LakeLike, open_lake
from vp_harness.lake.raw import Origin, RawFile, import_file


def import_converted(
    lake: LakeLike,
    lock: InstrumentLock,
    convert: Callable[[Path], Conversion],
    *,
    progress: Callable[[int], None] | None = None,
) -> tuple[Path, RawFile]:
    """Convert a file of another feed and import what comes of it; returns its place in the lake and what was found.

    `convert` writes the DBN file to the path that it is given, with the symbol of the lock. The record beside the file
    has its `origin`. Whatever fails, nothing is left in the lake. `progress` is that of `import_file`.

        import_converted("lake", lock, lambda to: convert_itch50("day.gz", to, symbol=lock.symbol, date="2026-01-30"))

    Raises what `convert` and `import_file` raise.
    """
    with _beside(open_lake(lake).raw_dir(lock.product_type, lock.symbol_root)) as folder:
        made = convert(folder / f"{lock.symbol_root.lower()}.mbo.dbn.zst")
        origin = Origin(feed=made.feed, sha256=made.source_sha256, facts=made.facts)
        return import_file(lake, made.path, lock, origin=origin, progress=progress)


@contextlib.contextmanager
def _beside(directory: Path) -> Iterator[Path]:
    """A folder in `directory` for the time of a conversion: a dead process's is removed by the next import."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    make_directory(directory)
    remove_leftovers(directory)
    folder = temporary_sibling(directory / "converting")
    make_directory(folder)
    try:
        yield folder
    finally:
        remove_tree(folder)
        for path in missing:  # those that the import has not filled
            with contextlib.suppress(OSError):
                path.rmdir()
