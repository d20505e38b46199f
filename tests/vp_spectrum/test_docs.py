"""The examples of the documents run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from support.docs import run_examples


@pytest.mark.parametrize("document", ["docs/spectrum.md", "packages/vp-spectrum/README.md"])
def test_the_examples_of_a_document_run(document: str, tmp_path: Path) -> None:
    run_examples(document, tmp_path)


@pytest.mark.parametrize("module", ["spectrum", "derivative", "scores.blending", "scores.codes", "scores.robust"])
def test_the_examples_of_docstrings_run(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"vp_spectrum.{module}"))
    assert found.attempted > 0
    assert found.failed == 0
