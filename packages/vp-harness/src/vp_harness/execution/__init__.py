"""From a spec to datasets: configs, the scored replay, generation, campaigns, and where work is done."""

from __future__ import annotations

from vp_harness.execution.configs import experiment_chain, pipeline_config
from vp_harness.execution.executors import TASK_THREADS, parallel_of
from vp_harness.execution.pipeline import (
    Files,
    checkpoint_path,
    conformance_digests,
    derivative_of,
    files_of,
    instrument_of,
    physics_of,
    utc_text,
    warm_checkpoint,
)

__all__ = [
    "TASK_THREADS",
    "Files",
    "checkpoint_path",
    "conformance_digests",
    "derivative_of",
    "experiment_chain",
    "files_of",
    "instrument_of",
    "parallel_of",
    "physics_of",
    "pipeline_config",
    "utc_text",
    "warm_checkpoint",
]
