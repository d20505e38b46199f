"""Importing raw files and finding them again."""

import json
import stat
from typing import Any

import pytest

from vp_book.atomic import sha256_file
from vp_book.synthetic import write_market
from vp_contract import load_instrument
from vp_harness import Lake, RawFileConflictError, RawFileError, find_raw, import_file
from vp_harness.execution.configs import pipeline_config


@pytest.fixture
def lock(research):
    return load_instrument(research.configs / "instrument.yaml")


@pytest.fixture
def config(research):
    return pipeline_config("small", research.configs)


def test_an_imported_file_is_checked_named_and_recorded(tmp_path, market_file, lock, config):
    seen: list[Any] = []
    path, found = import_file(tmp_path, market_file, lock, progress=seen.append)
    assert path == Lake(tmp_path).raw_dir("future_mbo", "SYN") / "synm6-20260206.mbo.dbn.zst"
    assert path.read_bytes() == market_file.read_bytes()
    assert not path.stat().st_mode & stat.S_IWUSR
    assert found.records == seen[-1] > 1000
    sidecar = json.loads((path.parent / f"{path.name}.json").read_text())
    assert sidecar["sha256"] == found.sha256 == sha256_file(market_file)
    assert sidecar["size"] == market_file.stat().st_size
    assert find_raw(tmp_path, config) == path


def test_importing_again_changes_nothing(tmp_path, market_file, lock):
    first = import_file(tmp_path, market_file, lock)
    before = {path.name: path.stat().st_mtime_ns for path in first[0].parent.iterdir()}
    assert import_file(tmp_path, market_file, lock) == first
    assert {path.name: path.stat().st_mtime_ns for path in first[0].parent.iterdir()} == before


def test_other_bytes_of_the_same_day_are_refused(tmp_path, market_file, lock):
    path, _ = import_file(tmp_path, market_file, lock)
    other = tmp_path / "other.dbn.zst"
    write_market(other, seed=8, minutes=1, date="2026-02-06", start="09:26")
    with pytest.raises(RawFileConflictError, match=path.name):
        import_file(tmp_path, other, lock)
    assert path.read_bytes() == market_file.read_bytes()


def test_a_truncated_file_is_refused_unless_that_is_tolerated(tmp_path, market_file, lock):
    short = tmp_path / "short.dbn.zst"
    short.write_bytes(market_file.read_bytes()[:-5000])
    with pytest.raises(RawFileError, match=r"short\.dbn\.zst"):
        import_file(tmp_path / "lake", short, lock)
    assert not (tmp_path / "lake").exists()
    _, found = import_file(tmp_path / "lake", short, lock, on_damage="until_damage")
    assert found.damage
    assert found.records > 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("notes.txt", b"x", "not a .dbn"), ("a.dbn", b"garbage", "a.dbn"), ("missing.dbn", None, "not a file")],
)
def test_what_is_no_dbn_file_is_refused(tmp_path, lock, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RawFileError, match=message):
        import_file(tmp_path / "lake", tmp_path / name, lock)


def test_a_file_of_another_instrument_is_refused_with_what_it_has(tmp_path, market_file, research):
    text = (research.configs / "instrument.yaml").read_text().replace("SYNM6", "ESH4")
    (tmp_path / "es.yaml").write_text(text)
    with pytest.raises(RawFileError, match=r"ESH4.*SYNM6"):
        import_file(tmp_path, market_file, load_instrument(tmp_path / "es.yaml"))


def test_a_missing_file_is_reported_with_those_that_are_there(tmp_path, config):
    directory = Lake(tmp_path).raw_dir("future_mbo", "SYN")
    with pytest.raises(RawFileError, match="it has none"):
        find_raw(tmp_path, config)
    directory.mkdir(parents=True)
    (directory / "synm6-20260205.mbo.dbn").write_bytes(b"")
    with pytest.raises(RawFileError, match=r"SYNM6 on 20260206.*synm6-20260205\.mbo\.dbn.*vp import"):
        find_raw(tmp_path, config)


def test_an_evening_in_new_york_is_in_the_file_of_the_next_utc_day(tmp_path, config):
    directory = Lake(tmp_path).raw_dir("future_mbo", "SYN")
    directory.mkdir(parents=True)
    for day in ("20260206", "20260207"):
        (directory / f"synm6-{day}.mbo.dbn.zst").write_bytes(b"")
    evening = config.replace(start_time="20:00", end_time="20:30")
    assert find_raw(tmp_path, evening).name == "synm6-20260207.mbo.dbn.zst"


def test_of_several_files_the_one_of_the_symbol_is_meant(tmp_path, config):
    directory = Lake(tmp_path).raw_dir("future_mbo", "SYN")
    directory.mkdir(parents=True)
    for name in ("glbx-mdp3-20260206.mbo.dbn", "synm6-20260206.mbo.dbn.zst"):
        (directory / name).write_bytes(b"")
    assert find_raw(tmp_path, config).name == "synm6-20260206.mbo.dbn.zst"
    (directory / "synm6-20260206.mbo.dbn").write_bytes(b"")
    with pytest.raises(RawFileError, match="several"):
        find_raw(tmp_path, config)
