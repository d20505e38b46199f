"""Parameters of the two-force physics, and the constants that solve its linear system."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from vp_book._fields import record_dtype
from vp_book.errors import ParameterError

_F: Final = "<f8"

PARAMS: Final = record_dtype(
    "Params",
    (
        ("tau_v", _F),
        ("tau_a", _F),
        ("tau_j", _F),
        ("tau_rest", _F),
        ("k", _F),  # 1 / (tau_a - tau_v)
        ("e", _F),  # k / (tau_j - tau_v)
        ("ja", _F),  # 1 / (tau_j - tau_a)
        ("g1", _F),  # what an impulse of 1 adds to each mode
        ("g2", _F),
        ("g3", _F),
        *((f"c{i}", _F) for i in range(1, 8)),
    ),
)
"""The constants that compiled code reads."""

_SHORTEST_TAU_S: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Physics:
    """Time constants (seconds) and force coefficients.

    Velocity, acceleration and jerk of a flow channel are a chain of exponential moving averages with time constants
    `tau_velocity < tau_acceleration < tau_jerk`; masses decay with `tau_rest_decay`.

        pressure = c1*v_add  + c2*max(v_rest, 0) + c3*max(a_add, 0)
        vacuum   = c4*v_pull + c5*v_fill + c6*max(-v_rest, 0) + c7*max(a_pull, 0)

    Raises `ParameterError` for a value that is not finite, a time constant that is not positive, or an order of the
    three chain constants other than strictly rising.
    """

    tau_velocity: float = 2.0
    tau_acceleration: float = 5.0
    tau_jerk: float = 10.0
    tau_rest_decay: float = 30.0
    c1_v_add: float = 1.0
    c2_v_rest_pos: float = 0.5
    c3_a_add: float = 0.3
    c4_v_pull: float = 1.0
    c5_v_fill: float = 1.5
    c6_v_rest_neg: float = 0.5
    c7_a_pull: float = 0.3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ParameterError(f"{field.name}={value!r}: must be a finite number")
            if field.name.startswith("tau_") and value < _SHORTEST_TAU_S:
                raise ParameterError(f"{field.name}={value!r}: must be at least {_SHORTEST_TAU_S} seconds")
        if not self.tau_velocity < self.tau_acceleration < self.tau_jerk:
            raise ParameterError(
                f"tau_velocity={self.tau_velocity!r}, tau_acceleration={self.tau_acceleration!r}, "
                f"tau_jerk={self.tau_jerk!r}: must rise strictly in this order"
            )

    def to_array(self) -> np.ndarray:
        """The constants that compiled code reads: one record of `PARAMS`, shape (1,).

        An impulse X adds X*g to the modes, which decay independently; v = m1, a = k*m1 + m2,
        j = e*m1 + m2/(tau_j - tau_a) + m3.
        """
        tau_v, tau_a, tau_j = self.tau_velocity, self.tau_acceleration, self.tau_jerk
        k = 1.0 / (tau_a - tau_v)
        e = k / (tau_j - tau_v)
        ja = 1.0 / (tau_j - tau_a)
        g1 = 1.0 / tau_v
        g2 = 1.0 / (tau_v * tau_a) - k * g1
        g3 = 1.0 / (tau_v * tau_a * tau_j) - g2 * ja - e * g1
        head = [tau_v, tau_a, tau_j, self.tau_rest_decay, k, e, ja, g1, g2, g3]
        force = [getattr(self, field.name) for field in fields(self) if field.name.startswith("c")]
        return np.array([(*head, *force)], dtype=PARAMS)
