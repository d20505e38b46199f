"""Physics of the cells: impulses in, modes and masses forward in time, velocities, accelerations and jerks out.

A row of `physics` is 18 float64: three modes for each of the channels add, pull, fill, bid depth change and ask depth
change, then the masses of add, pull and fill. They are kept scaled by exp((t - origin)/tau) (forward decay), so that an
impulse only adds and a cell that nothing touches costs nothing.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, inlined, kernel
from vp_book.book.state import BID, Arrays

CH_ADD: Final = 0
CH_PULL: Final = 3
CH_FILL: Final = 6
CH_BID: Final = 9
CH_ASK: Final = 12
M_ADD: Final = 15
PHYSICS_COLUMNS: Final = 18

# columns of a cell, but for `k`; `bins.reader.CELL_COLUMNS` has their order
CELL_DEPTHS: Final = ("rest_depth", "bid_depth", "ask_depth")
CELL_COUNTS: Final = ("last_event_id", "buy_volume", "sell_volume")
# of its float state, in the order of CELL_FLOATS
F_PRESSURE: Final = 0
F_VACUUM: Final = 1
F_MASS: Final = 2  # add, pull, fill
F_CHAIN: Final = 5  # (v, a, j) of add, pull, fill, rest, bid, ask
CELL_FLOATS: Final = (
    "pressure_variant",
    "vacuum_variant",
    "add_mass",
    "pull_mass",
    "fill_mass",
    *(f"{order}_{channel}" for channel in ("add", "pull", "fill", *CELL_DEPTHS) for order in ("v", "a", "j")),
)

_EXPONENT_LIMIT: Final = 256.0
"""Forward decay moves its origin before exp() of this; doubles end at 709."""
_TINY: Final = 1e-280
"""A scaled mode below this is nothing, and would only breed denormals."""


@inlined
def attribute(side: int, tick: int, d: int, fill: int, a: Arrays) -> None:
    """One leg of the conservation law: depth at a price changed by `d` while `fill` was announced as filled there.

    add = max(d + fill, 0), pull = max(-d - fill, 0), so that d = add - pull - fill always.
    """
    s = a.scalars[0]
    rest = d + fill
    if rest > 0:
        a.counts[0].added[side] += rest
    else:
        a.counts[0].pulled[side] -= rest
    a.counts[0].filled[side] += fill
    a.counts[0].depth_flow[side] += d
    index = tick - s.range_lo
    if s.physics_on == 0 or index < 0 or index >= a.ladder.shape[1]:
        return
    if s.weights_at != s.clock:
        _advance_weights(a)
    cell = index if s.bucket == 1 else index // s.bucket
    row = a.physics[cell]
    if rest > 0:
        _impulse(row, CH_ADD, rest, a.weights[0])
    elif rest < 0:
        _impulse(row, CH_PULL, -rest, a.weights[0])
    if fill > 0:
        _impulse(row, CH_FILL, fill, a.weights[0])
    if d != 0:
        _impulse(row, CH_BID if side == BID else CH_ASK, d, a.weights[0])
    a.touched[cell] = s.events + 1


@inlined
def _impulse(row: np.ndarray, channel: int, x: int, weights: Any) -> None:
    """An amount `x` arrives in one channel now."""
    row[channel] += x * weights.m1
    row[channel + 1] += x * weights.m2
    row[channel + 2] += x * weights.m3
    if channel <= CH_FILL:
        row[M_ADD + channel // 3] += x * weights.mass


@called
def _advance_weights(a: Arrays) -> None:
    """Make the impulse weights those of the current clock, moving the origin first when an exponent grows large."""
    s = a.scalars[0]
    p = a.params[0]
    w = a.weights[0]
    dt = (s.clock - s.origin) * 1e-9
    if dt > _EXPONENT_LIMIT * min(p.tau_v, p.tau_rest):
        _move_origin(a.physics, p, dt)
        s.origin = s.clock
        dt = 0.0
    w.m1 = p.g1 * np.exp(dt / p.tau_v)
    w.m2 = p.g2 * np.exp(dt / p.tau_a)
    w.m3 = p.g3 * np.exp(dt / p.tau_j)
    w.mass = np.exp(dt / p.tau_rest)
    s.weights_at = s.clock


@called
def _move_origin(physics: np.ndarray, p: Any, dt: float) -> None:
    """Rescale every mode and mass as if it had been kept from an origin `dt` seconds later."""
    v, a, j, mass = (
        np.exp(-dt / p.tau_v),
        np.exp(-dt / p.tau_a),
        np.exp(-dt / p.tau_j),
        np.exp(-dt / p.tau_rest),
    )
    decay = (v, a, j)
    for cell in range(physics.shape[0]):
        for c in range(PHYSICS_COLUMNS):
            if physics[cell, c] != 0.0:
                x = physics[cell, c] * (mass if c >= M_ADD else decay[c % 3])
                physics[cell, c] = x if abs(x) > _TINY else 0.0


@kernel
def read_cells(
    physics: np.ndarray, params: np.ndarray, origin_ns: int, ts_ns: int, lo: int, floats: np.ndarray
) -> None:
    """Float state of the cells `lo .. lo + floats.shape[1]` at `ts_ns`, one row of `floats` per name in CELL_FLOATS.

    Cells beyond the range read as zero.
    """
    p = params[0]
    coefficients = _coefficients(p)
    dt = (ts_ns - origin_ns) * 1e-9
    d1 = np.exp(-dt / p.tau_v)
    d2 = np.exp(-dt / p.tau_a)
    d3 = np.exp(-dt / p.tau_j)
    dm = np.exp(-dt / p.tau_rest)
    k = p.k
    e = p.e
    ja = p.ja
    for i in range(floats.shape[1]):
        cell = lo + i
        if cell < 0 or cell >= physics.shape[0]:
            for c in range(floats.shape[0]):
                floats[c, i] = 0.0
            continue
        row = physics[cell]
        for c in range(3):
            floats[F_MASS + c, i] = row[M_ADD + c] * dm
        for c in range(5):
            m1 = row[3 * c] * d1
            m2 = row[3 * c + 1] * d2
            at = F_CHAIN + 3 * c + (3 if c >= 3 else 0)  # bid and ask stand after rest
            floats[at, i] = m1
            floats[at + 1, i] = k * m1 + m2
            floats[at + 2, i] = e * m1 + ja * m2 + row[3 * c + 2] * d3
        for c in range(3):
            floats[F_CHAIN + 9 + c, i] = floats[F_CHAIN + 12 + c, i] + floats[F_CHAIN + 15 + c, i]
        pressure, vacuum = forces(
            coefficients,
            floats[F_CHAIN, i],
            floats[F_CHAIN + 1, i],
            floats[F_CHAIN + 3, i],
            floats[F_CHAIN + 4, i],
            floats[F_CHAIN + 6, i],
            floats[F_CHAIN + 9, i],
        )
        floats[F_PRESSURE, i] = pressure
        floats[F_VACUUM, i] = vacuum


@inlined
def _coefficients(p: Any) -> tuple[float, ...]:
    """c1 to c7, read once: the compiler cannot know that what a loop writes does not change them."""
    return p.c1, p.c2, p.c3, p.c4, p.c5, p.c6, p.c7


@inlined
def forces(
    c: tuple[float, ...], v_add: float, a_add: float, v_pull: float, a_pull: float, v_fill: float, v_rest: float
) -> tuple[float, float]:
    """(pressure_variant, vacuum_variant) of one cell."""
    c1, c2, c3, c4, c5, c6, c7 = c
    pressure = c1 * v_add + c2 * max(v_rest, 0.0) + c3 * max(a_add, 0.0)
    vacuum = c4 * v_pull + c5 * v_fill + c6 * max(-v_rest, 0.0) + c7 * max(a_pull, 0.0)
    return pressure, vacuum


@kernel
def read_forces(
    physics: np.ndarray,
    params: np.ndarray,
    touched: np.ndarray,
    origin_ns: int,
    ts_ns: int,
    pressure: np.ndarray,
    vacuum: np.ndarray,
) -> None:
    """Pressure and vacuum of every cell of the range at `ts_ns`, bit for bit those of `read_cells`."""
    p = params[0]
    coefficients = _coefficients(p)
    dt = (ts_ns - origin_ns) * 1e-9
    d1 = np.exp(-dt / p.tau_v)
    d2 = np.exp(-dt / p.tau_a)
    k = p.k
    for cell in range(physics.shape[0]):
        if touched[cell] == 0:
            pressure[cell] = 0.0
            vacuum[cell] = 0.0
            continue
        row = physics[cell]
        add = row[CH_ADD] * d1
        pull = row[CH_PULL] * d1
        pressure[cell], vacuum[cell] = forces(
            coefficients,
            add,
            k * add + row[CH_ADD + 1] * d2,
            pull,
            k * pull + row[CH_PULL + 1] * d2,
            row[CH_FILL] * d1,
            row[CH_BID] * d1 + row[CH_ASK] * d1,
        )
