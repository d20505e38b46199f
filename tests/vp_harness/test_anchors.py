"""A dataset whose content was changed, with every checksum beside it, is not the one that anything was judged on."""

import json
import shutil

import polars as pl
import pytest
from support.forging import edit_cells, edit_prices, rechain, reseal, rewrite_manifest
from support.small_lake import promote_small

from vp_harness import Dataset, DatasetDamagedError, Lake, ResultsStore, compare, generate, promote, run_experiment
from vp_harness.errors import DatasetChangedError, FramesUnknownError
from vp_harness.judgement.correction import correct_search
from vp_harness.lake.anchors import check_anchor, dataset_files
from vp_harness.lake.frames import check_frames
from vp_harness.lake.ledger import Ledger
from vp_harness.lake.verification import verify_dataset, verify_lake


@pytest.fixture
def made(research, tmp_path):
    """A lake with the dataset and nothing that rests on it: (lake, configs, dataset id)."""
    lake = Lake(tmp_path / "lake")
    for part in ("raw", "research/vp_immutable", "research/vp_harness/results/ledger", "cache/vp_book"):
        shutil.copytree(research.lake.root / part, lake.root / part)
    shutil.copytree(research.configs, tmp_path / "configs")
    return lake, tmp_path / "configs", research.dataset_id


@pytest.fixture(scope="module")
def judged_once(tmp_path_factory, research):
    root = tmp_path_factory.mktemp("judged")
    shutil.copytree(research.lake.root, root / "lake")
    shutil.copytree(research.configs, root / "configs")
    promote_small(Lake(root / "lake"), root / "configs")
    return root, research.dataset_id


@pytest.fixture
def judged(judged_once, tmp_path):
    """The same, with runs and a serving on the dataset."""
    root, dataset_id = judged_once
    shutil.copytree(root / "lake", tmp_path / "judged" / "lake")
    shutil.copytree(root / "configs", tmp_path / "judged" / "configs")
    return Lake(tmp_path / "judged" / "lake"), tmp_path / "judged" / "configs", dataset_id


def forget(lake):
    """Take the ledger away, as a forger would who knows of it."""
    shutil.rmtree(lake.ledger_dir)


def wrong(lake, configs, **options):
    return [f for f in verify_lake(lake, config_root=configs, **options) if f.state in ("damaged", "missing")]


# --- before anything rests on it ---


@pytest.mark.parametrize("edit", [edit_prices, edit_cells])
def test_an_edited_table_is_found_before_any_run(made, edit):
    """Before, run, promote and every verify took it: its checksum was right."""
    lake, configs, dataset_id = made
    edit(lake, dataset_id)
    Dataset.open(lake, dataset_id).verify()  # by its own checksums it is whole
    name = "bins" if edit is edit_prices else "grid_clean"
    for attempt in (
        lambda: generate("small", lake, config_root=configs),
        lambda: run_experiment("small", lake, config_root=configs),
        lambda: verify_dataset(lake, dataset_id, config_root=configs),
    ):
        with pytest.raises(DatasetDamagedError, match=rf"{name}\.parquet is not the one that its entry in the ledger"):
            attempt()
    (found,) = wrong(lake, configs)
    assert (found.kind, found.name, found.state) == ("dataset", dataset_id, "damaged")
    assert not ResultsStore(lake).root.joinpath("runs.parquet").exists()


@pytest.mark.parametrize("edit", [edit_prices, edit_cells])
def test_without_a_ledger_the_chain_of_frames_names_the_bin(made, edit):
    lake, configs, dataset_id = made
    edit(lake, dataset_id)
    forget(lake)
    with pytest.raises(DatasetDamagedError, match="bin 700 of its tables is not the one that was chained"):
        verify_dataset(lake, dataset_id, config_root=configs)
    assert [(f.kind, f.name) for f in wrong(lake, configs)] == [("dataset", dataset_id)]


def test_a_whole_dataset_is_proven_and_its_anchors_counted(made, judged):
    lake, configs, dataset_id = made
    steps = []
    proof = verify_dataset(lake, dataset_id, config_root=configs, progress=lambda *step: steps.append(step))
    assert (proof.bins, proof.in_ledger, proof.runs, proof.servings) == (1800, 1, 0, 0)
    assert proof.head == Dataset.open(lake, dataset_id).manifest["frames"]["head"]
    assert steps[-1] == (1500, 1800)
    lake, configs, dataset_id = judged
    proof = verify_dataset(lake, dataset_id, config_root=configs)
    assert (proof.in_ledger, proof.runs, proof.servings) == (1, 4, 1)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"counts": {"bins": 1800, "valid_bins": 1800, "events": 1, "grid_rows": 3, "rows_per_bin": 21}}, "cells are"),
        ({"counts": {"bins": 9, "valid_bins": 9, "events": 1, "grid_rows": 3, "rows_per_bin": 21}}, "counts 9 bins"),
    ],
)
def test_counts_that_are_not_those_of_the_tables(made, changes, problem):
    lake, _, dataset_id = made
    rewrite_manifest(lake.dataset_dir(dataset_id), **changes)
    with pytest.raises(DatasetDamagedError, match=problem):
        check_frames(Dataset.open(lake, dataset_id))


