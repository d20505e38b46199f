"""Experiments: their plan, their results, the ledger of trials, comparison and promotion."""

from __future__ import annotations

from vp_harness.research.compare import SORTS, Sort, check_known
from vp_harness.research.results import CONFIRM_PREFIX
from vp_harness.research.sweep import MAX_ROWS

__all__ = ["CONFIRM_PREFIX", "MAX_ROWS", "SORTS", "Sort", "check_known"]
