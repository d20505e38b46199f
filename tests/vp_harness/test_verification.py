"""Whatever is wrong anywhere in a lake is found and named."""

import os
import random
import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from support.small_lake import promote_small

from vp_harness import Dataset, DatasetDamagedError, DatasetError, Lake, generate
from vp_harness.lake.dataset import CHECKSUMS_FILE
from vp_harness.lake.verification import verify_lake


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
    kinds = {"raw file", "checkpoint", "dataset", "results", "ledger", "registry", "serving"}
    assert {finding.kind for finding in findings} == kinds


def test_an_empty_lake_is_clean(tmp_path):
    assert list(verify_lake(Lake(tmp_path / "none"), config_root=tmp_path)) == []


TABLES = ("bins.parquet", "grid_clean.parquet", "fills.parquet")
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


@pytest.mark.parametrize("name", [*TABLES, "manifest.json", CHECKSUMS_FILE])
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
        any_file = rf"(checksums\.json|manifest\.json|{'|'.join(TABLES)})"
        named = any_file if name == CHECKSUMS_FILE else name
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


# --- what is gone, and what cannot be read ---


def gone(whole):
    return {(f.kind, f.name): f.problem for f in check(whole) if f.state == "missing"}


def test_a_dataset_that_runs_and_servings_rest_on(whole):
    lake = whole[0]
    (directory,) = lake.datasets_dir.iterdir()
    shutil.rmtree(directory)
    found = gone(whole)
    assert list(found) == [("dataset", directory.name)]
    assert "4 runs" in found["dataset", directory.name]
    assert "serving srv_small_" in found["dataset", directory.name]


@pytest.mark.parametrize("with_record", [True, False])
def test_a_raw_file_that_datasets_were_made_of(whole, with_record):
    (path,) = (whole[0].root / "raw").rglob("*.dbn.zst")
    path.unlink()
    if not with_record:
        path.with_name(f"{path.name}.json").unlink()
    found = gone(whole)
    name = path.relative_to(whole[0].root).as_posix()
    assert list(found) == [("raw file", name)]
    assert "dataset synm6_20260206" in found["raw file", name]


def test_a_registry_whose_version_files_are_left(whole):
    lake = whole[0]
    lake.registry_path.unlink()
    assert [key[0] for key in gone(whole)] == ["registry"]
    assert not lake.registry_path.exists()
    shutil.rmtree(lake.root / "research")
    assert gone(whole) == {}, "of another lake with the same configs"
    assert not (lake.root / "research").exists()


def test_a_version_file(whole):
    (path,) = (whole[1] / "serving_versions").glob("*.yaml")
    path.unlink()
    assert list(gone(whole)) == [("serving", path.stem)]


def test_a_version_file_that_the_registry_does_not_list(whole):
    (path,) = (whole[1] / "serving_versions").glob("*.yaml")
    shutil.copyfile(path, path.with_name("srv_small_00000000_00000000.yaml"))
    (finding,) = [finding for finding in check(whole) if finding.state != "whole"]
    assert (finding.kind, finding.state, finding.name) == ("serving", "unfinished", "srv_small_00000000_00000000")


def test_half_written_version_files_are_cleaned(whole):
    left = whole[1] / "serving_versions" / ".making-00000000-1-0a-srv_x.yaml"
    left.write_bytes(b"half")
    assert [f for f in check(whole, clean=True) if f.state != "whole"] == [], "it may be somebody's at work"
    os.utime(left, (time.time() - 90_000,) * 2)
    for clean in (False, True):
        (finding,) = [finding for finding in check(whole, clean=clean) if finding.state != "whole"]
        assert (finding.kind, finding.name) == ("leftover", "serving_versions/.making-00000000-1-0a-srv_x.yaml")
        assert left.exists() is not clean


@pytest.mark.parametrize("table", ["runs.parquet", "runs_meta.parquet", "corrections.parquet", "ledger"])
def test_every_part_of_the_results(whole, table):
    parts = sorted((whole[0].results_dir / table).iterdir())
    last = max(parts, key=lambda path: path.stat().st_mtime_ns)
    for part in parts:
        if table == "ledger" and part == last:
            continue  # nothing names it yet: what it held shows as not entered
        data = part.read_bytes()
        part.unlink()
        assert any(name == f"{table}/{part.name}" for _, name in gone(whole)), part
        part.write_bytes(data)
    assert gone(whole) == {}


def test_all_results_that_a_serving_rests_on(whole):
    shutil.rmtree(whole[0].results_dir)
    (((kind, name), problem),) = gone(whole).items()
    assert (kind, name[:4]) == ("results", "run ")
    assert "serving srv_small_" in problem


def test_a_tampered_registry_is_named_by_its_first_event(whole):
    with closing(sqlite3.connect(whole[0].registry_path)) as connection, connection:
        connection.execute("UPDATE serving_aliases SET updated = '2026-01-01T00:00:00.000000Z'")
    (finding,) = [finding for finding in check(whole) if finding.state != "whole"]
    assert (finding.kind, finding.state) == ("registry", "damaged")
    assert "event 1 (promote of alias small" in finding.problem


UNREADABLE = {
    "raw file": "raw",
    "checkpoint": "cache/vp_book",
    "dataset": "research/vp_immutable",
    "results": "research/vp_harness/results/runs_meta.parquet",
    "ledger": "research/vp_harness/results/ledger",
    "registry": "research/vp_harness/serving_registry.sqlite",
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_named_and_the_rest_is_still_read(whole, kind):
    """A link in a circle can be read by nobody, whoever runs the tests."""
    before = {finding.kind for finding in check(whole)}
    path = whole[0].root / UNREADABLE[kind]
    path.rename(path.with_name("taken away"))
    path.symlink_to(path)
    findings = check(whole)
    assert any(f.kind in (kind, "results") and f.state == "damaged" and "cannot" in f.problem for f in findings)
    read = {f.kind for f in findings if f.state == "whole"}
    rests_on = {"ledger": {"results"}, "results": {"ledger"}, "registry": {"serving"}}.get(kind, set())
    assert read >= before - {kind} - rests_on


def test_a_file_that_cannot_be_read_is_named(whole):
    lake = whole[0]
    paths = {
        "raw file": next((lake.root / "raw").rglob("*.dbn.zst")),
        "checkpoint": next(lake.book_cache_dir.glob("*.book")),
        "dataset": next(lake.datasets_dir.iterdir()) / "bins.parquet",
        "results": next((lake.results_dir / "runs.parquet").iterdir()),
        "ledger": next(lake.ledger_dir.iterdir()),
    }
    for path in paths.values():
        path.unlink()
        path.symlink_to(path)
    wrong = {finding.kind for finding in check(whole) if finding.state == "damaged"}
    assert wrong == set(paths)
