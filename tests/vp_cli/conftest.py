"""Whatever a test has a command print as JSON is what the schema of that command says."""

import pytest
from support.printed import hold_to_schema


@pytest.fixture(autouse=True)
def printed_as_described(monkeypatch: pytest.MonkeyPatch) -> None:
    hold_to_schema(monkeypatch)
