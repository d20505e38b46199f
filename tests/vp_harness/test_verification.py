"""Whatever is wrong anywhere in a lake is found and named."""

import os
import random
import shutil
import time

import pytest
from support.small_lake import promote_small

from vp_harness import Dataset, DatasetDamagedError, DatasetError, Lake, generate
from vp_harness.dataset import CHECKSUMS_FILE
from vp_harness.verification import verify_lake


@pytest.fixture(scope="module")
def promoted(tmp_path_factory, research):
    root = tmp_path_factory.mktemp("whole")
    lake, configs = Lake(root / "lake"), root / "configs"
    shutil.copytree(research.lake.root, lake.root)
    shutil.copytree(research.configs, configs)
    promote_small(lake, configs)
    return lake, configs


@pytest.fixture
def whole(promoted, tmp_path):
    lake, configs = promoted
    shutil.copytree(lake.root, tmp_path / "lake")
    shutil.copytree(configs, tmp_path / "configs")
    return Lake(tmp_path / "lake"), tmp_path / "configs"


def check(whole, **options):
    lake, configs = whole
    return list(verify_lake(lake, config_root=configs, **options))


def test_a_whole_lake_is_clean_and_everything_in_it_is_seen(whole):
    findings = check(whole)
    assert {finding.state for finding in findings} == {"whole"}
    assert {finding.kind for finding in findings} == {"raw file", "checkpoint", "dataset", "results", "serving"}


def test_an_empty_lake_is_clean(tmp_path):
    assert list(verify_lake(Lake(tmp_path / "none"), config_root=tmp_path)) == []


PLACES = {
    "raw file": ("raw", "*.dbn.zst"),
    "checkpoint": ("cache/vp_book", "*.book"),
    "dataset": ("research/vp_immutable", "grid_clean.parquet"),
    "results": ("research/vp_harness/results/runs.parquet", "*.parquet"),
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("how", ["flip", "cut", "grow"])
def test_damage_is_found_by_name_and_nothing_else_is_blamed(whole, kind, how):
    directory, pattern = PLACES[kind]
    path = next(path for path in sorted((whole[0].root / directory).rglob(pattern)) if path.is_file())
    damage(path, how, random.Random(f"{kind} {how}"))
    wrong = [finding for finding in check(whole) if finding.state != "whole"]
    assert [finding.kind for finding in wrong] == [kind]
    assert wrong[0].state == "damaged"
    assert wrong[0].name in str(path)


def test_an_edited_serving_is_found(whole):
    path = next((whole[1] / "serving_versions").glob("*.yaml"))
    path.chmod(0o644)
    path.write_text(path.read_text().replace("SYNM6", "SYNU6"))
    assert [finding.name for finding in check(whole) if finding.state == "damaged"] == [path.stem]


def test_what_a_dead_process_left_is_named_and_removed_on_request(whole):
    lake = whole[0]
    left = lake.datasets_dir / ".making-00000000-1-abcd-half"
    left.mkdir()
    os.utime(left, (time.time() - 90_000,) * 2)
    for clean in (False, True):
        (finding,) = [finding for finding in check(whole, clean=clean) if finding.state != "whole"]
        assert (finding.kind, finding.state) == ("leftover", "unfinished")
        assert finding.name == "research/vp_immutable/.making-00000000-1-abcd-half"
        assert left.exists() is not clean


def test_a_raw_file_without_its_record_is_unfinished_not_damaged(whole):
    next((whole[0].root / "raw").rglob("*.json")).unlink()
    (finding,) = [finding for finding in check(whole) if finding.state != "whole"]
    assert (finding.kind, finding.state) == ("raw file", "unfinished")
    assert "import it again" in finding.problem


# --- a flipped byte anywhere in a dataset ---


@pytest.mark.parametrize("name", ["bins.parquet", "grid_clean.parquet", "manifest.json", CHECKSUMS_FILE])
def test_a_flipped_byte_anywhere_is_found_and_the_file_named(whole, name):
    lake = whole[0]
    dataset_id = next(iter(lake.datasets_dir.iterdir())).name
    path = lake.dataset_dir(dataset_id) / name
    path.chmod(0o644)
    data = path.read_bytes()
    chance = random.Random(name)
    places = {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(30))}
    for place in sorted(places):
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        # a digest changed in the list of checksums is found at the file it is of
        named = (
            r"(checksums\.json|manifest\.json|bins\.parquet|grid_clean\.parquet)" if name == CHECKSUMS_FILE else name
        )
        with pytest.raises(DatasetDamagedError, match=named):
            Dataset.open(lake, dataset_id).verify()
    path.write_bytes(data)
    Dataset.open(lake, dataset_id).verify()


@pytest.mark.parametrize("how", ["missing", "extra"])
def test_a_missing_or_strange_file_is_named(whole, how):
    lake, configs = whole
    dataset_id = next(iter(lake.datasets_dir.iterdir())).name
    path = lake.dataset_dir(dataset_id) / ("bins.parquet" if how == "missing" else "notes.txt")
    path.unlink() if how == "missing" else path.write_text("mine")
    with pytest.raises(DatasetError, match=path.name):
        Dataset.open(lake, dataset_id).verify()
    with pytest.raises(DatasetDamagedError, match="remove the directory to generate it again"):
        generate("small", lake, config_root=configs)


def test_damaged_numbers_are_never_read(whole):
    lake = whole[0]
    dataset_id = next(iter(lake.datasets_dir.iterdir())).name
    damage(lake.dataset_dir(dataset_id) / "grid_clean.parquet", "flip", random.Random(3))
    with pytest.raises(DatasetDamagedError, match="grid_clean"):
        Dataset.open(lake, dataset_id).grid("composite")


def damage(path, how, chance):
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    if how == "flip":
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif how == "cut":
        del data[chance.randrange(len(data)) :]
    else:
        data += b"\0"
    path.write_bytes(data)
