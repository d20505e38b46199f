"""Databento market-by-order files to an order book with two-force physics and fixed time bins."""
