"""A capture over 00:00 UTC is replayed over two files as over one: dataset, experiment, serving, stream.

The same for 18:00 to 20:30 instead of five minutes:

    VP_WHOLE_EVENING=1 uv run pytest tests/integration/test_midnight.py -k "is_over_one or same_bytes or the_dataset"
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.small_lake import CONFIGS, promote_small

from vp_book.synthetic import write_session
from vp_contract import load_instrument
from vp_harness import Dataset, Lake, RawFileError, generate, import_file, located, source_options
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import new_york_ns, scored_bins
from vp_harness.lake.verification import verify_lake
from vp_stream import Refusal
from vp_stream.frames.logfile import read_frames
from vp_stream.frames.verification import verify_serving
from vp_stream.frames.warming import warm_log
from vp_stream.servings.published import LakeCatalogue

if os.environ.get("VP_WHOLE_EVENING"):
    START, MINUTES = "17:50", 170
    TIMES = "start_time: '18:00', end_time: '20:30'"
    BINS, ID = 90_000, "synm6_20260205_1800_2030__small__"
else:
    START, MINUTES = "18:50", 20
    TIMES = "start_time: '18:58', end_time: '19:03'"
    BINS, ID = 3000, "synm6_20260205_1858_1903__small__"
CAPTURE = f"capture: {{product_type: future_mbo, symbol: SYNM6, dt: 2026-02-05, {TIMES}}}"
MIDNIGHT = new_york_ns("2026-02-05", "19:00")


@dataclass
class Desk:
    lake: Lake
    configs: Path

    @property
    def raw(self) -> list[Path]:
        return sorted(self.lake.raw_dir("future_mbo", "SYN").glob("*.zst"))

    def make(self) -> Dataset:
        return Dataset.open(self.lake, generate("small", self.lake, config_root=self.configs))

    def capture(self, before: str, after: str) -> Desk:
        path = self.configs / "pipelines" / "small.yaml"
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
        return self


def desk_at(root: Path, *, cut: bool) -> Desk:
    """A lake with the session as two daily files, or as one."""
    for name, text in CONFIGS.items():
        path = root / "configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "configs" / "serving_versions").mkdir()
    (root / "configs" / "pipelines" / "small.yaml").write_text(f"name: small\n{CAPTURE}\npipeline: {{}}\n")
    files = write_session(root / "in", seed=11, date="2026-02-05", start=START, minutes=MINUTES, effect=0.8, cut=cut)
    lake = Lake(root / "lake")
    for file in files:
        import_file(lake, file.path, load_instrument(root / "configs" / "instrument.yaml"))
    return Desk(lake, root / "configs")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Not to be changed by a test."""
    return desk_at(tmp_path_factory.mktemp("two"), cut=True)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Not to be changed by a test."""
    return desk_at(tmp_path_factory.mktemp("one"), cut=False)


@pytest.fixture
def own(two: Desk, tmp_path: Path) -> Desk:
    shutil.copytree(two.lake.root / "raw", tmp_path / "lake" / "raw")
    shutil.copytree(two.configs, tmp_path / "configs")
    return Desk(Lake(tmp_path / "lake"), tmp_path / "configs")


def numbers(dataset: Dataset) -> tuple[bytes, ...]:
    """Every byte that holds one: all tables and the chain over the frames."""
    tables = (dataset.path / name for name in ("bins.parquet", "grid_clean.parquet", "fills.parquet"))
    return (*(path.read_bytes() for path in tables), dataset.manifest["frames"]["head"].encode())


def without_seams(certificate: dict[str, Any]) -> dict[str, Any]:
    """What a certificate says that does not depend on how many files there are."""
    coverage = {key: value for key, value in certificate["coverage"].items() if key != "files"}
    reading = {key: value for key, value in certificate["reading"].items() if key != "records"}
    return {**certificate, "coverage": coverage, "reading": reading, "seams": None}


def test_over_two_files_it_is_what_it_is_over_one(one: Desk, two: Desk) -> None:
    whole, halves = one.make(), two.make()
    assert [path.name for path in two.raw] == ["synm6-20260205.mbo.dbn.zst", "synm6-20260206.mbo.dbn.zst"]
    assert halves.sources.names == ("synm6-20260205.mbo.dbn.zst", "synm6-20260206.mbo.dbn.zst")
    assert whole.sources.names == ("synm6-20260205.mbo.dbn.zst",)
    assert numbers(halves) == numbers(whole)
    assert halves.n_bins == BINS
    assert halves.bins.filter(pl.col("bin_start_ns") >= MIDNIGHT)["trade_count"].sum() > 0
    certificate = halves.manifest["certificate"]
    (seam,) = certificate["seams"]
    assert (seam["ts_ns"], seam["missing"], seam["extra"], seam["different"]) == (MIDNIGHT, 0, 0, 0)
    assert seam["orders"] > 100
    assert without_seams(certificate) == without_seams(whole.manifest["certificate"])
    assert halves.sound
    assert whole.sound
    # other files are other sources, and so another id
    assert halves.dataset_id != whole.dataset_id
    assert halves.dataset_id.startswith(ID)


def test_with_and_without_a_checkpoint_they_are_the_same_bytes(two: Desk, own: Desk) -> None:
    cold = two.make()
    assert list(two.lake.book_cache_dir.glob("*.book"))
    shutil.copytree(two.lake.book_cache_dir, own.lake.book_cache_dir)
    for path, original in zip(own.raw, two.raw, strict=True):
        shutil.copystat(original, path)
    warm = own.make()
    assert numbers(warm) == numbers(cold)
    assert warm.manifest["certificate"] == cold.manifest["certificate"]
    assert len(list(own.lake.book_cache_dir.glob("*.book"))) == 1  # it was found, not made beside
    # a warm-up that itself reaches over midnight: the checkpoint lies behind the seam
    own.capture(TIMES, "start_time: '19:02', end_time: '19:03'")
    config = pipeline_config("small", own.configs)
    sources = source_options(config, own.lake)
    assert len(sources.files) == 2
    files = located(sources, own.lake)
    plain = [scored.fields for scored in scored_bins(config, files)]
    for _ in range(2):
        again = scored_bins(config, files, book_cache_dir=own.lake.book_cache_dir)
        assert [scored.fields for scored in again] == plain
        assert again.certificate()["ok"]


def test_the_stream_shows_the_dataset(own: Desk) -> None:
    served = promote_small(own.lake, own.configs)
    catalogue = LakeCatalogue(own.lake, own.configs)
    dataset = Dataset.open(own.lake, served.spec.source.dataset_id)
    assert served.spec.sources == dataset.sources
    warm = warm_log(catalogue.open("small").run)
    assert (warm.bins, warm.built) == (BINS, True)
    proof = verify_serving(catalogue, own.lake, "small")
    assert (proof.bins, proof.logged) == (BINS, BINS)
    assert proof.head == dataset.manifest["frames"]["head"]
    assert all(finding.state == "whole" for finding in verify_lake(own.lake, config_root=own.configs))
    # the files it was published with are opened, no others: their bytes, whatever lies beside them
    opened = catalogue.open("small").run
    assert sum(1 for _ in read_frames(opened.path, opened.key)) == BINS
    late = own.raw[1]
    late.rename(late.with_name("kept"))
    with pytest.raises(Refusal, match="no raw file synm6-20260206") as refused:
        catalogue.open("small")
    assert refused.value.code == "raw_file_missing"
    late.with_name("kept").rename(late)
    late.chmod(0o600)
    late.write_bytes(late.read_bytes()[:-1] + b"x")
    with pytest.raises(Refusal, match=r"raw file synm6-20260206.* has sha256") as refused:
        catalogue.open("small")
    assert refused.value.code == "integrity"


def test_a_missing_day_is_named_and_one_of_the_warm_up_is_not_missed(own: Desk) -> None:
    own.raw[1].unlink()
    with pytest.raises(RawFileError, match=r"no raw file of SYNM6 on 20260206 \(UTC\)"):
        own.make()
    own.capture("end_time: '19:03'", "end_time: '19:03', on_short: end_early")
    early = own.make()
    assert early.bins["bin_end_ns"].max() == MIDNIGHT
    assert early.manifest["ended_early"] == {"end_ns": MIDNIGHT, "missing_bins": 1800, "reason": "coverage"}
    assert early.sound


def test_a_warm_up_that_nothing_covers_is_told(own: Desk) -> None:
    own.raw[0].unlink()
    own.capture("start_time: '18:58'", "start_time: '19:02'")
    dataset = own.make()
    assert dataset.sources.names == ("synm6-20260206.mbo.dbn.zst",)
    assert dataset.manifest["certificate"]["coverage"]["warm_up_covered_s"] == 120.0
    assert dataset.sound
