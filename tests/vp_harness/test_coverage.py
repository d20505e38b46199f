"""What is wrong with the files of a capture is refused, or is taken as the capture says, and then it is told."""

import hashlib
import json
import shutil

import numpy as np
import polars as pl
import pytest
import zstandard
from support.dbn_files import read_all, with_span
from support.small_lake import write_configs

from vp_book import DbnDamagedError, SymbolError, open_dbn
from vp_contract import load_instrument, load_published
from vp_harness import (
    CoverageError,
    Dataset,
    Lake,
    OffGridError,
    RawFileError,
    ResultsStore,
    UnsoundError,
    compare,
    generate,
    import_file,
    promote,
    publish,
    run_experiment,
    scored_bins,
    source_options,
)
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import capture_ns, new_york_ns
from vp_harness.lake.manifest import canonical_json, identity_hash
from vp_harness.lake.overview import overview


class Desk:
    """A lake and specs of its own, and the whole market's dataset to hold others against."""

    def __init__(self, root, research):
        self.lake = Lake(root / "lake")
        self.configs = write_configs(root / "configs")
        self.market = research.raw
        self.whole = Dataset.open(research.lake, research.dataset_id)
        self.scratch = root / "in.dbn.zst"
        self._capture = {"product_type": "future_mbo", "symbol": "SYNM6", "dt": "2026-02-06"}
        self._capture |= {"start_time": "09:27", "end_time": "09:30"}

    def capture(self, **fields):
        """Change the pipeline's capture."""
        self._capture |= fields
        spec = f"name: small\ncapture: {json.dumps(self._capture)}\npipeline: {{}}\n"
        (self.configs / "pipelines" / "small.yaml").write_text(spec)
        return self

    @property
    def config(self):
        return pipeline_config("small", self.configs)

    def take(self, path):
        """Import a file as the pipeline's capture says."""
        lock = load_instrument(self.configs / "instrument.yaml")
        capture = self.config
        return import_file(self.lake, path, lock, publisher=capture.publisher, on_damage=capture.on_damage)

    def put(self, path):
        """Lay a file into the lake that nobody imported."""
        target = self.lake.raw_dir("future_mbo", "SYN") / "synm6-20260206.mbo.dbn.zst"
        target.parent.mkdir(parents=True)
        return shutil.copyfile(path, target)

    def make(self):
        return Dataset.open(self.lake, generate("small", self.lake, config_root=self.configs))

    def cut(self, share=0.6):
        """The market's file, of which the rest was lost."""
        data = self.market.read_bytes()
        self.scratch.write_bytes(data[: int(len(data) * share)])
        return self.scratch


@pytest.fixture
def desk(tmp_path, research):
    return Desk(tmp_path, research)


def same_as_the_whole(dataset, whole):
    """Whether a shorter dataset is the beginning of a longer one."""
    n = dataset.n_bins
    assert 0 < n < whole.n_bins
    assert dataset.bins.equals(whole.bins.head(n))
    for column in ("pressure_variant", "flow_score", "state5_code"):
        assert np.array_equal(dataset.grid(column), whole.grid(column, 0, n))
    return True


def test_bins_after_the_data_are_never_made_up(desk):
    desk.capture(end_time="09:37").put(desk.market)
    with pytest.raises(CoverageError, match=r"ends at 2026-02-06T14:37:00Z.* only to 2026-02-06T14:31:00Z"):
        generate("small", desk.lake, config_root=desk.configs)
    assert not desk.lake.datasets_dir.exists()
    with pytest.raises(CoverageError, match="only to 2026-02-06T14:31:00Z"):  # nor by whoever replays it without asking
        list(scored_bins(desk.config, desk.market))


def test_a_dataset_that_may_end_early_ends_with_the_data_and_says_so(desk):
    desk.capture(end_time="09:37", on_short="end_early").put(desk.market)
    dataset = desk.make()
    assert dataset.n_bins == 2400  # of 6000
    assert dataset.bins.head(1800).equals(desk.whole.bins)
    end_ns = new_york_ns("2026-02-06", "09:31")
    assert dataset.bins["bin_end_ns"].max() == end_ns
    assert dataset.manifest["ended_early"] == {"end_ns": end_ns, "missing_bins": 3600, "reason": "coverage"}
    assert (dataset.sound, dataset.manifest["damaged"]) == (True, None)
    assert dataset.manifest["certificate"]["coverage"]["end_ns"] == end_ns


