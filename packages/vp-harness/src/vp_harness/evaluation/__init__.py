"""What a signal was worth: events, outcomes, measures, search, the split, correction for trials."""

from __future__ import annotations

from vp_harness.evaluation.metrics import Metrics

__all__ = ["Metrics"]
