"""Robust windows, the blend, and codes: what the score of a cell is made of."""
