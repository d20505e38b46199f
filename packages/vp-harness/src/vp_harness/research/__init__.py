"""Experiments: their plan, their results, the ledger of trials, comparison and promotion."""
