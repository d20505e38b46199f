"""The examples of the documents run."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.docs import run_examples


@pytest.mark.parametrize("document", ["docs/book.md", "docs/live.md", "packages/vp-book/README.md"])
def test_the_examples_of_a_document_run(document: str, tmp_path: Path) -> None:
    run_examples(document, tmp_path)
