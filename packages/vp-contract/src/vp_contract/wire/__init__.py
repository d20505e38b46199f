"""What goes over the wire: messages, the grid's Arrow schema, frames and their hash chain, close codes."""

from __future__ import annotations

from vp_contract.wire.dictionary import Entry, bin_dictionary, grid_dictionary
from vp_contract.wire.origins import config_origins

__all__ = ["Entry", "bin_dictionary", "config_origins", "grid_dictionary"]
