"""The examples of the documents run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.docs import run_examples
from support.packages import ROOT


@pytest.mark.parametrize(
    "document", ["docs/book.md", "docs/embedding.md", "docs/live.md", "packages/vp-book/README.md"]
)
def test_the_examples_of_a_document_run(document: str, tmp_path: Path) -> None:
    run_examples(document, tmp_path)


def test_the_examples_of_the_synthetic_market_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of minutes: as they stand they write hours."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "synthetic-market.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        short = block.replace("minutes=30", "minutes=1").replace('"18:00", end="20:30"', '"18:59", end="19:01"')
        assert short != block
        exec(short, {})  # noqa: S102
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["SYNM6-20260205.mbo.dbn.zst", "SYNM6-20260206.mbo.dbn.zst"]
