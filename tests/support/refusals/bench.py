"""What the cases work on: a folder of their own, with files, a lake and a registry made when they are asked for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from support.dbn_files import metadata, write_dbn
from support.records import T0, record, stream
from support.small_lake import import_market, promote_small, write_configs, write_small_market
from vp_harness import Lake, ResultsStore


@dataclass
class Bench:
    """`folder` belongs to one case, `shared` to all of them: what is dear is made there once and copied."""

    folder: Path
    shared: Path

    def file(self, name: str = "session.dbn", *, cut: int = 0) -> Path:
        """A small file of TEST, without its last `cut` bytes."""
        records = stream(
            *(record("A", "B", 100 - i, 5, order_id=2 * i + 1, ts=1000 * i) for i in range(5)),
            *(record("A", "A", 101 + i, 5, order_id=2 * i + 2, ts=5000 + 1000 * i) for i in range(5)),
        )
        path = write_dbn(self.folder / name, records)
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])
        return path

    def records(self, n: int = 10) -> np.ndarray:
        """Records of a book with two sides, a microsecond apart."""
        rows = [
            record("A", "B" if i % 2 else "A", 100 - i if i % 2 else 100 + i, 5, order_id=i + 1, ts=1000 * i)
            for i in range(n)
        ]
        return stream(*rows)

    def mixed_file(self) -> Path:
        """A file of one symbol with records of two publishers."""
        records = self.records()
        records["publisher_id"][5:] = 2
        return write_dbn(self.folder / "mixed.dbn", records)

    def two_symbols(self) -> Path:
        """A file of two symbols."""
        return write_dbn(self.folder / "two.dbn", self.records(), metadata({"ESH4": 17077, "NQH4": 2}))

    def garbage(self, name: str) -> Path:
        """A file of text."""
        path = self.folder / name
        path.write_text("these are not market data\n", encoding="utf-8")
        return path

    @cached_property
    def configs(self) -> Path:
        """The specs of the small lake."""
        return write_configs(self.folder / "configs")

    @cached_property
    def empty_lake(self) -> Lake:
        """A lake with nothing in it."""
        (self.folder / "empty").mkdir()
        return Lake(self.folder / "empty")

    @cached_property
    def lake(self) -> Lake:
        """A lake with a raw file, a dataset, runs and an alias, copied from one that is made once."""
        made = self.shared / "made"
        if not made.exists():
            made.mkdir()
            configs = write_configs(made / "configs")
            lake = Lake(made / "lake")
            import_market(lake, configs, write_small_market(made / "session.mbo.dbn.zst"))
            promote_small(lake, configs)
        shutil.copytree(made, self.folder, dirs_exist_ok=True)
        self.__dict__["configs"] = self.folder / "configs"
        return Lake(self.folder / "lake")

    @property
    def dataset_dir(self) -> Path:
        """The directory of the lake's one dataset."""
        (path,) = self.lake.datasets_dir.iterdir()
        return path

    @property
    def run_id(self) -> str:
        """A run of the lake."""
        return str(ResultsStore(self.lake).runs()["run_id"][0])

    def replace(self, name: str, old: str, new: str) -> None:
        """Change the text of a spec, which has to hold `old`."""
        path = self.configs / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")


def overwrite(path: Path, data: bytes) -> None:
    """Put other bytes into a file that is read-only."""
    path.chmod(0o644)
    path.write_bytes(data)


def flip(path: Path, at: int = -100) -> None:
    """Change one bit of a file that is read-only."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    overwrite(path, bytes(data))


__all__ = ["T0", "Bench", "flip", "overwrite"]
