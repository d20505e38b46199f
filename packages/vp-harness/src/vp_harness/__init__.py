"""Immutable datasets, signals, evaluation, experiments and results.

dataset_id = generate("demo", "lake", config_root="configs")
dataset = Dataset.open("lake", dataset_id)
values = signals.create("derivative", zscore_window_bins=120).compute(dataset)
"""

from vp_harness import signals
from vp_harness.days.made import DaysMade, days_of_pipeline, generate_days
from vp_harness.days.walk import Fold, WalkForward, walk_forward
from vp_harness.errors import (
    CampaignError,
    CoverageError,
    DatasetDamagedError,
    DatasetError,
    DatasetMissingError,
    ExecutorError,
    ExperimentError,
    FillsUnknownError,
    LakeError,
    OffGridError,
    ParameterError,
    PipelineError,
    PromotionError,
    RawFileChangedError,
    RawFileConflictError,
    RawFileError,
    ResultsError,
    RetiredError,
    SignalError,
    SignalTrustError,
    UndeclaredError,
    UnknownRunError,
    UnknownSignalError,
    UnprovenError,
    UnsoundError,
    VpHarnessError,
)
from vp_harness.evaluation.measures import Measures
from vp_harness.evaluation.trades import MODELS as FILL_MODELS
from vp_harness.evaluation.trades import equity_of
from vp_harness.evaluation.workspace import information
from vp_harness.execution.campaign import Campaign, estimate, plan_campaign, run_campaign
from vp_harness.execution.configs import experiment_chain, pipeline_config
from vp_harness.execution.executors import TASK_THREADS, parallel_of
from vp_harness.execution.generate import generate
from vp_harness.execution.live import live_bins, live_scores, new_recording, recorded_bins
from vp_harness.execution.pipeline import (
    Files,
    ScoredReplay,
    checkpoint_path,
    conformance_digests,
    derivative_of,
    files_of,
    instrument_of,
    physics_of,
    scored_bins,
    utc_text,
    warm_checkpoint,
)
from vp_harness.execution.served import ServedRun, ServedSignal, check_versions, signal_versions
from vp_harness.intake.converted import import_converted
from vp_harness.intake.csv_map import CsvMap, load_csv_map
from vp_harness.judgement.figures import confirmed_net
from vp_harness.judgement.market import Market
from vp_harness.judgement.superior import SuperiorAbility, superior_ability
from vp_harness.judgement.verdict import Verdict
from vp_harness.lake.anchors import check_anchor
from vp_harness.lake.dataset import CHECKSUMS_FILE, MANIFEST_FILE, Dataset, list_datasets
from vp_harness.lake.frames import FrameCheck, MarksCheck, bin_of_frame, chain_of, vouched_marks
from vp_harness.lake.overview import overview
from vp_harness.lake.paths import Lake, open_lake
from vp_harness.lake.publication import publish, published_facts
from vp_harness.lake.raw import Origin, RawFile, find_raw, import_file
from vp_harness.lake.sources import check_sources, located, source_options
from vp_harness.lake.verification import WRONG, Finding, verify_dataset, verify_lake
from vp_harness.prediction.measures import HorizonFigures, PartInformation
from vp_harness.reporting.page import write_report
from vp_harness.research.clock import ClockDay, ClockSensitivity, clock_sensitivity
from vp_harness.research.compare import SORTS, Sort, check_known, compare
from vp_harness.research.dry_run import DryRun, dry_run
from vp_harness.research.experiment import ExperimentResult, run_experiment
from vp_harness.research.promotion import open_registry, promote
from vp_harness.research.records import CONFIRM_PREFIX
from vp_harness.research.results import ResultsStore
from vp_harness.research.retiring import retire
from vp_harness.research.sweep import MAX_ROWS

__all__ = [
    "CHECKSUMS_FILE",
    "CONFIRM_PREFIX",
    "FILL_MODELS",
    "MANIFEST_FILE",
    "MAX_ROWS",
    "SORTS",
    "TASK_THREADS",
    "WRONG",
    "Campaign",
    "CampaignError",
    "ClockDay",
    "ClockSensitivity",
    "CoverageError",
    "CsvMap",
    "Dataset",
    "DatasetDamagedError",
    "DatasetError",
    "DatasetMissingError",
    "DaysMade",
    "DryRun",
    "ExecutorError",
    "ExperimentError",
    "ExperimentResult",
    "Files",
    "FillsUnknownError",
    "Finding",
    "Fold",
    "FrameCheck",
    "HorizonFigures",
    "Lake",
    "LakeError",
    "Market",
    "MarksCheck",
    "Measures",
    "OffGridError",
    "Origin",
    "ParameterError",
    "PartInformation",
    "PipelineError",
    "PromotionError",
    "RawFile",
    "RawFileChangedError",
    "RawFileConflictError",
    "RawFileError",
    "ResultsError",
    "ResultsStore",
    "RetiredError",
    "ScoredReplay",
    "ServedRun",
    "ServedSignal",
    "SignalError",
    "SignalTrustError",
    "Sort",
    "SuperiorAbility",
    "UndeclaredError",
    "UnknownRunError",
    "UnknownSignalError",
    "UnprovenError",
    "UnsoundError",
    "Verdict",
    "VpHarnessError",
    "WalkForward",
    "bin_of_frame",
    "chain_of",
    "check_anchor",
    "check_known",
    "check_sources",
    "check_versions",
    "checkpoint_path",
    "clock_sensitivity",
    "compare",
    "confirmed_net",
    "conformance_digests",
    "days_of_pipeline",
    "derivative_of",
    "dry_run",
    "equity_of",
    "estimate",
    "experiment_chain",
    "files_of",
    "find_raw",
    "generate",
    "generate_days",
    "import_converted",
    "import_file",
    "information",
    "instrument_of",
    "list_datasets",
    "live_bins",
    "live_scores",
    "load_csv_map",
    "located",
    "new_recording",
    "open_lake",
    "open_registry",
    "overview",
    "parallel_of",
    "physics_of",
    "pipeline_config",
    "plan_campaign",
    "promote",
    "publish",
    "published_facts",
    "recorded_bins",
    "retire",
    "run_campaign",
    "run_experiment",
    "scored_bins",
    "signal_versions",
    "signals",
    "source_options",
    "superior_ability",
    "utc_text",
    "verify_dataset",
    "verify_lake",
    "vouched_marks",
    "walk_forward",
    "warm_checkpoint",
    "write_report",
]
