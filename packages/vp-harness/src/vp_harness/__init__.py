"""Immutable datasets, signals, evaluation, experiments and results.

dataset_id = generate("demo", "lake", config_root="configs")
dataset = Dataset.open("lake", dataset_id)
values = signals.create("derivative", zscore_window_bins=120).compute(dataset)
"""

from vp_harness import signals
from vp_harness.dry_run import DryRun, dry_run
from vp_harness.errors import (
    CampaignError,
    CoverageError,
    DatasetDamagedError,
    DatasetError,
    DatasetMissingError,
    ExecutorError,
    ExperimentError,
    LakeError,
    OffGridError,
    ParameterError,
    PipelineError,
    PromotionError,
    RawFileChangedError,
    RawFileConflictError,
    RawFileError,
    ResultsError,
    SignalError,
    SignalTrustError,
    UndeclaredError,
    UnknownRunError,
    UnknownSignalError,
    UnprovenError,
    UnsoundError,
    VpHarnessError,
)
from vp_harness.execution.campaign import Campaign, estimate, plan_campaign, run_campaign
from vp_harness.execution.generate import generate
from vp_harness.execution.pipeline import ScoredReplay, scored_bins
from vp_harness.lake.dataset import Dataset, list_datasets
from vp_harness.lake.paths import Lake, open_lake
from vp_harness.lake.publication import publish
from vp_harness.lake.raw import RawFile, find_raw, import_file
from vp_harness.lake.sources import located, source_options
from vp_harness.research.compare import compare
from vp_harness.research.experiment import ExperimentResult, run_experiment
from vp_harness.research.promotion import open_registry, promote
from vp_harness.research.results import ResultsStore

__all__ = [
    "Campaign",
    "CampaignError",
    "CoverageError",
    "Dataset",
    "DatasetDamagedError",
    "DatasetError",
    "DatasetMissingError",
    "DryRun",
    "ExecutorError",
    "ExperimentError",
    "ExperimentResult",
    "Lake",
    "LakeError",
    "OffGridError",
    "ParameterError",
    "PipelineError",
    "PromotionError",
    "RawFile",
    "RawFileChangedError",
    "RawFileConflictError",
    "RawFileError",
    "ResultsError",
    "ResultsStore",
    "ScoredReplay",
    "SignalError",
    "SignalTrustError",
    "UndeclaredError",
    "UnknownRunError",
    "UnknownSignalError",
    "UnprovenError",
    "UnsoundError",
    "VpHarnessError",
    "compare",
    "dry_run",
    "estimate",
    "find_raw",
    "generate",
    "import_file",
    "list_datasets",
    "located",
    "open_lake",
    "open_registry",
    "plan_campaign",
    "promote",
    "publish",
    "run_campaign",
    "run_experiment",
    "scored_bins",
    "signals",
    "source_options",
]
