"""How unlike the recent ones the profile of a bin is, and which way it leans."""

from __future__ import annotations

import threading
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from vp_harness.signals.base import AdaptiveThresholds, Part
from vp_harness.signals.blocks import Block, CarryingRun, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned import _kernels
from vp_harness.signals.learned.features import FORCE_COLUMNS, net_pressure
from vp_harness.signals.learned.walk_forward import LearnedSignal, Refit, Schedule
from vp_harness.signals.parameters import TanhScale, ZScoreMinimum, ZScoreWindow, about, check_minimum
from vp_harness.signals.stages import RobustZ, Rows, SideSums
from vp_spectrum import tanh

_ONE_AT_A_TIME = threading.Lock()  # the limit of threads is one of the whole process


class PcaAdParams(msgspec.Struct, frozen=True):
    """Parameters of `pca_ad`."""

    window_bins: Annotated[int, about("bins", "latest bins whose profiles are analysed", ge=2, le=100_000)] = 600
    refit_bins: Refit = 100
    components: Annotated[int, about("components", "principal components that are kept", ge=1, le=1000)] = 10
    zscore_window_bins: ZScoreWindow = 300
    zscore_min_periods: ZScoreMinimum = 30
    tanh_scale: TanhScale = 3.0

    def __post_init__(self) -> None:
        check_minimum(self.zscore_window_bins, self.zscore_min_periods)


class _Components:
    """Principal components of some profiles, the first with more weight below spot than above it."""

    def __init__(self, rows: Rows, components: int, controller: Any) -> None:
        self.center = rows.mean(axis=0)
        spread = rows - self.center
        # one thread: the order of additions of a library's matrix routines depends on how many there are
        with _ONE_AT_A_TIME, controller.limit(limits=1):
            variances, vectors = np.linalg.eigh(spread.T @ spread / len(rows))
        largest = variances[::-1][:components]
        self.vectors = np.ascontiguousarray(vectors[:, ::-1][:, :components].T)
        self.variances = np.where(largest > max(1e-12 * largest[0], 1e-18), largest, 0.0)
        radius = rows.shape[1] // 2
        first = self.vectors[0]
        lean = first[:radius].sum() - first[radius + 1 :].sum()
        if lean < 0.0:
            self.vectors[0] = -first


class _Run(CarryingRun):
    def __init__(self, params: PcaAdParams, context: SignalContext, library: Any) -> None:
        self._params = params
        self._controller = library.ThreadpoolController()
        self._schedule = Schedule(params.window_bins, params.refit_bins)
        self._recent = np.empty((0, 2 * context.radius + 1))
        self._found: _Components | None = None
        self._flow = SideSums.of_zone(context.radius, 1, context.radius)
        self._begin_scales()
        self.warm_bins = params.window_bins + params.zscore_min_periods - 1
        self.refits = 0

    def _begin_scales(self) -> None:
        windows = (self._params.zscore_window_bins, self._params.zscore_min_periods)
        self._z_error, self._z_far, self._z_first, self._z_flow = (RobustZ(*windows) for _ in range(4))

    def next_day(self) -> None:
        """The components and the profiles they are made of stay; what they are held against begins anew."""
        self._begin_scales()

    def advance(self, block: Block) -> Output:
        net = net_pressure(block)
        first, error, far = (np.full(block.n_bins, np.nan) for _ in range(3))

        def measure(start: int, end: int) -> None:
            found = self._found
            if found is not None and end > start:
                places = (array[start:end] for array in (first, error, far))
                _kernels.departures(net[start:end], found.center, found.vectors, found.variances, *places)

        for start, end, trains in self._schedule.spans(block.n_bins):
            last = end - 1 if trains else end
            self._recent = np.concatenate([self._recent, net[start:end]])[-self._params.window_bins :]
            measure(start, last)
            if trains:
                self._found = _Components(self._recent, self._params.components, self._controller)
                self.refits += 1
                measure(last, end)
        strange = 0.5 * np.maximum(self._z_error(error), 0.0) + 0.5 * np.maximum(self._z_far(far), 0.0)
        add_below, add_above = self._flow(block.rows("v_add"))
        pull_below, pull_above = self._flow(block.rows("v_pull"))
        flow = (add_below - pull_below) - (add_above - pull_above)
        scale = self._params.tanh_scale
        direction = 0.6 * tanh(self._z_first(first) / scale) + 0.4 * tanh(self._z_flow(flow) / scale)
        return Output(strange * direction, (strange, direction))


class PcaAd(LearnedSignal):
    """How unlike the recent ones a bin's profile of pressure less vacuum is, times the way it leans."""

    name: ClassVar[str] = "pca_ad"
    params_type: ClassVar[type[PcaAdParams]] = PcaAdParams
    required_columns: ClassVar[tuple[str, ...]] = (*FORCE_COLUMNS, "v_add", "v_pull")
    thresholds: ClassVar[AdaptiveThresholds] = AdaptiveThresholds((0.50, 0.70, 0.80, 0.90, 0.95, 0.99))
    libraries: ClassVar[tuple[str, ...]] = ("threadpoolctl",)
    detail: ClassVar[tuple[Part, ...]] = (
        Part("strangeness", "", "how unlike the recent ones the profile is"),
        Part("direction", "", "which way it leans, -1 to 1"),
    )

    @property
    def trains_after_bins(self) -> int:
        """Bins it has seen when it speaks for the first time."""
        return int(self.params.window_bins + self.params.zscore_min_periods)

    def learn(self, context: SignalContext, *libraries: Any) -> CarryingRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context, libraries[0])
