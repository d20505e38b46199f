"""Publishing a directory of files so that a reader sees a whole one or none, whatever dies when.

As `vp_book.atomic` does it for one file: a temporary sibling, every file in it flushed, one rename, and the directory
that holds the name flushed. Leftovers of dead processes have the same names and are removed in the same way.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from vp_book.atomic import (
    READ_ONLY,
    flush_directory,
    flush_file,
    make_directory,
    naming,
    remove_leftovers,
    remove_tree,
    temporary_sibling,
)


class StagedDirectory:
    """A directory being made: write into `path`; `published` says afterwards whether this one got the name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.published = False


@contextlib.contextmanager
def staged_directory(final: Path) -> Iterator[StagedDirectory]:
    """Fill a temporary sibling of `final`, made read-only and renamed to `final` when the block ends without error.

    If another process published `final` first, that one stays, this one is dropped, and `published` stays False.
    Raises OSError naming the file.
    """
    make_directory(final.parent)
    remove_leftovers(final.parent)
    staged = StagedDirectory(temporary_sibling(final))
    with naming(staged.path):
        os.mkdir(staged.path)
    try:
        yield staged
        for file in sorted(staged.path.rglob("*")):
            if file.is_file():
                with naming(file):
                    flush_file(file)
                    os.chmod(file, READ_ONLY)
        flush_directory(staged.path)
        with naming(final):
            staged.published = _rename_new(staged.path, final)
    finally:
        if not staged.published:
            remove_tree(staged.path)
    flush_directory(final.parent)


def _rename_new(temporary: Path, final: Path) -> bool:
    try:
        os.rename(temporary, final)
    except OSError:
        if final.is_dir():
            return False
        raise
    return True
