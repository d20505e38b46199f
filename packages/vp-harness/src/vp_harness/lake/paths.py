"""Where things are in the lake: the one place that knows the directory layout."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, TypeAlias

from vp_harness.errors import LakeError

ROOT_VARIABLE: Final = "VP_LAKE_ROOT"
DEFAULT_ROOT: Final = "lake"
LEDGER: Final = "ledger"
"""The directory of the ledger, among the results."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")


class Lake:
    """The directory tree under one lake root. Making one touches no file."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def __repr__(self) -> str:
        return f"Lake({str(self.root)!r})"

    def raw_dir(self, product_type: str, symbol_root: str) -> Path:
        """Raw replay files of one product."""
        return (
            self.root
            / "raw"
            / "source=databento"
            / f"product_type={_checked('product_type', product_type)}"
            / f"symbol={_checked('symbol_root', symbol_root)}"
            / "table=market_by_order_dbn"
        )

    def live_dir(self, product_type: str, symbol_root: str) -> Path:
        """Recordings of the live feed of one product, one directory each."""
        return (
            self.root
            / "live"
            / "source=databento"
            / f"product_type={_checked('product_type', product_type)}"
            / f"symbol={_checked('symbol_root', symbol_root)}"
        )

    @property
    def book_cache_dir(self) -> Path:
        """Book checkpoints."""
        return self.root / "cache" / "vp_book"

    @property
    def stream_caches_dir(self) -> Path:
        """Encoded stream frames, one directory a published serving."""
        return self.root / "cache" / "vp_stream"

    def stream_cache_dir(self, serving_id: str) -> Path:
        """Encoded stream frames of one published serving."""
        return self.stream_caches_dir / _checked("serving_id", serving_id)

    @property
    def datasets_dir(self) -> Path:
        """All immutable datasets, one directory each."""
        return self.root / "research" / "vp_immutable"

    def dataset_dir(self, dataset_id: str) -> Path:
        """One immutable dataset."""
        return self.datasets_dir / _checked("dataset_id", dataset_id)

    @property
    def results_dir(self) -> Path:
        """The results store."""
        return self.root / "research" / "vp_harness" / "results"

    @property
    def ledger_dir(self) -> Path:
        """What the results and datasets are to hold."""
        return self.results_dir / LEDGER

    @property
    def turns_dir(self) -> Path:
        """Lock files of who is making what."""
        return self.root / "cache" / "turns"

    @property
    def downloads_dir(self) -> Path:
        """What has come of files that are being downloaded."""
        return self.root / "cache" / "downloads"

    @property
    def downloads_path(self) -> Path:
        """The SQLite file of what was ordered of a data service."""
        return self.root / "downloads.sqlite"

    @property
    def lineage_dir(self) -> Path:
        """Which campaign made which dataset."""
        return self.root / "research" / "vp_harness" / "campaigns.parquet"

    @property
    def registry_path(self) -> Path:
        """The SQLite file of aliases, versions and the promotion audit."""
        return self.root / "research" / "vp_harness" / "serving_registry.sqlite"

    @property
    def registry_url(self) -> str:
        """The same as a SQLAlchemy URL."""
        return f"sqlite:///{self.registry_path.as_posix()}"


LakeLike: TypeAlias = Lake | str | os.PathLike[str]


def open_lake(root: LakeLike | None = None) -> Lake:
    """The lake at `root`; without one, at VP_LAKE_ROOT, else `lake` in the working directory.

    Raises LakeError when the root is there but not a directory. A root that is not there yet is made when the first
    file is written.
    """
    if isinstance(root, Lake):
        return root
    lake = Lake(root if root is not None else os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT)
    if lake.root.exists() and not lake.root.is_dir():
        raise LakeError(f"lake root {lake.root}: is not a directory; pass another, or set {ROOT_VARIABLE}")
    return lake


def _checked(parameter: str, value: str) -> str:
    """`value` as one path component; nothing a caller passes can leave its directory."""
    if not _NAME.fullmatch(value) or ".." in value:
        raise LakeError(f"{parameter}={value!r}: is not a name; letters, digits, '_', '-' and single '.' are allowed")
    return value
