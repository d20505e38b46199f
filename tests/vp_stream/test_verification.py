"""A served frame is the one the research saw, or the difference is named."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support import forging
from support.small_lake import import_market, promote_small, write_configs, write_small_market

from vp_contract import Frame
from vp_harness import Dataset, DatasetError, Lake, vouched_marks
from vp_harness.errors import FrameMismatchError, RawFileChangedError
from vp_harness.execution.writer import without_marks
from vp_harness.lake import frames
from vp_harness.lake.anchors import dataset_files
from vp_stream import LogDamagedError, StreamSettings, start_in_background
from vp_stream.frames.judging import JudgedFrames
from vp_stream.frames.logfile import read_frames, verify_file
from vp_stream.frames.producer import EncodedBin
from vp_stream.frames.runs import RunSpec
from vp_stream.frames.verification import frame_logs, verify_serving
from vp_stream.frames.warming import warm_log
from vp_stream.servings.feed import ReplayFeed
from vp_stream.servings.published import LakeCatalogue
from vp_stream.servings.signal import ServedBin


@dataclass
class Desk:
    lake: Lake
    configs: Path
    dataset_id: str

    @property
    def catalogue(self) -> LakeCatalogue:
        return LakeCatalogue(self.lake, self.configs)

    def prove(self) -> Any:
        return verify_serving(self.catalogue, self.lake, "small")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    root = tmp_path_factory.mktemp("proof")
    desk = Desk(Lake(root / "lake"), write_configs(root / "configs"), "")
    import_market(desk.lake, desk.configs, write_small_market(root / "market.dbn.zst"))
    with pytest.MonkeyPatch.context() as patch:  # a serving of a version that published no digests of its dataset
        patch.setattr("vp_harness.research.promotion.dataset_files", lambda _: {})
        desk.dataset_id = promote_small(desk.lake, desk.configs).spec.source.dataset_id
    return desk


@pytest.fixture
def desk(original: Desk, tmp_path: Path) -> Desk:
    shutil.copytree(original.lake.root, tmp_path / "lake")
    return Desk(Lake(tmp_path / "lake"), original.configs, original.dataset_id)


@pytest.fixture(scope="module")
def anchored_once(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same with the digests of the dataset in the published serving."""
    root = tmp_path_factory.mktemp("anchored")
    desk = Desk(Lake(root / "lake"), write_configs(root / "configs"), "")
    import_market(desk.lake, desk.configs, write_small_market(root / "market.dbn.zst"))
    desk.dataset_id = promote_small(desk.lake, desk.configs).spec.source.dataset_id
    return desk


@pytest.fixture
def anchored(anchored_once: Desk, tmp_path: Path) -> Desk:
    shutil.copytree(anchored_once.lake.root, tmp_path / "lake")
    return Desk(Lake(tmp_path / "lake"), anchored_once.configs, anchored_once.dataset_id)


def rewrite_manifest(desk: Desk, **changes: object) -> None:
    """Change the manifest and make its checksum right again, as a careful forger would."""
    directory = desk.lake.dataset_dir(desk.dataset_id)
    manifest = json.loads((directory / "manifest.json").read_bytes())
    manifest.update(changes)
    reseal(directory, "manifest.json", json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())


def reseal(directory: Path, name: str, data: bytes) -> None:
    (directory / name).chmod(0o644)
    (directory / name).write_bytes(data)
    checksums = json.loads((directory / "checksums.json").read_bytes())
    checksums[name] = hashlib.sha256(data).hexdigest()
    (directory / "checksums.json").chmod(0o644)
    (directory / "checksums.json").write_bytes(json.dumps(checksums, sort_keys=True, separators=(",", ":")).encode())


def test_every_frame_is_the_one_of_the_dataset(desk: Desk) -> None:
    steps: list[tuple[int, int]] = []
    proof = verify_serving(desk.catalogue, desk.lake, "small", progress=lambda done, total: steps.append((done, total)))
    assert (proof.bins, proof.logged, proof.alias, proof.marks) == (1800, 0, "small", "compared")
    assert proof.head == Dataset.open(desk.lake, desk.dataset_id).manifest["frames"]["head"]
    assert steps[-1] == (1800, 1800)


