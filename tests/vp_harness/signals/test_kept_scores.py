"""What parameter sets of a sweep share: z-scores of a long series by its content, sums of a column by who it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from vp_harness import signals
from vp_harness.signals import _kernels
from vp_harness.signals.context import SignalContext
from vp_harness.signals.shared import LONG, identity, share
from vp_harness.signals.stages import RobustZ, SideSums
from vp_spectrum import DerivativeStage, RobustWindow


@pytest.mark.parametrize("undefined", [0, 7])
def test_kept_scores_go_on_as_made_ones(undefined, monkeypatch):
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=2 * LONG), 1)
    x[:undefined] = np.nan
    plain = RobustWindow(300, 75)
    expected = [0.0] * undefined + [plain.push(value) for value in x[undefined:]]
    pushed = []
    push_all = RobustWindow.push_all

    def counted(self, values):
        pushed.append(len(values))
        return push_all(self, values)

    monkeypatch.setattr(RobustWindow, "push_all", counted)
    long = len(x) - 200
    for _ in range(2):
        z = RobustZ(300, 75)
        found = [z(part) for part in (x[:long], x[long : long + 1], x[long + 1 :])]
        assert np.concatenate(found).tolist() == expected
    assert pushed == [long - undefined, 300, 199, 300, 199]


def test_other_series_and_windows_have_their_own():
    x = np.random.default_rng(6).normal(size=LONG)
    other = x.copy()
    other[10] += 1.0
    assert RobustZ(300, 75)(x).tolist() == RobustWindow(300, 75).push_all(x).tolist()
    assert RobustZ(300, 75)(other).tolist() == RobustWindow(300, 75).push_all(other).tolist()
    assert RobustZ(200, 75)(x).tolist() == RobustWindow(200, 75).push_all(x).tolist()


def test_sums_of_a_shared_column_are_made_once(monkeypatch):
    made = []
    side_sums = _kernels.side_sums

    def counted(*arguments):
        made.append(len(arguments[0]))
        side_sums(*arguments)

    monkeypatch.setattr(_kernels, "side_sums", counted)
    n = LONG
    column = share(np.random.default_rng(7).normal(size=(n, 11)))
    bands = SideSums.of_bands(5)
    first = [part.tolist() for part in bands(column)]
    again = SideSums.of_bands(5)(column[:].view())
    assert [part.tolist() for part in again] == first
    assert made == [n]
    assert [part.tolist() for part in SideSums.plain(5, 5)(column)] != first
    assert [part.tolist() for part in bands(column.copy())] == first
    half = bands(np.ascontiguousarray(column[: n // 2]))
    assert [part.tolist() for part in half] == [side[: n // 2] for side in first]
    assert made == [n, n, n, n // 2]


class OneColumn:
    """A dataset that has codes and nothing else."""

    context = SignalContext(radius=5)
    bins: Mapping[str, Any] = {}

    def __init__(self, codes):
        self.codes = codes
        self.n_bins = len(codes)

    def grid(self, column):
        assert column == "state5_code"
        return self.codes


def test_sets_of_the_derivative_share_what_their_parameters_have_in_common(monkeypatch):
    rng = np.random.default_rng(8)
    codes = np.repeat(rng.integers(-2, 3, (LONG // 4, 11)), 4, axis=0)
    shared = OneColumn(share(codes.copy()))
    made = []
    for name in ("differences", "z_scores"):
        own = getattr(DerivativeStage, name)

        def counted(self, *arguments, own=own, name=name):
            made.append((name, *arguments[:-1]))
            return own(self, *arguments)

        monkeypatch.setattr(DerivativeStage, name, counted)
    for params in (
        {},
        {"d2_weight": 0.5},
        {"d1_weight": 0.0, "d2_weight": 1.0, "tanh_scale": 2.0},
        {"zscore_window_bins": 300},
        {"spatial_decay_power": 1.0},
    ):
        signal = signals.create("derivative", **params)
        stage = DerivativeStage(signal.params, shared.context.k_values)
        assert signal.compute(shared).tolist() == [stage.update(bin).score for bin in codes], params
    assert made == [
        ("differences",),
        ("z_scores", 0),
        ("z_scores", 1),
        ("z_scores", 0),
        ("differences",),
        ("z_scores", 0),
    ]
    made.clear()
    alone = signals.create("derivative").compute(OneColumn(codes))  # a column that may still change
    assert alone.tolist() == signals.create("derivative").compute(shared).tolist()
    assert made == [("differences",), ("z_scores", 0), ("z_scores", 1), ("z_scores", 2)]


def test_only_what_was_shared_is_told_apart():
    column = np.zeros((6, 3))
    assert identity(column) is None
    shared = share(column)
    assert identity(shared) == identity(shared[:]) != identity(shared[1:])
    assert identity(shared.copy()) is None
    serial = identity(shared)
    del column, shared
    other = share(np.zeros((6, 3)))  # perhaps at the same address
    assert identity(other) != serial
