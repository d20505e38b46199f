"""The example of the README runs in an empty directory, and does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "packages" / "vp-registry" / "README.md"


def test_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README", "exec"), {})  # noqa: S102  # the file is ours
    first, *events = capsys.readouterr().out.splitlines()
    assert "srv_tried_11111111_" in first
    assert "{'tp_rate': 0.41}" in first
    assert [line.split(" ")[1] for line in events] == ["promote", "promote", "rollback"]
    assert {path.name for path in tmp_path.iterdir()} == {"registry.sqlite", "serving_versions"}