def test_a_serving_whose_dataset_was_changed_is_not_served(anchored: Desk, connected) -> None:
    """Every checksum of the dataset and its chain are set right; the published serving says what it was judged on."""
    assert anchored.prove()
    settings = StreamSettings(lake_root=anchored.lake.root, config_root=anchored.configs, port=0, speed=float("inf"))
    with start_in_background(settings) as server:
        stage = connected(server)
        assert stage.play("?serving=small").close_code == 1000
        forging.edit_prices(anchored.lake, anchored.dataset_id)
        forging.rechain(anchored.lake, anchored.dataset_id)
        received = stage.play("?serving=small")
        assert received.close_code == 1008
        assert received.texts[0]["code"] == "integrity"
        assert f"dataset {anchored.dataset_id} is not the one it was judged on" in received.texts[0]["message"]
        assert str(anchored.lake.root) not in received.texts[0]["message"]
        # without the dataset the numbers are those of the raw file, as ever
        shutil.rmtree(anchored.lake.dataset_dir(anchored.dataset_id))
        assert stage.play("?serving=small").close_code == 1000
    with pytest.raises(DatasetError, match="no dataset"):
        anchored.prove()


def rewrite_log(run: RunSpec, change: Callable[[int, Frame], Frame]) -> None:
    """The log of other frames, with every checksum right."""
    frames = [change(i, frame) for i, frame in enumerate(read_frames(run.path, run.key))]
    forging.write_log(run.path, run.key, frames)


def bent(i: int, frame: Frame) -> Frame:
    return Frame(frame.update.replace(b'"trade_count":', b'"trade_count":1'), frame.grid) if i == 700 else frame


def bent_signal(i: int, frame: Frame) -> Frame:
    return Frame(frame.update.replace(b'"score":', b'"score":1'), frame.grid) if i == 700 else frame


def test_a_forged_frame_log_is_made_again(anchored: Desk, connected) -> None:
    run = anchored.catalogue.open("small").run
    assert warm_log(run).built
    whole = run.path.read_bytes()
    rewrite_log(run, bent)
    assert verify_file(run.path) == 1800  # by its own checksums it is whole
    settings = StreamSettings(lake_root=anchored.lake.root, config_root=anchored.configs, port=0, speed=float("inf"))
    with start_in_background(settings) as server:
        received = connected(server).play("?serving=small")
    assert (received.close_code, received.bins) == (1000, list(range(1800)))
    assert run.path.read_bytes() == whole
    assert received.frames == list(read_frames(run.path, run.key))
    assert not warm_log(run).built
    rewrite_log(run, bent_signal)
    assert warm_log(run).built


def test_a_log_of_which_nothing_says_what_it_holds_is_made_again(desk: Desk, connected) -> None:
    """The serving was published without digests of its dataset, so anybody may have made what lies there."""
    run = desk.catalogue.open("small").run
    assert warm_log(run).built
    whole = run.path.read_bytes()
    rewrite_log(run, bent)
    settings = StreamSettings(lake_root=desk.lake.root, config_root=desk.configs, port=0, speed=float("inf"))
    with start_in_background(settings) as server:
        assert connected(server).play("?serving=small").close_code == 1000
    assert run.path.read_bytes() == whole


def test_a_replay_from_a_forged_checkpoint_sends_no_bin_of_it(anchored: Desk, connected) -> None:
    feed = anchored.catalogue.open("small").run.feed
    next(feed.bins())
    (path,) = anchored.lake.book_cache_dir.glob("*.book")
    forging.edit_checkpoint(path)
    settings = StreamSettings(lake_root=anchored.lake.root, config_root=anchored.configs, port=0, speed=float("inf"))
    with start_in_background(settings) as server:
        stage = connected(server)
        received = stage.play("?serving=small")
        assert (received.close_code, received.bins) == (1011, [])
        assert "bin 0 is not the one that the serving was judged on" in received.texts[-1]["message"]
        assert not list(anchored.lake.stream_caches_dir.rglob("*.vplog"))
        assert stage.play("?serving=small").close_code == 1000


