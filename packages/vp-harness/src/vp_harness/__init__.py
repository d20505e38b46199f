"""Immutable datasets, signals, evaluation, experiments and results."""
