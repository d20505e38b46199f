"""Passive orders by true queue position: the table of what became of them, and how an evaluation reads it."""