def test_where_no_metadata_says_so_the_records_say_where_the_data_ends(desk, tmp_path):
    start_ns = new_york_ns("2026-02-06", "09:26")
    raw = with_span(desk.market, tmp_path / "endless.dbn.zst", start_ns)
    desk.capture(end_time="09:37").put(raw)
    with pytest.raises(CoverageError, match=r"only to 2026-02-06T14:30:59\.9\d+Z"):  # found out while reading it
        generate("small", desk.lake, config_root=desk.configs)
    assert list(desk.lake.datasets_dir.iterdir()) == []
    dataset = desk.capture(on_short="end_early").make()
    assert (dataset.n_bins, dataset.sound) == (2400, True)
    assert dataset.manifest["ended_early"]["missing_bins"] == 3600
    assert desk.capture(end_time="09:30").make().bins.equals(desk.whole.bins)  # it ends where it should, not later


def test_a_damaged_file_is_refused_everywhere_unless_the_capture_takes_it(desk):
    with pytest.raises(RawFileError, match="ends inside a zstd frame at byte"):
        desk.take(desk.cut())
    desk.put(desk.cut())
    with pytest.raises(DbnDamagedError, match="ends inside a zstd frame at byte"):
        generate("small", desk.lake, config_root=desk.configs)
    assert list(desk.lake.datasets_dir.iterdir()) == []


def test_a_dataset_of_a_damaged_file_ends_before_the_damage_and_is_not_sound(desk, tmp_path):
    _, found = desk.capture(on_damage="until_damage").take(desk.cut())
    assert "ends inside a zstd frame at byte" in found.damage
    dataset = desk.make()
    assert same_as_the_whole(dataset, desk.whole)
    assert dataset.manifest["damaged"].startswith("synm6-20260206.mbo.dbn.zst: ends inside a zstd frame at byte ")
    early = dataset.manifest["ended_early"]
    assert (early["reason"], early["missing_bins"]) == ("damage", 1800 - dataset.n_bins)
    assert early["end_ns"] == dataset.bins["bin_end_ns"].max() <= found.covered_ns[1]
    assert dataset.manifest["certificate"]["damage"] == dataset.manifest["damaged"]
    assert not dataset.sound
    assert any("damaged" in reason for reason in dataset.unsound_reasons)
    (listed,) = overview(desk.lake).datasets
    assert listed.status == "unsound"
    assert "damaged" in listed.problem
    readme = (publish(dataset.dataset_id, tmp_path / "out", desk.lake) / "README.md").read_text()
    assert "| replay certificate | does NOT hold: " in readme
    assert f"{early['missing_bins']} bins before the window: a raw file is damaged from there on" in readme
    assert "on_damage until_damage" in readme


def test_what_rests_on_a_damaged_file_is_promoted_only_when_that_is_accepted(desk):
    desk.capture(on_damage="until_damage").take(desk.cut())
    result = run_experiment("small", desk.lake, config_root=desk.configs)
    best = compare(ResultsStore(desk.lake), min_signals=0).row(0, named=True)
    assert best["dataset_id"] in result.dataset_ids
    options = {"config_root": desk.configs, "threshold": best["threshold"], "accept_unproven": True, "reason": "test"}
    with pytest.raises(UnsoundError, match=r"is unsound: .*damaged: synm6-20260206.*set accept_unsound"):
        promote(best["run_id"], "desk", desk.lake, **options)
    reason = "the rest of the session is not needed"
    served = promote(best["run_id"], "desk", desk.lake, **{**options, "reason": reason}, accept_unsound=True)
    published = load_published(desk.configs / "serving_versions" / f"{served.serving_id}.yaml")
    assert published.evidence["sound"] is False
    assert published.evidence["accepted_unsound"] == reason
    assert "damaged" in published.evidence["unsound_reasons"][0]
    assert published.sources == Dataset.open(desk.lake, best["dataset_id"]).sources
    assert published.sources.on_damage == "until_damage"


def test_a_sound_dataset_needs_nothing_accepted(research, own):
    run_experiment("small", own.lake, config_root=own.configs)
    best = compare(ResultsStore(own.lake), min_signals=0).row(0, named=True)
    options = {"config_root": own.configs, "threshold": best["threshold"], "accept_unproven": True, "reason": "test"}
    served = promote(best["run_id"], "desk", own.lake, **options)
    assert served.spec.evidence["sound"] is True
    assert "accepted_unsound" not in served.spec.evidence
    assert served.spec.sources == source_options(pipeline_config("small", own.configs), own.lake)