def test_a_replay_of_a_raw_file_that_is_edited_meanwhile_comes_to_no_end(desk: Desk) -> None:
    """Size and time are kept, and then the bytes are put back too."""
    run = desk.catalogue.open("small").run
    (raw,) = (desk.lake.root / "raw").rglob("*.dbn.zst")
    whole, status = raw.read_bytes(), raw.stat()
    raw.chmod(0o644)
    for edits, said in (([whole[:-9] + bytes(9)], "no longer the one"), ([b"", whole], "was written to")):
        raw.write_bytes(whole)
        bins = run.feed.bins()
        next(bins)
        for edit in edits:
            raw.write_bytes(edit)
            os.utime(raw, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(RawFileChangedError, match=said):
            for _ in bins:
                pass
    assert len(list(run.feed.bins())) == 1800


def test_verify_serving_reads_the_files_that_the_server_does_not(anchored: Desk) -> None:
    path = anchored.lake.dataset_dir(anchored.dataset_id) / "bins.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DatasetError, match=r"bins\.parquet is damaged"):
        anchored.prove()


def test_frame_logs_that_cannot_be_read_are_named(anchored: Desk) -> None:
    assert list(frame_logs(anchored.lake)) == []
    anchored.lake.stream_caches_dir.parent.mkdir(parents=True, exist_ok=True)
    anchored.lake.stream_caches_dir.write_bytes(b"")
    (finding,) = frame_logs(anchored.lake)
    assert (finding.state, finding.name) == ("damaged", "vp_stream")


def test_a_frame_log_on_the_disk_is_compared_too(desk: Desk, connected) -> None:
    settings = StreamSettings(lake_root=desk.lake.root, config_root=desk.configs, port=0, speed=float("inf"))
    with start_in_background(settings) as server:
        connected(server).play("?serving=small")
    run = desk.catalogue.open("small").run
    assert len(list(read_frames(run.path, run.key))) == verify_file(run.path) == 1800
    assert desk.prove().logged == 1800
    assert [finding.state for finding in frame_logs(desk.lake)] == ["whole"]
    data = bytearray(run.path.read_bytes())
    data[len(data) // 2] ^= 1
    run.path.write_bytes(data)
    with pytest.raises(LogDamagedError, match="checksum"):
        desk.prove()
    assert [finding.state for finding in frame_logs(desk.lake)] == ["damaged"]


def test_a_replay_that_gives_other_numbers_is_named_bin_and_column(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ReplayFeed.encode

    def bent(self: ReplayFeed, item):
        if item.scored.fields["bin_seq"] == 700:
            item.scored.cells["composite"][3] += 1e-12
        return original(self, item)

    monkeypatch.setattr(ReplayFeed, "encode", bent)
    with pytest.raises(FrameMismatchError, match=r"bin 700 differs from synm6_.*: column composite$"):
        desk.prove()


def test_a_bent_field_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ReplayFeed.encode

    def bent(self: ReplayFeed, item):
        if item.scored.fields["bin_seq"] == 3:
            item.scored.fields["trade_count"] += 1
        return original(self, item)

    monkeypatch.setattr(ReplayFeed, "encode", bent)
    with pytest.raises(FrameMismatchError, match=r"bin 3 differs .*: trade_count$"):
        desk.prove()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda marks: (marks[0]._replace(size=marks[0].size + 1), *marks[1:]), r"its mark 0 is {'kind': "),
        (lambda marks: marks[:-1], r"its mark \d+ is missing, there it is {'kind': "),
    ],
)
def test_the_first_bin_of_other_marks_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, changed: Callable[[Any], Any], said: str
) -> None:
    marked = Dataset.open(desk.lake, desk.dataset_id).bins.filter(pl.col("marks").list.len() > 0)["bin_seq"].to_list()
    original = ReplayFeed.encode

    def bent(self: ReplayFeed, item: ServedBin) -> EncodedBin:
        if item.scored.fields["bin_seq"] in marked[-2:]:
            item = item._replace(scored=dataclasses.replace(item.scored, marks=changed(item.scored.marks)))
        return original(self, item)

    monkeypatch.setattr(ReplayFeed, "encode", bent)
    with pytest.raises(FrameMismatchError, match=rf"^bin {marked[-2]} differs from synm6_.*: {said}"):
        desk.prove()


