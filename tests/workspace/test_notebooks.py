"""The notebooks run, and their pages are what running gives."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.packages import ROOT, ci_script

SCRIPT = """# %% [markdown]
# # Title

# %%
import warnings
from matplotlib.figure import Figure
print("printed")

# %%
figure = Figure(figsize=(2, 1))
axes = figure.subplots()
axes.plot([0, 1])
axes.set_title("A line")
figure

# %%
1 + 1
"""


@pytest.fixture(scope="module")
def notebooks() -> ModuleType:
    return ci_script("notebooks")


def test_the_pages_are_what_running_the_notebooks_gives() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "notebooks", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_page_has_text_code_output_and_pictures(notebooks: ModuleType, tmp_path: Path) -> None:
    assert doctest.testmod(notebooks) == (0, 1)
    script = tmp_path / "small.py"
    script.write_text(SCRIPT, encoding="utf-8")
    page = notebooks.run(script)
    assert page.text.startswith("# Title\n\n*This page is [small.py](small.py)")
    assert '```python\nimport warnings\nfrom matplotlib.figure import Figure\nprint("printed")\n```\n' in page.text
    assert "```text\nprinted\n```\n" in page.text
    assert "![A line](small_1.png)\n" in page.text
    assert page.text.endswith("```python\n1 + 1\n```\n\n```text\n2\n```\n")
    assert notebooks.run(script) == page


def test_what_is_not_what_running_gives_is_named(
    notebooks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    script = tmp_path / "small.py"
    script.write_text(SCRIPT, encoding="utf-8")
    page = notebooks.run(script)
    assert notebooks.differences(script, page) == [
        "small.md is not what the notebook gives",
        "small_1.png is not what the notebook draws",
    ]
    notebooks.write(script, page)
    assert notebooks.differences(script, page) == []
    (tmp_path / "small_2.png").write_bytes(page.pictures["small_1.png"])
    script.write_text(SCRIPT.replace("plot([0, 1])", "bar([0, 1], [5, 5])").replace("1 + 1", "3"), encoding="utf-8")
    assert notebooks.differences(script, notebooks.run(script)) == [
        "small.md is not what the notebook gives",
        "small_2.png is of no notebook",
        "small_1.png is not what the notebook draws",
    ]


def test_an_error_of_a_notebook_names_its_line(notebooks: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "small.py"
    script.write_text(SCRIPT + '\n# %%\nx = 1\nwarnings.warn("old")\n', encoding="utf-8")
    with pytest.raises(UserWarning, match="old") as caught:
        notebooks.run(script)
    assert (caught.traceback[-1].path, caught.traceback[-1].lineno + 1) == (script, 21)
