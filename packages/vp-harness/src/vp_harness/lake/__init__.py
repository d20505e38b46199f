"""What lies in a lake: raw files, datasets with their manifests and anchors, verification, publication."""

from __future__ import annotations

from vp_harness.lake.anchors import check_anchor
from vp_harness.lake.dataset import CHECKSUMS_FILE, MANIFEST_FILE
from vp_harness.lake.frames import FrameCheck, chain_of, state_codes
from vp_harness.lake.overview import overview
from vp_harness.lake.publication import published_facts
from vp_harness.lake.sources import check_sources
from vp_harness.lake.verification import WRONG, Finding, verify_dataset, verify_lake

__all__ = [
    "CHECKSUMS_FILE",
    "MANIFEST_FILE",
    "WRONG",
    "Finding",
    "FrameCheck",
    "chain_of",
    "check_anchor",
    "check_sources",
    "overview",
    "published_facts",
    "state_codes",
    "verify_dataset",
    "verify_lake",
]
