"""The specs that are installed with the command, where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.packages import ROOT

from vp_cli.commands import demo
from vp_cli.errors import CliError
from vp_harness import experiment_chain


def test_specs_are_written_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_INSTALLED_SPECS", ROOT / "configs")
    target = tmp_path / "deep" / "configs"
    demo._provide_specs(target)
    assert experiment_chain("demo", target).config.symbol == experiment_chain("demo", ROOT / "configs").config.symbol
    assert [path.name for path in target.parent.iterdir()] == ["configs"]


def test_specs_that_are_there_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_INSTALLED_SPECS", ROOT / "configs")
    (tmp_path / "mine.yaml").write_text("mine", encoding="utf-8")
    demo._provide_specs(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_checkout_has_none_to_give(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="run in a checkout, or pass --config-root"):
        demo._provide_specs(tmp_path / "configs")
