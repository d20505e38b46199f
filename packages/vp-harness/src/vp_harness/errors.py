"""What can go wrong in vp-harness. Every message says what was found, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence


class VpHarnessError(Exception):
    """Base of every error that vp-harness raises on purpose.

    `argument` names the argument of the call that would have allowed it, where there is one: a command line knows it as
    an option. `brief` is what is wrong alone, without paths of this machine and without what to do; None where the text
    is all there is.
    """

    argument: str | None = None
    brief: str | None = None

    def __init__(self, *text: object, argument: str | None = None, brief: str | None = None) -> None:
        super().__init__(*text)
        if argument is not None:
            self.argument = argument
        if brief is not None:
            self.brief = brief


class ParameterError(VpHarnessError, ValueError):
    """An argument is outside what is allowed."""


class LakeError(VpHarnessError):
    """The lake root or a path in it cannot be used."""


class RawFileError(VpHarnessError):
    """A raw replay file is missing, ambiguous, or cannot be imported."""


class RawFileConflictError(RawFileError):
    """The lake already holds other bytes under the name an import would take."""


class RawFileChangedError(RawFileError):
    """A raw file has not the bytes that a dataset or serving rests on."""


class PipelineError(VpHarnessError):
    """A runtime config and its raw files do not make a replay."""


class CoverageError(PipelineError):
    """The raw files do not cover the capture."""


class OffGridError(PipelineError):
    """The prices of a raw file are not those of the instrument's tick."""


class DatasetError(VpHarnessError):
    """A dataset cannot be used."""


class DatasetMissingError(DatasetError):
    """No dataset of that id is in the lake."""


class DatasetDamagedError(DatasetError):
    """A file of a dataset is missing, or is not the one its checksums describe."""


class DatasetChangedError(DatasetDamagedError):
    """A dataset is whole by its own checksums, and not the one that what rests on it was made with."""


class FramesUnknownError(DatasetError):
    """A dataset has no chain of frames, or one of another vp-contract: nothing can be compared with it."""


class FillsUnknownError(DatasetError):
    """A dataset does not say what became of passive orders."""


class FrameMismatchError(DatasetError):
    """A stream does not show what its dataset holds."""


class SignalError(VpHarnessError):
    """A signal cannot be made or run. `parameters` names those of its parameters that are the reason, if any are."""

    def __init__(self, *text: object, parameters: Sequence[str] = ()) -> None:
        self.parameters = tuple(parameters)
        super().__init__(*text)


class SignalTrustError(SignalError):
    """A signal looks ahead, is not the same in batch and bin by bin, or keeps state outside of its steppers."""


class UndeclaredError(SignalError):
    """A signal reads a column or field that it does not declare."""


class SignalVersionError(SignalError):
    """A signal is not installed, or not in the version that it was promoted with."""


class UnknownSignalError(SignalError):
    """No signal of that name is registered."""


class ResultsError(VpHarnessError):
    """The results store cannot be read or written."""


class UnknownRunError(ResultsError):
    """No finished run of that id is stored."""


class ExperimentError(VpHarnessError):
    """An experiment cannot be run as it is specified."""


class ExecutorError(VpHarnessError):
    """Tasks cannot be run where they were asked to run, or a worker died."""


class TaskError(ExecutorError):
    """A task failed in another process, with an error that cannot travel as it is; the words are the same."""


class CampaignError(VpHarnessError):
    """A campaign cannot be run as it is specified."""


class PromotionError(VpHarnessError):
    """A run cannot be promoted."""


class UnsoundError(PromotionError):
    """The certificate behind the dataset of the run does not hold, and nobody accepted that."""

    argument = "accept_unsound"


class RetiredError(PromotionError):
    """The run was retired: it counts no more, and is not promoted."""


class UnprovenError(PromotionError):
    """The net pnl of the run is not proven, and nobody accepted that with a reason."""

    argument = "accept_unproven"


class DownloadError(VpHarnessError):
    """What was ordered of a data service cannot be had, or not now."""


class BusyError(VpHarnessError):
    """Another process is at what only one at a time may do."""
