"""Every registered signal: causal, the same in batch and bin by bin, and clear about its parameters."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from vp_harness import Dataset, SignalError, UnknownSignalError, scored_bins, signals
from vp_harness.signals import AdaptiveThresholds, FixedThresholds, Signal, SignalContext
from vp_harness.signals.base import GridBin

CODES = {"state5_code": (-2, 3), "flow_state_code": (-1, 2)}


class FakeGrid:
    """Seeded random columns in the shape of a dataset."""

    context = SignalContext(radius=10, cell_width_ms=100)

    def __init__(self, seed, n_bins=900):
        self.n_bins = n_bins
        self._seed = seed

    def grid(self, column):
        rng = np.random.default_rng([self._seed, *column.encode()])
        shape = (self.n_bins, 21)
        if column in CODES:
            return rng.integers(*CODES[column], shape).astype(np.int8)
        return rng.normal(size=shape)


class Spliced(FakeGrid):
    """`before` up to bin `cut`, `after` from there on."""

    def __init__(self, before, after, cut):
        super().__init__(0, before.n_bins)
        self._parts = before, after, cut

    def grid(self, column):
        before, after, cut = self._parts
        return np.concatenate([before.grid(column)[:cut], after.grid(column)[cut:]])


@pytest.mark.parametrize("name", signals.names())
@pytest.mark.parametrize("cut", [1, 450, 899])
def test_the_past_does_not_know_the_future(name, cut):
    signal = signals.create(name)
    before, after = FakeGrid(1), FakeGrid(2)
    values = signal.compute(before)
    changed = signal.compute(Spliced(before, after, cut))
    assert np.array_equal(values[:cut], changed[:cut])
    assert np.isfinite(values).all()
    assert np.ptp(values) > 0


@pytest.mark.parametrize("name", signals.names())
def test_batch_is_the_steps_in_a_row(name):
    """Bit for bit: `compute` runs the same kernels."""
    signal = signals.create(name)
    source = FakeGrid(3, 400)
    grids = {column: source.grid(column) for column in signal.required_columns}
    stepper = signal.start(source.context)
    steps = [stepper.step(GridBin({column: grid[t] for column, grid in grids.items()})) for t in range(source.n_bins)]
    assert signal.compute(source).tolist() == steps


@pytest.mark.parametrize("name", signals.names())
def test_two_steppers_share_nothing(name):
    """Two of one signal, fed in turns with different bins, are what each is alone."""
    signal = signals.create(name)
    sources = FakeGrid(4, 300), FakeGrid(5, 300)
    alone = [signal.compute(source).tolist() for source in sources]
    bins = [{column: source.grid(column) for column in signal.required_columns} for source in sources]
    steppers = [signal.start(source.context) for source in sources]
    together: list = [[], []]
    for t in range(300):
        for stepper, grids, values in zip(steppers, bins, together, strict=True):
            values.append(stepper.step(GridBin({column: grid[t] for column, grid in grids.items()})))
    assert together == alone
    assert alone[0] != alone[1]


def test_derivative_on_a_dataset_is_the_derivative_stage_of_the_replay(research):
    """What research computes from the stored grid is, bit for bit, what the replay said and a server would send."""
    dataset = Dataset.open(research.lake, research.dataset_id)
    values = signals.create("derivative", **dataset.config.state_model()).compute(dataset)
    scored = [score.derivative.score for _, score in scored_bins(dataset.config, research.raw)]
    assert values.tolist() == scored
    assert np.count_nonzero(values) > 100


def test_parameters_are_checked():
    assert signals.create("derivative", zscore_window_bins=120).params.zscore_window_bins == 120
    with pytest.raises(SignalError, match=r"no parameter 'windw'.*zscore_window_bins"):
        signals.create("derivative", windw=3)
    with pytest.raises(SignalError, match="bin_seconds"):
        signals.create("derivative", bin_seconds=1.0)
    with pytest.raises(SignalError, match="zscore_window_bins"):
        signals.create("derivative", zscore_window_bins=0)
    with pytest.raises(SignalError, match="derivative"):
        signals.create("derivative", tanh_scale="wide")
    with pytest.raises(UnknownSignalError, match="derivative"):
        signals.create("derivitive")


def test_fixed_thresholds_begin_after_the_warm_up():
    assert FixedThresholds((0.1,)).resolve(np.zeros(10), 4) == ((0.1,), 4)


def test_adaptive_thresholds_see_the_calibration_prefix_only():
    values = np.concatenate([np.linspace(-1, 1, 200), np.full(800, 50.0)])
    thresholds, first = AdaptiveThresholds((0.5, 0.9), calibration_share=0.2).resolve(values, 20)
    assert first == 200
    assert thresholds == pytest.approx(tuple(np.quantile(np.abs(values[20:200]), [0.5, 0.9])))
    assert AdaptiveThresholds((0.5,)).resolve(np.zeros(100), 0) == ((), 10)


class Outside(Signal):
    name = "outside"
    params_type = dict
    required_columns = ("vacuum_variant",)
    thresholds = FixedThresholds((1.0,))

    def start(self, context=None):
        raise AssertionError("not run here")


def test_signals_of_other_packages_are_found(monkeypatch):
    def installed(*entries):
        monkeypatch.setattr(signals, "entry_points", lambda group: [EntryPoint(*entry, group) for entry in entries])

    installed(("outside", f"{__name__}:Outside"))
    monkeypatch.setattr(EntryPoint, "load", lambda entry: globals()[entry.attr])
    assert signals.names() == ("derivative", "outside")
    assert signals.signal_class("outside") is Outside
    installed(("other_name", f"{__name__}:Outside"))
    with pytest.raises(SignalError, match="other_name"):
        signals.signal_class("other_name")
    installed(("derivative", f"{__name__}:Outside"))
    with pytest.raises(SignalError, match="vp-harness"):
        signals.names()


def test_a_plug_in_that_cannot_be_imported_is_named(monkeypatch):
    entry = EntryPoint("broken", "no_such_module:Signal", signals.ENTRY_POINT_GROUP)
    monkeypatch.setattr(signals, "entry_points", lambda group: [entry])
    with pytest.raises(SignalError, match=r"broken.*no_such_module"):
        signals.create("broken")
