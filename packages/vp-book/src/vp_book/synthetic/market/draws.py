"""Random numbers inside kernels, from words that NumPy's PCG64 drew beforehand."""

from __future__ import annotations

from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import Sim
from vp_book.synthetic.market.tables import DECAY_SPAN, DECAY_STEPS, LN2, QUANTILE_BITS

_QUANTILE_SHIFT = 63 - QUANTILE_BITS - 12


@called
def draw(sim: Sim) -> int:
    """The next word: an integer in 0 .. 2**63 - 1."""
    at = sim["raw_next"]
    sim["raw_next"] = at + 1
    return int(sim["raw"][at])


@called
def below(sim: Sim, n: int) -> int:
    """An integer in 0 .. n - 1, for n up to 2**31."""
    return ((draw(sim) >> 32) * n) >> 31


@called
def one_in(sim: Sim, n: int) -> bool:
    """True once in n times."""
    return below(sim, n) == 0


@called
def exponential(sim: Sim) -> float:
    """An exponential variate of mean 1.

    Low bits are the coins of the ln 2 part, high bits the point in the quantile table, with linear interpolation.
    """
    word = draw(sim)
    coins = word
    heads = 0
    while coins & 1 and heads < 40:
        heads += 1
        coins >>= 1
    point = word >> _QUANTILE_SHIFT
    i = point >> 12
    fraction = (point & 4095) / 4096.0
    low = sim["quantiles"][i]
    return float(heads * LN2 + low + fraction * (sim["quantiles"][i + 1] - low))


@called
def decay(sim: Sim, x: float) -> float:
    """exp(-x) for x >= 0 to a relative 3e-9, from the table and three terms of the series for the rest."""
    if x >= DECAY_SPAN:
        return 0.0
    i = int(x * DECAY_STEPS)
    rest = x - i / DECAY_STEPS
    return float(sim["decays"][i] * (1.0 - rest * (1.0 - rest * (0.5 - rest / 6.0))))
