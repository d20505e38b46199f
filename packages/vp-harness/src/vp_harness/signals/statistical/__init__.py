"""Signals of the pressure and vacuum of the grid, by plain statistics."""
