"""What goes over the wire: messages, the grid's Arrow schema, frames and their hash chain, close codes."""

from __future__ import annotations

from vp_contract.wire.dictionary import Entry, bin_dictionary, grid_dictionary

__all__ = ["Entry", "bin_dictionary", "grid_dictionary"]
