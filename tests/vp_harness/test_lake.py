"""The layout of the lake."""

import pytest

from vp_harness.errors import LakeError
from vp_harness.lake.paths import Lake, open_lake


def test_the_layout_is_the_documented_one(tmp_path):
    lake = Lake(tmp_path)
    relative = {
        lake.raw_dir(
            "future_mbo", "ES"
        ): "raw/source=databento/product_type=future_mbo/symbol=ES/table=market_by_order_dbn",
        lake.book_cache_dir: "cache/vp_book",
        lake.stream_cache_dir("srv_a_1_2"): "cache/vp_stream/srv_a_1_2",
        lake.dataset_dir("a__b__c"): "research/vp_immutable/a__b__c",
        lake.results_dir: "research/vp_harness/results",
        lake.registry_path: "research/vp_harness/serving_registry.sqlite",
    }
    for path, expected in relative.items():
        assert path.relative_to(tmp_path).as_posix() == expected
    assert list(tmp_path.iterdir()) == []


def test_the_root_comes_from_the_argument_then_the_environment_then_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("VP_LAKE_ROOT", str(tmp_path / "env"))
    assert open_lake(tmp_path).root == tmp_path
    assert open_lake().root == tmp_path / "env"
    monkeypatch.delenv("VP_LAKE_ROOT")
    assert open_lake().root.as_posix() == "lake"
    lake = Lake(tmp_path)
    assert open_lake(lake) is lake


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "../x", "a..b", "a\n", ".hidden", "C:x"])
def test_names_cannot_leave_their_directory(tmp_path, name):
    with pytest.raises(LakeError, match="dataset_id"):
        Lake(tmp_path).dataset_dir(name)


def test_a_file_is_no_lake(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LakeError, match="not a directory"):
        open_lake(tmp_path / "file")