def test_a_dataset_that_was_made_without_marks_is_compared_in_all_else(desk: Desk) -> None:
    path = desk.lake.dataset_dir(desk.dataset_id) / "bins.parquet"
    reseal(path.parent, path.name, without_marks(path))
    assert desk.prove().marks == "not compared: the dataset was made before there were marks"


def test_marks_that_nobody_published_vouch_for_no_log(anchored: Desk) -> None:
    """Neither of a dataset without marks, nor of the same dataset made again, with marks that are in no digest."""
    catalogue = anchored.catalogue
    spec, run = catalogue.published("small"), catalogue.open("small").run
    assert run.believes_logs
    assert warm_log(run).built
    assert not warm_log(run).built
    dataset = Dataset.open(anchored.lake, anchored.dataset_id)
    path = anchored.lake.dataset_dir(anchored.dataset_id) / "bins.parquet"
    earlier = dict(dataset_files(dataset)) | {"bins.parquet": hashlib.sha256(without_marks(path)).hexdigest()}
    assert vouched_marks(dataset, dataset_files(dataset)) is not None
    assert vouched_marks(dataset, earlier) is None
    assert vouched_marks(dataset, {}) is None
    judged = JudgedFrames(dataset, spec.runtime, catalogue.checked(spec), earlier)
    unsure = dataclasses.replace(run, judged=judged)
    assert not unsure.believes_logs
    assert warm_log(unsure).built


def test_a_signal_of_other_parameters_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    original = vars(frames)["derivative_of"]
    monkeypatch.setattr(
        frames, "derivative_of", lambda config: original(config.replace(state_model_zscore_window_bins=41))
    )
    with pytest.raises(FrameMismatchError, match=r"bin \d+: its signal is .*the derivative stage make "):
        desk.prove()


def test_a_stream_that_ends_early_or_late_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ReplayFeed.bins
    monkeypatch.setattr(ReplayFeed, "bins", lambda self: itertools.islice(original(self), 10))
    with pytest.raises(FrameMismatchError, match=r"ends after 10 bins, .* has 1800"):
        desk.prove()


def test_a_forged_chain_is_found(desk: Desk) -> None:
    kept = Dataset.open(desk.lake, desk.dataset_id).manifest["frames"]
    rewrite_manifest(desk, frames={**kept, "head": "0" * 64})
    with pytest.raises(FrameMismatchError, match="the chain ends in"):
        desk.prove()
    rewrite_manifest(desk, frames={**kept, "links": "AAAA" + kept["links"][4:]})
    with pytest.raises(FrameMismatchError, match=r"bin 0 differs .*: the bytes around equal values"):
        desk.prove()


def test_another_contract_is_no_difference_of_numbers_but_cannot_be_compared(desk: Desk) -> None:
    kept = Dataset.open(desk.lake, desk.dataset_id).manifest["frames"]
    rewrite_manifest(desk, frames={**kept, "contract_version": "9.0"})
    with pytest.raises(DatasetError, match=r"contract 9\.0, this is contract 1"):
        desk.prove()


def test_a_damaged_dataset_is_not_compared_with(desk: Desk) -> None:
    path = desk.lake.dataset_dir(desk.dataset_id) / "bins.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DatasetError, match=r"bins\.parquet is damaged"):
        desk.prove()