def test_rows_that_no_bin_shows_are_found(made):
    lake, _, dataset_id = made
    path = lake.dataset_dir(dataset_id) / "grid_clean.parquet"
    grid = pl.read_parquet(path)
    for more in (grid.tail(1).with_columns(bin_seq=pl.lit(5000, pl.Int64)), grid.tail(1)):
        path.chmod(0o644)
        pl.concat([grid, more]).write_parquet(path)
        reseal(path.parent, path.name, path.read_bytes())
        with pytest.raises(DatasetDamagedError, match="cells"):
            check_frames(Dataset.open(lake, dataset_id))


def test_a_config_that_is_not_the_identity_s(made):
    lake, _, dataset_id = made
    manifest = Dataset.open(lake, dataset_id).manifest
    rewrite_manifest(lake.dataset_dir(dataset_id), config={**manifest["config"], "tau_velocity": 3.0})
    with pytest.raises(DatasetDamagedError, match="not that of its identity"):
        check_frames(Dataset.open(lake, dataset_id))


def test_frames_of_another_contract_are_not_called_damaged(made):
    lake, configs, dataset_id = made
    forget(lake)
    kept = Dataset.open(lake, dataset_id).manifest["frames"]
    rewrite_manifest(lake.dataset_dir(dataset_id), frames={**kept, "contract_version": "9.0"})
    with pytest.raises(FramesUnknownError, match=r"contract 9\.0"):
        check_frames(Dataset.open(lake, dataset_id))
    proof = verify_dataset(lake, dataset_id, config_root=configs)
    assert (proof.head, proof.in_ledger) == ("", 0)
    assert "contract 9.0" in proof.frames
    assert wrong(lake, configs) == []


# --- when runs and a serving rest on it ---


@pytest.mark.parametrize("ledger", ["with the ledger", "without it"])
def test_a_forged_chain_is_found_by_what_was_judged_on_the_dataset(judged, ledger):
    """Prices, checksums, chain, and the ledger gone: the runs and the serving still say what they were judged on."""
    lake, configs, dataset_id = judged
    before = ResultsStore(lake).runs().height
    edit_prices(lake, dataset_id)
    rechain(lake, dataset_id)
    if ledger == "without it":
        forget(lake)
    check_frames(Dataset.open(lake, dataset_id))
    best = compare(ResultsStore(lake), experiment="small", min_signals=0).row(0, named=True)
    for attempt in (
        lambda: run_experiment("small", lake, config_root=configs),
        lambda: correct_search(ResultsStore(lake), lake, [dataset_id], draws=9),
        lambda: promote(best["run_id"], "other", lake, config_root=configs, accept_unproven=True, reason="test"),
        lambda: verify_dataset(lake, dataset_id, config_root=configs),
    ):
        with pytest.raises(DatasetDamagedError, match=r"bins\.parquet is not the one that (its entry|run [0-9a-f]+)"):
            attempt()
    assert ResultsStore(lake).runs().height == before
    assert ("dataset", dataset_id) in [(f.kind, f.name) for f in wrong(lake, configs)]
    shutil.rmtree(lake.results_dir)
    with pytest.raises(DatasetChangedError, match=r"not the one that serving srv_small_"):
        verify_dataset(lake, dataset_id, config_root=configs)


def test_a_certificate_that_was_made_to_hold_is_found(judged):
    lake, configs, dataset_id = judged
    certificate = Dataset.open(lake, dataset_id).manifest["certificate"]
    rewrite_manifest(lake.dataset_dir(dataset_id), certificate={**certificate, "ok": not certificate["ok"]})
    with pytest.raises(DatasetChangedError, match=r"manifest\.json is not the one"):
        verify_dataset(lake, dataset_id, config_root=configs)


def test_every_run_and_serving_says_what_it_was_judged_on(judged):
    lake, configs, dataset_id = judged
    files = dataset_files(Dataset.open(lake, dataset_id))
    assert {json.loads(text)["bins.parquet"] for text in ResultsStore(lake).runs()["dataset_files_json"]} == {
        files["bins.parquet"]
    }
    (path,) = (configs / "serving_versions").glob("*.yaml")
    for digest in files.values():
        assert digest in path.read_text()
    assert Ledger(lake.ledger_dir).recorded(dataset_id) == [files]


def test_a_dataset_that_is_made_again_is_the_same(judged):
    """Its manifest has another time and another duration, and the book may have come from a checkpoint."""
    lake, configs, dataset_id = judged
    before = Dataset.open(lake, dataset_id)
    shutil.rmtree(lake.dataset_dir(dataset_id))
    shutil.rmtree(lake.book_cache_dir)
    assert generate("small", lake, config_root=configs) == dataset_id
    again = Dataset.open(lake, dataset_id)
    assert again.manifest["timings"] != before.manifest["timings"]
    assert verify_dataset(lake, dataset_id, config_root=configs).runs == 4
    assert run_experiment("small", lake, config_root=configs).computed == 0
    assert wrong(lake, configs) == []


def test_what_has_no_digests_says_nothing(made):
    lake, _, dataset_id = made
    check_anchor(Dataset.open(lake, dataset_id), {}, anchor="run 0")
    with pytest.raises(DatasetChangedError, match=r"sha256 [0-9a-f]{16}, expected none"):
        check_anchor(Dataset.open(lake, dataset_id), {"notes.txt": "0" * 64}, anchor="run 0")


def test_a_dataset_of_a_version_without_a_ledger_is_entered_when_it_is_next_used(made):
    lake, configs, dataset_id = made
    forget(lake)
    generate("small", lake, config_root=configs)
    assert Ledger(lake.ledger_dir).recorded(dataset_id) == [dataset_files(Dataset.open(lake, dataset_id))]
