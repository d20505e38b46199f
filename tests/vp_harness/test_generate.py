"""Datasets: what is in them, that they are the same bytes every time, and that nothing half made is ever seen."""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time

import msgspec
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from support.dbn_files import with_span

from vp_contract import BIN_COLUMNS, PipelineSpec, load_pipeline
from vp_harness import (
    CoverageError,
    Dataset,
    DatasetDamagedError,
    DatasetError,
    DatasetMissingError,
    ParameterError,
    generate,
    list_datasets,
    scored_bins,
    source_options,
)
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import capture_ns
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.overview import overview

MAKE = """
import sys
from vp_harness import generate
generate("small", sys.argv[1], config_root=sys.argv[2])
"""


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix == ".parquet"}


def test_a_dataset_holds_every_bin_and_every_cell_of_the_replay(research):
    dataset = Dataset.open(research.lake, research.dataset_id)
    replay = list(scored_bins(dataset.config, research.raw))
    assert dataset.n_bins == len(replay) == dataset.bins.height == 1800
    assert dataset.bins.columns == [*(field.name for field in BIN_COLUMNS), "marks"]
    marks = [[mark._asdict() for mark in scored.marks] for scored in replay]
    assert dataset.bins["marks"].to_list() == marks
    assert sum(map(len, marks)) > 20
    for name in dataset.bins.columns[:-1]:
        assert dataset.bins[name].to_list() == [scored.fields[name] for scored in replay], name
    for column in dataset.columns:
        expected = np.array([scored.cells[column] for scored in replay])
        found = dataset.grid(column)
        assert found.dtype == expected.dtype, column
        assert found.shape == (1800, 21)
        assert np.array_equal(found, expected), column


def test_the_grid_is_long_sorted_and_without_rows_of_zeros(research):
    path = research.lake.dataset_dir(research.dataset_id) / "grid_clean.parquet"
    grid = pl.read_parquet(path)
    assert grid.select("bin_seq", "k").equals(grid.select("bin_seq", "k").sort("bin_seq", "k"))
    assert grid.columns[:2] == ["bin_seq", "k"]
    values = grid.drop("bin_seq", "k")
    assert (values.select(pl.any_horizontal(pl.all() != 0)).to_series()).all()
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest["counts"]["grid_rows"] == grid.height


def test_the_manifest_says_where_the_numbers_come_from(research):
    dataset = Dataset.open(research.lake, research.dataset_id)
    manifest = dataset.manifest
    assert dataset.sources == source_options(dataset.config, research.lake)
    assert manifest["sources"] == msgspec.to_builtins(dataset.sources)
    assert manifest["identity"]["sources"] == dataset.sources.decides()
    assert dataset.sources.names == (research.raw.name,)
    assert (manifest["damaged"], manifest["ended_early"], dataset.unsound_reasons) == (None, None, ())
    assert set(manifest["identity"]["digests"]) == {"vp_book", "vp_spectrum"}
    assert manifest["certificate"]["ok"] is dataset.sound is True
    assert manifest["counts"]["valid_bins"] == int(dataset.bins["book_valid"].sum()) > 1700
    assert dataset.dataset_id.startswith("synm6_20260206_0927_0930__small__")


def test_the_manifest_holds_the_spec_as_it_was_written_and_where_the_raw_file_lies(research):
    manifest = Dataset.open(research.lake, research.dataset_id).manifest
    spec = msgspec.convert(manifest["spec"]["pipeline"], PipelineSpec)
    assert spec == load_pipeline(research.configs / "pipelines" / "small.yaml")
    assert research.lake.root / manifest["sources"]["files"][0]["path"] == research.raw
    assert set(manifest["timings"]) == {"elapsed_s", "bins_per_s"}
    assert "unknown_cancel" in manifest["certificate"]["anomalies"]


