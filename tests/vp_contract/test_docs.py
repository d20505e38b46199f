"""The examples of the docs run, and name every default that there is."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from vp_contract import InstrumentLock, PipelineOverrides

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("page", "where"), [("docs/configs.md", ROOT), ("packages/vp-contract/README.md", None)])
def test_examples_run(
    page: str, where: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(where or tmp_path)
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)
    examples = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, page, "exec"), {})  # noqa: S102  # the file is ours
    assert "SYNM6" in capsys.readouterr().out


def test_every_field_of_the_instrument_file_is_documented() -> None:
    text = (ROOT / "docs" / "configs.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z0-9_]+", text))
    for field in msgspec.structs.fields(InstrumentLock):
        short = re.sub(r"^state_model_", "", field.name)
        assert field.name in words or short in words or f"_{short}" in words or short.endswith("_weight"), field.name
    for field in msgspec.structs.fields(PipelineOverrides):
        assert field.name in words