def test_a_file_on_another_grid_is_refused(desk):
    lock = desk.configs / "instrument.yaml"
    lock.write_text(lock.read_text().replace("tick_size: 0.25", "tick_size: 1.00"))
    with pytest.raises(
        RawFileError, match=r"of \d+ orders of SYNM6 have a price that is no multiple of tick_size 1\.0"
    ):
        desk.take(desk.market)
    desk.put(desk.market)
    with pytest.raises(OffGridError, match=r"no multiple of tick_size 1\.0.*give the instrument lock the tick"):
        generate("small", desk.lake, config_root=desk.configs)
    assert list(desk.lake.datasets_dir.iterdir()) == []


def of_two_publishers(source, target):
    """The file with every record twice, the second time from publisher 2."""
    body = zstandard.ZstdDecompressor().stream_reader(source.read_bytes()).read()
    records = read_all(open_dbn(source))
    twice = np.repeat(records, 2)
    twice["publisher_id"][1::2] = 2
    head = body[: len(body) - records.nbytes]
    target.write_bytes(zstandard.ZstdCompressor().compress(head + twice.tobytes()))
    return target


def test_of_several_publishers_the_capture_says_which(desk, tmp_path):
    both = of_two_publishers(desk.market, tmp_path / "both.dbn.zst")
    with pytest.raises(RawFileError, match="mixes 1, 2"):
        desk.take(both)
    _, found = desk.capture(publisher=1).take(both)
    assert found.publishers == (1,)
    dataset = desk.make()
    assert dataset.bins.equals(desk.whole.bins)
    assert dataset.sources.publisher == 1
    result = run_experiment("small", desk.lake, config_root=desk.configs)
    assert result.dataset_ids == (dataset.dataset_id,)
    desk.capture(publisher=9)
    with pytest.raises(SymbolError, match="publisher 9 has no record"):
        generate("small", desk.lake, config_root=desk.configs)


def test_bins_of_a_longer_silence_than_the_capture_takes_are_invalid(desk, tmp_path):
    start_ns, last_ns = new_york_ns("2026-02-06", "09:26"), new_york_ns("2026-02-06", "09:31")
    raw = with_span(desk.market, tmp_path / "quiet.dbn.zst", start_ns, last_ns + 120 * 10**9)
    desk.capture(end_time="09:32").put(raw)
    silent = pl.col("bin_end_ns") > last_ns + 30 * 10**9
    assert desk.make().bins.filter(silent)["book_valid"].all()
    dataset = desk.capture(max_silence_s=30.0).make()
    assert not dataset.bins.filter(silent)["book_valid"].any()
    assert dataset.bins.filter(pl.col("bin_end_ns") < last_ns)["book_valid"].sum() > 2300
    coverage = dataset.manifest["certificate"]["coverage"]
    assert coverage["silence_at_end_ns"] >= 120 * 10**9


def test_a_dataset_of_before_the_coverage_was_looked_at_is_read_and_unsound(research, own):
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    new = Dataset.open(own.lake, research.dataset_id)
    old = json.loads((new.path / "manifest.json").read_bytes())
    file = old.pop("sources")["files"][0]
    for name in ("damaged", "ended_early"):
        del old[name]
    for name in ("coverage", "reasons", "damage", "seams", "reading"):
        old["certificate"].pop(name, None)
    for name in ("publisher", "on_damage", "on_short", "max_silence_s"):
        del old["config"][name]
    identity = {"format": 1, "numbers": {}, "source_sha256": file["sha256"], "publisher": 3, "warm_up_s": 1800}
    dataset_id = f"{research.dataset_id.rpartition('__')[0]}__{identity_hash(identity)}"
    old |= {"format": 1, "dataset_id": dataset_id, "identity": identity, "source": file}
    new.path.rename(own.lake.dataset_dir(dataset_id))
    directory = own.lake.dataset_dir(dataset_id)
    data = canonical_json(old)
    checksums = json.loads((directory / "checksums.json").read_bytes())
    for name, content in (
        ("manifest.json", data),
        ("checksums.json", canonical_json({**checksums, "manifest.json": hashlib.sha256(data).hexdigest()})),
    ):
        (directory / name).chmod(0o600)
        (directory / name).write_bytes(content)
    dataset = Dataset.open(own.lake, dataset_id)
    dataset.verify()
    assert dataset.bins.equals(Dataset.open(research.lake, research.dataset_id).bins)
    assert (dataset.sources.names, dataset.sources.publisher) == ((file["name"],), 3)
    assert (dataset.sources.start_ns, dataset.sources.end_ns) == capture_ns(dataset.config)
    assert dataset.unsound_reasons == (
        "it was made by a version that did not check whether the raw file covers the capture",
    )
