"""What a spec may say: pipelines, servings, experiments, campaigns, the instrument lock; and what it comes to."""

from __future__ import annotations

from vp_contract.specs.origins import config_origins

__all__ = ["config_origins"]
