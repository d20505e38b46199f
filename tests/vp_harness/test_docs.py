"""The examples of the documents run as they stand, one after the other."""

import doctest
import importlib
import re
import runpy
import shutil
from pathlib import Path

import pytest

from vp_harness import Dataset, signals

REPOSITORY = Path(__file__).parents[2]


def examples(document):
    return re.findall(r"^```python\n(.*?)^```", (REPOSITORY / document).read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture
def workplace(tmp_path, own, monkeypatch):
    """A working directory with `configs/` whose specs have the names that the documents use, and a lake."""
    for directory in ("pipelines", "serving", "experiments"):
        small = own.configs / directory / "small.yaml"
        text = small.read_text().replace("name: small", "name: demo").replace(": small\n", ": demo\n")
        (own.configs / directory / "demo.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return own


@pytest.mark.parametrize("module", ["base", "context"])
def test_the_examples_of_docstrings_run(module):
    found = doctest.testmod(importlib.import_module(f"vp_harness.signals.{module}"))
    assert found.attempted > 0
    assert found.failed == 0


def test_the_readme_runs_in_an_empty_directory(tmp_path, monkeypatch):
    (block,) = examples("packages/vp-harness/README.md")
    monkeypatch.chdir(tmp_path)
    Path("readme.py").write_text(block)
    names = runpy.run_path("readme.py")
    assert names["scores"].shape == (1800, 101)
    assert names["best"].height == 4


def test_the_research_guide_runs(workplace, capsys):
    shutil.rmtree(workplace.lake.root)
    blocks = examples("docs/research.md")
    assert len(blocks) == 6
    Path("research.py").write_text("\n".join(blocks))
    runpy.run_path("research.py")
    assert "demo -> srv_demo_" in capsys.readouterr().out


def test_the_page_of_datasets_runs(workplace, research, capsys):
    shutil.copytree(research.lake.datasets_dir, workplace.lake.datasets_dir)
    blocks = examples("docs/datasets.md")
    assert len(blocks) == 4
    Path("datasets.py").write_text("\n".join(blocks))
    runpy.run_path("datasets.py")
    printed = capsys.readouterr().out
    assert printed.startswith("1800 True 10\n")
    assert "(1800, 21) float64\n(600, 21)\n" in printed
    assert "wait_bins" in printed


def test_the_page_of_signals_runs(research, tmp_path, capsys):
    (block,) = examples("docs/signals.md")
    script = tmp_path / "signals_page.py"
    script.write_text(block)
    runpy.run_path(str(script), {"dataset": Dataset.open(research.lake, research.dataset_id)})
    assert capsys.readouterr().out.startswith("True True {'flow': ")


def test_the_page_of_signals_has_every_signal_with_what_it_reads_and_takes():
    page = (REPOSITORY / "docs/signals.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", page, re.S | re.M))
    learned = page.partition("## Learned signals")[2].partition("###")[0]  # what all of them take and tell
    for kind in (*signals.BASELINES, *signals.STATISTICAL, *signals.LEARNED):
        section = sections.pop(kind.name) + (learned if kind in signals.LEARNED else "")
        for parameter in kind.parameters():
            assert f"`{parameter.name}`" in section or kind.name == "derivative", (kind.name, parameter.name)
        for part in kind.detail:
            assert f"`{part.name}`" in section or kind.name == "derivative", (kind.name, part.name)
    assert not sections
