"""Datasets of a version that wrote no marks, beside and in place of those of this one; how large is large."""

import hashlib
import json
import shutil

import pytest

from vp_harness import Dataset, generate
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.writer import without_marks
from vp_harness.lake.anchors import check_recorded, dataset_files
from vp_harness.lake.frames import check_frames
from vp_harness.lake.ledger import Ledger
from vp_harness.lake.manifest import canonical_json


@pytest.fixture
def earlier(research, own):
    """A dataset as an earlier version made it, entered in the ledger, in a lake of its own."""
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    directory = own.lake.dataset_dir(research.dataset_id)
    path, listed = directory / "bins.parquet", directory / "checksums.json"
    data = without_marks(path)
    path.unlink()
    path.write_bytes(data)
    sums = {**json.loads(listed.read_bytes()), path.name: hashlib.sha256(data).hexdigest()}
    listed.chmod(0o600)
    listed.write_bytes(canonical_json(sums))
    dataset = Dataset.open(own.lake, research.dataset_id)
    Ledger(own.lake.ledger_dir).append_dataset(dataset.dataset_id, dataset_files(dataset))
    return own


def test_a_dataset_without_marks_is_read_and_verified(research, earlier):
    dataset, other = (Dataset.open(lake, research.dataset_id) for lake in (earlier.lake, research.lake))
    dataset.verify()
    assert (dataset.has_marks, other.has_marks) == (False, True)
    assert dataset.bins.equals(other.bins.drop("marks"))
    assert check_frames(dataset) == check_frames(other)
    assert check_recorded(earlier.lake, dataset) == 1


def test_it_is_made_again_and_the_ledger_knows_it(earlier):
    shutil.rmtree(earlier.lake.dataset_dir(earlier.dataset_id))
    assert generate("small", earlier.lake, config_root=earlier.configs) == earlier.dataset_id
    dataset = Dataset.open(earlier.lake, earlier.dataset_id)
    assert dataset.has_marks
    assert check_recorded(earlier.lake, dataset) == 2


def test_other_bins_are_not_taken_for_the_earlier_ones(research, earlier):
    old, new = (Dataset.open(lake, research.dataset_id) for lake in (earlier.lake, research.lake))
    digests = [dataset.checksums["bins.parquet"] for dataset in (old, new)] + ["ab" * 32]
    assert [old.has_bins_of(digest) for digest in digests] == [True, False, False]
    assert [new.has_bins_of(digest) for digest in digests] == [True, True, False]


def test_a_size_of_ones_own_makes_another_dataset(own):
    config = pipeline_config(own.configs / "pipelines" / "small.yaml", own.configs).replace(end_time="09:28")
    plain, small = (Dataset.open(own.lake, generate(one, own.lake)) for one in (config, config.replace(large_size=5)))
    assert plain.dataset_id != small.dataset_id
    assert small.bins.drop("marks").equals(plain.bins.drop("marks"))
    large = [mark["size"] for marks in small.bins["marks"].to_list() for mark in marks if mark["kind"] == "large"]
    assert min(large) == 5
    assert small.bins["marks"].list.len().sum() > plain.bins["marks"].list.len().sum()
