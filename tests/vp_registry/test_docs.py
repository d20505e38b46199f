"""The example of the README runs, against a registry with and without an alias."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from vp_registry import Registry

README = Path(__file__).parents[2] / "packages" / "vp-registry" / "README.md"


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_example_runs(
    registry: Registry,
    publishable: Any,
    database: Path,
    versions_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    example = re.sub(r"sqlite:///[^\"]+", f"sqlite:///{database.as_posix()}", example)
    example = example.replace("configs/serving_versions", versions_dir.as_posix())
    monkeypatch.chdir(database.parents[1])
    exec(compile(example, "README", "exec"), {})  # noqa: S102  # the file is ours
    assert "known aliases: none yet" in capsys.readouterr().out
    registry.promote("demo", publishable(), "ann")
    exec(compile(example, "README", "exec"), {})  # noqa: S102
    assert "promote None -> srv_tried_" in capsys.readouterr().out
