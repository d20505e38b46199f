"""Tables of a report."""

from __future__ import annotations

from html import escape
from typing import Any


def table(head: tuple[str, ...], rows: Any, *, html_first: bool = False) -> str:
    """Rows of text under their heads; with `html_first` the first cell of a row is HTML already."""
    lines = ["<table><thead><tr>", *(f"<th>{escape(name)}</th>" for name in head), "</tr></thead><tbody>"]
    for row in rows:
        cells = [f"<td>{text if html_first and not i else escape(text)}</td>" for i, text in enumerate(row)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*lines, "</tbody></table>"])
