"""The z-scores of a long series are kept by its content; what comes after them is as if they had been made again."""

from __future__ import annotations

import numpy as np
import pytest

from vp_harness.signals import stages
from vp_harness.signals.stages import RobustZ
from vp_spectrum import RobustWindow


@pytest.mark.parametrize("undefined", [0, 7])
def test_kept_scores_go_on_as_made_ones(undefined, monkeypatch):
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=2 * stages._LONG), 1)
    x[:undefined] = np.nan
    plain = RobustWindow(300, 75)
    expected = [0.0] * undefined + [plain.push(value) for value in x[undefined:]]
    pushed = []
    push_all = RobustWindow.push_all
    monkeypatch.setattr(
        RobustWindow, "push_all", lambda self, values: pushed.append(len(values)) or push_all(self, values)
    )
    long = len(x) - 200
    for _ in range(2):
        z = RobustZ(300, 75)
        found = [z(part) for part in (x[:long], x[long : long + 1], x[long + 1 :])]
        assert np.concatenate(found).tolist() == expected
    assert pushed == [long - undefined, 300, 199, 300, 199]


def test_other_series_and_windows_have_their_own():
    x = np.random.default_rng(6).normal(size=stages._LONG)
    other = x.copy()
    other[10] += 1.0
    assert RobustZ(300, 75)(x).tolist() == RobustWindow(300, 75).push_all(x).tolist()
    assert RobustZ(300, 75)(other).tolist() == RobustWindow(300, 75).push_all(other).tolist()
    assert RobustZ(200, 75)(x).tolist() == RobustWindow(200, 75).push_all(x).tolist()