def test_a_wide_window_is_written_in_row_groups_of_no_more_memory(tmp_path, own):
    config = pipeline_config("small", own.configs).replace(grid_radius_ticks=400, n_absolute_ticks=4096)
    config = config.replace(end_time="09:28")
    dataset = Dataset.open(own.lake, generate(config, own.lake))
    groups = pq.ParquetFile(dataset.path / "grid_clean.parquet").metadata
    rows = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert len(rows) == 5  # 600 bins in groups of 129
    assert max(rows) <= 101 * 1024
    assert dataset.grid("rest_depth").shape == (600, 801)
    assert dataset.manifest["spec"] is None


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: [],
        lambda manifest: {**manifest, "counts": {"bins": "many"}},
        lambda manifest: {key: value for key, value in manifest.items() if key != "sources"},
        lambda manifest: {**manifest, "config": {**manifest["config"], "tau_jerk": -1.0}},
        lambda manifest: {**manifest, "identity": {**manifest["identity"], "sources": {}}},
        lambda manifest: {**manifest, "format": 7},
    ],
)
def test_a_manifest_that_is_none_is_one_error_even_with_its_checksum(research, own, change):
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    directory = own.lake.dataset_dir(research.dataset_id)
    manifest, checksums = (json.loads((directory / name).read_bytes()) for name in ("manifest.json", "checksums.json"))
    data = canonical_json(change(manifest))
    for name in ("manifest.json", "checksums.json"):
        (directory / name).chmod(0o600)
    (directory / "manifest.json").write_bytes(data)
    (directory / "checksums.json").write_bytes(
        canonical_json({**checksums, "manifest.json": hashlib.sha256(data).hexdigest()})
    )
    with pytest.raises(DatasetDamagedError, match=r"manifest\.json"):
        Dataset.open(own.lake, research.dataset_id)
    (listed,) = overview(own.lake).datasets
    assert listed.status == "damaged"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_file_that_cannot_grow_is_named_and_nothing_is_left(research, own):
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))" + MAKE
    command = [sys.executable, "-c", code, str(own.lake.root), str(own.configs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(r"OSError: \[Errno 27\].*grid_clean\.parquet'$", done.stderr.strip().splitlines()[-1])
    assert list(own.lake.datasets_dir.iterdir()) == []
    assert generate("small", own.lake, config_root=own.configs) == research.dataset_id


def test_generating_again_finds_it_and_writes_nothing(research):
    directory = research.lake.dataset_dir(research.dataset_id)
    before = {path.name: path.stat().st_mtime_ns for path in directory.iterdir()}
    assert generate("small", research.lake, config_root=research.configs) == research.dataset_id
    assert {path.name: path.stat().st_mtime_ns for path in directory.iterdir()} == before
    assert all(not path.stat().st_mode & stat.S_IWUSR for path in directory.iterdir())
    assert list_datasets(research.lake) == [research.dataset_id]


def test_the_same_input_gives_the_same_bytes_however_it_is_named(research, own):
    done = []
    spec = load_pipeline(own.configs / "pipelines" / "small.yaml")
    made = generate(
        spec,
        own.lake,
        instrument=own.configs / "instrument.yaml",
        source=own.raw,
        progress=lambda *count: done.append(count),
    )
    assert made == research.dataset_id
    assert done[-1] == (1800, 1800)
    assert contents(own.lake.dataset_dir(made)) == contents(research.lake.dataset_dir(made))


def test_whatever_decides_a_number_decides_the_id(research, own):
    config = pipeline_config(own.configs / "pipelines" / "small.yaml", own.configs).replace(end_time="09:28")
    ids = {
        generate(config, own.lake),
        generate(config.replace(c1_v_add=2.0), own.lake),
        generate(config.replace(flow_tanh_scale=2.0), own.lake),
    }
    assert len(ids) == 3
    # the derivative stage changes no column of a dataset
    assert generate(config.replace(state_model_tanh_scale=9.0), own.lake) in ids
    own.raw.chmod(0o600)
    own.raw.write_bytes(own.raw.read_bytes()[:-5000])
    assert generate(config, own.lake) not in ids
    # nor is one that takes damage the one that does not, where there is none to take
    more = {generate(config.replace(**change), own.lake) for change in ({"on_short": "end_early"}, {"publisher": 1})}
    assert len(more | ids) == 5


@pytest.mark.parametrize(
    "name", ["bins.parquet", "grid_clean.parquet", "fills.parquet", "manifest.json", "checksums.json"]
)
def test_any_flipped_byte_is_named(research, own, name):
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    path = own.lake.dataset_dir(research.dataset_id) / name
    whole = path.read_bytes()
    path.chmod(0o600)
    rng = random.Random(1)
    for _ in range(12):
        at = rng.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :])
        with pytest.raises(DatasetDamagedError, match=rf"{name}|checksums\.json"):
            Dataset.open(own.lake, research.dataset_id).verify()
    with pytest.raises(DatasetDamagedError, match="remove the directory"):
        generate("small", own.lake, config_root=own.configs)
    path.unlink()
    with pytest.raises(DatasetDamagedError, match=f"{name} is missing"):
        Dataset.open(own.lake, research.dataset_id).verify()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("bins.parquet", lambda dataset: dataset.bins),
        ("grid_clean.parquet", lambda dataset: dataset.grid("flow_score")),
        ("fills.parquet", lambda dataset: dataset.fills),
    ],
)
def test_a_damaged_file_is_not_read_even_without_verify(research, own, name, read):
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    dataset = Dataset.open(own.lake, research.dataset_id)
    path = dataset.path / name
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DatasetDamagedError, match=name):
        read(dataset)


def test_a_strange_file_in_a_dataset_is_named(research, own):
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    dataset = Dataset.open(own.lake, research.dataset_id)
    (dataset.path / "extra").write_bytes(b"")
    with pytest.raises(DatasetDamagedError, match="extra does not belong"):
        dataset.verify()


def test_what_is_not_there_is_said_with_what_is(research):
    with pytest.raises(DatasetMissingError, match=research.dataset_id):
        Dataset.open(research.lake, "nothing__here__00000000")
    with pytest.raises(ParameterError, match="flow_score"):
        Dataset.open(research.lake, research.dataset_id).grid("flow_skore")


def test_a_session_without_a_book_makes_no_dataset(research, own):
    config = pipeline_config("small", own.configs).replace(start_time="04:00", end_time="04:01")
    begins = r"begins at 2026-02-06T09:00:00Z, but synm6-20260206\.mbo\.dbn\.zst begins at 2026-02-06T14:26:00Z"
    with pytest.raises(CoverageError, match=f"{begins}: use a start_time of 09:26 New York or later"):
        generate(config, own.lake)
    assert not own.lake.datasets_dir.exists()
    own.raw.chmod(0o600)
    with_span(own.raw, own.raw, *capture_ns(config))  # who claims to know the time, and has no record of it
    with pytest.raises(DatasetError, match=r"no bin of small \(2026-02-06 04:00-04:01 New York\) has a valid book"):
        generate(config, own.lake)
    assert list(own.lake.datasets_dir.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_generator_leaves_nothing_that_is_seen_and_nothing_that_blocks(research, own):
    rng = random.Random(os.getpid())
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", MAKE, str(own.lake.root), str(own.configs)])
        while process.poll() is None and not list(own.lake.datasets_dir.glob(".making-*")):
            time.sleep(0.02)
        time.sleep(rng.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for dataset_id in list_datasets(own.lake):
            Dataset.open(own.lake, dataset_id).verify()
    assert generate("small", own.lake, config_root=own.configs) == research.dataset_id
    assert [path.name for path in own.lake.datasets_dir.iterdir()] == [research.dataset_id]
