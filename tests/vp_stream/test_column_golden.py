"""The file by which the page's columns are held to those of the server says what the server makes now."""

from __future__ import annotations

import json

from support.column_golden import GOLDEN, column_golden


def test_the_golden_columns_are_what_the_server_makes() -> None:
    assert GOLDEN.read_bytes() == column_golden(), "PYTHONPATH=tests uv run python -m support.column_golden"


def test_the_golden_columns_have_what_is_easily_got_wrong() -> None:
    cases = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
    away = cases["the spot goes away and comes back"]
    # The first window's trades are out of the fourth's reach, and in the last one's again.
    assert away["made"][3]["volumes"] == away["bins"][3]["volumes"]
    assert away["made"][5]["volumes"] != away["bins"][5]["volumes"]
    many = cases["more marks than one may have"]["made"][-1]["changed"]["marks"]
    assert len(many) == 16
    assert "marks" not in cases["no marks at all"]["made"][-1]["changed"]
