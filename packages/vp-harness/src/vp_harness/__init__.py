"""Immutable datasets, signals, evaluation, experiments and results.

dataset_id = generate("demo", "lake", config_root="configs")
dataset = Dataset.open("lake", dataset_id)
values = signals.create("derivative", zscore_window_bins=120).compute(dataset)
"""

from vp_harness import signals
from vp_harness.campaign import Campaign, estimate, plan_campaign, run_campaign
from vp_harness.compare import compare
from vp_harness.dataset import Dataset, list_datasets
from vp_harness.errors import (
    CampaignError,
    DatasetDamagedError,
    DatasetError,
    DatasetMissingError,
    ExecutorError,
    ExperimentError,
    LakeError,
    ParameterError,
    PipelineError,
    PromotionError,
    RawFileConflictError,
    RawFileError,
    ResultsError,
    SignalError,
    SignalTrustError,
    UndeclaredError,
    UnknownRunError,
    UnknownSignalError,
    UnprovenError,
    VpHarnessError,
)
from vp_harness.experiment import ExperimentResult, run_experiment
from vp_harness.generate import generate
from vp_harness.lake import Lake, open_lake
from vp_harness.pipeline import ScoredReplay, scored_bins
from vp_harness.promotion import open_registry, promote
from vp_harness.publication import publish
from vp_harness.raw import RawFile, find_raw, import_file
from vp_harness.results import ResultsStore

__all__ = [
    "Campaign",
    "CampaignError",
    "Dataset",
    "DatasetDamagedError",
    "DatasetError",
    "DatasetMissingError",
    "ExecutorError",
    "ExperimentError",
    "ExperimentResult",
    "Lake",
    "LakeError",
    "ParameterError",
    "PipelineError",
    "PromotionError",
    "RawFile",
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
    "VpHarnessError",
    "compare",
    "estimate",
    "find_raw",
    "generate",
    "import_file",
    "list_datasets",
    "open_lake",
    "open_registry",
    "plan_campaign",
    "promote",
    "publish",
    "run_campaign",
    "run_experiment",
    "scored_bins",
    "signals",
]
