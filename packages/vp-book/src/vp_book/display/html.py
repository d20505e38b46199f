"""A book as a ladder and a bin as a strip, for a notebook: plain HTML with its styles inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, Literal

import numpy as np

from .text import price_text

_COLOURS: Final = {"bid": "#1a5fc0", "ask": "#9c4a0b"}
_PRESSURE: Final = (44, 122, 69)
_VACUUM: Final = (124, 74, 168)
_TABLE: Final = "border-collapse:collapse;font:12px/1.5 ui-monospace,monospace"
_CELL: Final = "padding:0 8px;text-align:right;border:0"

Side = Literal["bid", "ask"]
Levels = tuple[np.ndarray, np.ndarray, np.ndarray]


def ladder_html(caption: str, depth: Mapping[Side, Levels], tick_int: int) -> str:
    """Asks over bids, the best ones in the middle: price, size, orders, a bar. `depth` is as of `BookEngine`."""
    largest = max((int(sizes.max()) for _, sizes, _ in depth.values() if len(sizes)), default=1)
    sides: tuple[Side, ...] = ("ask", "bid")
    rows = []
    for side in sides:
        levels = list(zip(*depth[side], strict=True))
        for price, size, orders in reversed(levels) if side == "ask" else levels:
            cells = (side, price_text(price, tick_int), str(size), str(orders))
            words = "".join(f"<td style='{_CELL}'>{escape(word)}</td>" for word in cells)
            bar = f"display:inline-block;height:9px;background:{_COLOURS[side]};width:{120 * size // largest}px"
            rows.append(f"<tr>{words}<td style='{_CELL};text-align:left'><span style='{bar}'></span></td></tr>")
    head = "".join(f"<th style='{_CELL}'>{name}</th>" for name in ("side", "price", "size", "orders", ""))
    body = "".join(rows) or f"<tr><td style='{_CELL}' colspan='5'>no orders</td></tr>"
    title = f"<caption style='text-align:left'>{escape(caption)}</caption>"
    return f"<table style='{_TABLE}'>{title}<tr>{head}</tr>{body}</table>"


def strip_html(caption: str, k: Sequence[int] | np.ndarray, force: np.ndarray, width_px: int = 606) -> str:
    """The cells of a bin from below spot on the left to above it on the right, by their force.

    `k` and `force` are of one shape (cells,). A positive force is drawn green (pressure), a negative one purple
    (vacuum), as on the page; the strongest one full.
    """
    strongest = float(np.abs(force).max()) if len(force) else 0.0
    each = max(1, width_px // max(1, len(force)))
    boxes = []
    for offset, value in zip(k, force, strict=True):
        red, green, blue = _PRESSURE if value > 0 else _VACUUM
        share = (abs(float(value)) / strongest) ** 0.5 if strongest else 0.0
        edge = "border-left:1px solid #888;" if offset == 0 else ""
        boxes.append(
            f"<span title='k = {offset}: {value:.4g}' style='display:inline-block;height:18px;width:{each}px;{edge}"
            f"background:rgba({red},{green},{blue},{share:.2f})'></span>"
        )
    line = f"<div style='white-space:nowrap;line-height:0'>{''.join(boxes)}</div>"
    return f"<div style='font:12px/1.5 ui-monospace,monospace'>{escape(caption)}{line}</div>"
