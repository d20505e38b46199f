"""A published copy explains itself and runs with polars alone."""

import hashlib
import json
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from vp_contract import BIN_COLUMNS, grid_columns
from vp_harness import DatasetDamagedError, DatasetError, Lake
from vp_harness.lake.publication import publish


@pytest.fixture(scope="module")
def copy(tmp_path_factory, research):
    return publish(
        research.dataset_id, tmp_path_factory.mktemp("out") / "copy", research.lake, authors='A. "Quant" & B: c'
    )


def test_every_file_is_there_and_its_checksum_is_listed(copy, research):
    listed = dict(reversed(line.split("  ")) for line in (copy / "SHA256SUMS").read_text().splitlines())
    assert set(listed) == {path.name for path in copy.iterdir()} - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((copy / name).read_bytes()).hexdigest() == digest
    for name in ("bins.parquet", "grid_clean.parquet", "fills.parquet", "manifest.json", "checksums.json"):
        assert (copy / name).read_bytes() == (research.lake.dataset_dir(research.dataset_id) / name).read_bytes()


def test_the_dictionary_is_of_every_column_in_order(copy):
    dictionary = json.loads((copy / "data_dictionary.json").read_text())
    assert set(dictionary) == {"bins.parquet", "grid_clean.parquet", "fills.parquet"}
    for name, entries in dictionary.items():
        schema = pq.read_schema(copy / name)
        assert [entry["name"] for entry in entries] == schema.names
        types = {"float64": "double"}
        assert [types.get(e["type"], e["type"]) for e in entries] == [str(field.type) for field in schema]
        for entry in entries:
            assert entry["unit"]
            assert entry["meaning"].endswith(".")
            assert f"| `{entry['name']}` |" in (copy / "README.md").read_text()


def test_no_two_columns_mean_the_same():
    entries = [*BIN_COLUMNS, *grid_columns((500, 1000))]
    assert len({entry.meaning for entry in entries}) == len(entries)


def test_the_citation_is_yaml_with_what_the_format_asks_for(copy, research):
    citation = YAML(typ="safe").load((copy / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["authors"] == [{"name": 'A. "Quant" & B: c'}]
    assert citation["identifiers"][0]["value"] == research.dataset_id


def test_nothing_of_this_machine_is_in_the_copy(copy, research):
    for path in copy.iterdir():
        data = path.read_bytes()
        assert str(research.lake.root.parent).encode() not in data
        assert str(copy.parent).encode() not in data
    assert "raw market data is not included" in (copy / "README.md").read_text()


def test_the_example_runs_with_polars_alone(copy):
    # nothing but polars and its dependencies can be imported: everything else of the environment is hidden
    blocked = "import sys; sys.modules.update(dict.fromkeys(('numpy', 'pyarrow', 'vp_contract', 'vp_harness')))"
    script = f"{blocked}; import runpy; runpy.run_path({str(copy / 'example.py')!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "v_pull" in done.stdout
    assert (copy / "example.py").read_text() in (copy / "README.md").read_text()


def test_nothing_is_written_over(copy, research, tmp_path):
    with pytest.raises(DatasetError, match="not an empty directory"):
        publish(research.dataset_id, copy, research.lake)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DatasetError, match="not an empty directory"):
        publish(research.dataset_id, tmp_path / "file", research.lake)
    (tmp_path / "empty").mkdir()
    assert publish(research.dataset_id, tmp_path / "empty", research.lake).is_dir()


def test_a_damaged_dataset_is_not_published(research, tmp_path):
    lake = Lake(tmp_path / "lake")
    shutil.copytree(research.lake.dataset_dir(research.dataset_id), lake.dataset_dir(research.dataset_id))
    path = lake.dataset_dir(research.dataset_id) / "bins.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetDamagedError, match="bins"):
        publish(research.dataset_id, tmp_path / "copy", lake)
    assert not (tmp_path / "copy").exists()
