"""What signals declare, get and are told apart by; `signals/` holds what must be true of their numbers."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Annotated, Literal

import msgspec
import numpy as np
import pytest

from vp_contract import BIN_COLUMNS, grid_columns
from vp_harness import Dataset, SignalError, UndeclaredError, UnknownSignalError, scored_bins, signals
from vp_harness.signals import (
    AdaptiveThresholds,
    FixedThresholds,
    Parameter,
    Part,
    Signal,
    about,
)


def test_derivative_on_a_dataset_is_the_derivative_stage_of_the_replay(research):
    """What research computes from the stored grid is, bit for bit, what the replay said and a server would send."""
    dataset = Dataset.open(research.lake, research.dataset_id)
    values = signals.create("derivative", **dataset.config.state_model()).compute(dataset)
    scored = [score.derivative.score for score in scored_bins(dataset.config, research.raw)]
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
        monkeypatch.setattr(
            signals, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in entries]
        )

    installed(("outside", f"{__name__}:Outside"))
    monkeypatch.setattr(EntryPoint, "load", lambda entry: globals()[entry.attr])
    assert signals.names() == tuple(sorted([*signals._BUILT_IN, "outside"]))
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


class Reader(Signal):
    """Does what it is told with what it is handed; declares one column and one field."""

    name = "reader"
    params_type = dict
    required_columns = ("vacuum_variant",)
    required_fields = ("buy_volume",)
    thresholds = FixedThresholds((1.0,))
    detail = (Part("twice", "contracts", "twice the value"),)

    def __init__(self, act):
        super().__init__({})
        self.act = act

    def start(self, context=None):
        return ReaderStepper(self.act)


class ReaderStepper:
    def __init__(self, act):
        self.act = act
        self.value = 0.0

    def step(self, bin):
        self.value = self.act(bin)
        return self.value

    @property
    def detail(self):
        return {"twice": 2 * self.value}


def test_a_signal_reaches_what_it_declares(research):
    dataset = Dataset.open(research.lake, research.dataset_id)
    reader = Reader(lambda bin: bin.cells["vacuum_variant"].sum() + bin.fields["buy_volume"])
    values = reader.compute(dataset)
    expected = dataset.grid("vacuum_variant").sum(axis=1) + dataset.bins["buy_volume"].to_numpy()
    assert values == pytest.approx(expected)
    running = reader.run(dataset.context)
    value = running.step(SimpleNamespace(cells={"vacuum_variant": np.ones(21)}, fields={"buy_volume": 4}))
    assert (value, running.detail, running.ready) == (25.0, {"twice": 50.0}, True)


def poke(bin):
    bin.cells["vacuum_variant"][0] = 1.0
    return 0.0


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda bin: bin.cells["pressure_variant"], UndeclaredError, "pressure_variant.*required_columns"),
        (lambda bin: bin.cells.get("pressure_variant"), UndeclaredError, "pressure_variant"),
        (lambda bin: bin.fields["mid_price"], UndeclaredError, "mid_price.*required_fields"),
        (lambda bin: bin.fields.get("mid_price", 0), UndeclaredError, "mid_price"),
        (lambda bin: bin.pressure, AttributeError, "pressure"),
        (poke, ValueError, "read-only"),
    ],
)
def test_a_step_reaches_nothing_else(act, error, words):
    full = SimpleNamespace(
        cells={"vacuum_variant": np.zeros(21), "pressure_variant": np.zeros(21)},
        fields={"buy_volume": 0, "mid_price": 1.0},
        pressure=np.zeros(99),
    )
    with pytest.raises(error, match=words):
        Reader(act).start().step(full)
    with pytest.raises(SignalError, match="vacuum_variant"):
        Reader(act).start().step(SimpleNamespace(cells={}, fields={"buy_volume": 0}))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda data: data.grid("pressure_variant"), "pressure_variant.*required_columns"),
        (lambda data: data.field("mid_price"), "mid_price.*required_fields"),
        (lambda data: data.manifest, "manifest"),
        (lambda data: data.path, "path"),
    ],
)
def test_a_batch_reaches_nothing_else(research, act, words):
    class Batch(Reader):
        def compute(self, dataset):
            return act(dataset)

    dataset = Dataset.open(research.lake, research.dataset_id)
    with pytest.raises(UndeclaredError, match=words):
        Batch(None).compute(dataset)


def test_a_batch_gets_the_declared_columns_and_fields(research):
    class Batch(Reader):
        def compute(self, dataset):
            assert dataset.bins.columns == ["buy_volume"]
            assert not dataset.grid("vacuum_variant").flags.writeable
            return dataset.grid("vacuum_variant")[:, 0] + dataset.field("buy_volume")

    dataset = Dataset.open(research.lake, research.dataset_id)
    expected = dataset.grid("vacuum_variant")[:, 0] + dataset.bins["buy_volume"].to_numpy()
    assert Batch(None).compute(dataset).tolist() == expected.tolist()


def test_the_bins_of_a_batch_hold_no_way_to_the_others(research):
    seen = []

    def look(bin):
        array = bin.cells["vacuum_variant"]
        while array.base is not None:
            array = array.base
        seen.append(array.size)
        return 0.0

    Reader(look).compute(Dataset.open(research.lake, research.dataset_id))
    assert set(seen) == {21}


@pytest.mark.parametrize("name", signals.names())
def test_every_signal_says_what_it_reads_and_takes(name):
    signal = signals.create(name)
    assert set(signal.required_columns) <= {field.name for field in grid_columns(())}
    assert set(signal.required_fields) <= {field.name for field in BIN_COLUMNS}
    assert signal.required_columns or signal.required_fields
    assert type(signal).__doc__
    for parameter in signal.parameters():
        assert parameter.meaning, parameter
        assert parameter.unit or parameter.type != "int", parameter
        assert getattr(signal.params, parameter.name) == parameter.default
    for part in signal.detail:
        assert part.meaning


class AboutParams(msgspec.Struct, frozen=True):
    window_bins: Annotated[int, about("bins", "bins of the window", ge=2, le=30)] = 10
    variant: Annotated[Literal["a", "b"], about("", "which one")] = "a"


def test_parameters_say_unit_meaning_and_limits():
    class Told(Reader):
        params_type = AboutParams  # type: ignore[assignment]

    window, variant = Told.parameters()
    assert window == Parameter("window_bins", "int", 10, "bins", "bins of the window", ">= 2, <= 30")
    assert variant == Parameter("variant", "a | b", "a", "", "which one", "")


def test_a_detail_that_is_not_as_declared_is_refused():
    class Wrong(Reader):
        detail = (Part("thrice", "", "three times the value"),)

    running = Wrong(lambda bin: 1.0).run()
    running.step(SimpleNamespace(cells={"vacuum_variant": np.zeros(3)}, fields={"buy_volume": 0}))
    with pytest.raises(SignalError, match="declares the detail thrice; its stepper tells twice"):
        running.detail  # noqa: B018


@pytest.mark.parametrize("name", signals.names())
def test_the_limits_that_are_listed_are_those_that_are_enforced(name):
    for parameter in signals.signal_class(name).parameters():
        if parameter.type not in ("int", "float"):
            continue
        assert parameter.allowed, parameter.name
        step = 1 if parameter.type == "int" else 1e-9
        for limit in parameter.allowed.split(", "):
            sign, text = limit.split()
            end = int(text) if parameter.type == "int" else float(text)
            beyond = end if len(sign) == 1 else end - step if sign[0] == ">" else end * (1 + 1e-9) + step
            with pytest.raises(SignalError, match=parameter.name):
                signals.create(name, **{parameter.name: beyond if parameter.type == "float" else int(beyond)})
