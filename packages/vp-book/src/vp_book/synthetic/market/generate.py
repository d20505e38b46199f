"""From arguments to records: sets a market up and runs it block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vp_book.records import MBO_DTYPE, NS_PER_S
from vp_book.synthetic.market.clock import advance
from vp_book.synthetic.market.model import MICRO, MarketModel, activity_thousandths
from vp_book.synthetic.market.state import N_LEVELS, RAW_BLOCK, Sim, allocate
from vp_book.synthetic.orders.resting import RestingOrders, resting_orders
from vp_book.synthetic.orders.snapshot import open_market


@dataclass(frozen=True, slots=True)
class Session:
    """What one market is made from: checked arguments, with times resolved.

    `start_ns`, `end_ns` are UTC, `second_of_day` is the start in New York, `reset_ns` is the time of the clear and new
    snapshot or None. `clock_change` is when clocks in New York change, in seconds after the start, and by how much.
    """

    seed: int
    effect: float
    symbol: str
    instrument_id: int
    start_ns: int
    end_ns: int
    second_of_day: int
    reset_ns: int | None
    clock_change: tuple[int, int] | None = None


def _raw(bits: np.random.PCG64, n: int) -> NDArray[np.int64]:
    """Words of 63 bits. Only raw words are drawn: NumPy fixes them for good, but not what its distributions make."""
    return (bits.random_raw(n) >> np.uint64(1)).astype(np.int64)


def _set_seconds(sim: Sim, session: Session, model: MarketModel) -> None:
    n = (session.end_ns - session.start_ns) // NS_PER_S + 2
    changed_at, change = session.clock_change or (n, 0)
    of_day = [session.second_of_day + i + (change if i >= changed_at else 0) for i in range(n)]
    activity = [activity_thousandths(second) / 1000 for second in of_day]
    step = model.volatility_ticks * MICRO * math.sqrt(model.fair_step_ns / NS_PER_S)
    sim["seconds"]["activity"][:n] = activity
    # IEEE 754 fixes the square root to the last bit, unlike exp and log.
    sim["seconds"]["step"][:n] = [round(step * math.sqrt(a)) for a in activity]


def _set_episodes(sim: Sim, session: Session, model: MarketModel, bits: np.random.PCG64) -> None:
    """Pressure episodes up to the end: signs -1, 0, +1 with odds 2:1:2. Index 0 is the calm before the first one."""
    span = model.episode_max_ns - model.episode_min_ns
    ts, n = session.start_ns, 1
    while ts < session.end_ns:
        where, what = (int(word) for word in _raw(bits, 2))
        sim["episodes"][n] = (ts, (-1, -1, 0, 1, 1)[what % 5])
        ts += model.episode_min_ns + where % (span + 1)
        n += 1
    sim["last_episode"] = n - 1


class Market:
    """One synthetic market. `blocks` runs it once; `moves` and `jumps` are totals of what has run.

    Once it has run past a pause, `at_pause` is the book as it stood there, and how many records of the block that
    comes next were written before it.
    """

    def __init__(self, session: Session, model: MarketModel) -> None:
        self.session = session
        self.model = model
        self.at_pause: tuple[RestingOrders, int] | None = None
        flow_seed, episode_seed = np.random.SeedSequence(session.seed).spawn(2)
        self._bits = np.random.PCG64(flow_seed)
        self._market = allocate()
        self._sim = self._market[0]
        _set_seconds(self._sim, session, model)
        _set_episodes(self._sim, session, model, np.random.PCG64(episode_seed))
        _set_params(self._sim, session, model)
        self._set_state()

    @property
    def moves(self) -> int:
        """How often the price has moved."""
        return int(self._sim["moves"])

    @property
    def jumps(self) -> int:
        """How often the fair value has jumped."""
        return int(self._sim["jumps"])

    def blocks(self, pause_ns: int | None = None) -> Iterator[np.ndarray]:
        """The records in time order, as arrays of `MBO_DTYPE`. An array is valid until the next one is asked for.

        With `pause_ns` (exchange time) generation pauses there, and the book can be read; the records are the same.
        """
        sim = self._sim
        if pause_ns is not None:
            sim["pause"] = pause_ns
        self._refill()
        open_market(self._market)
        done = False
        while not done:
            self._refill()
            done = advance(self._market)
            if sim["paused"]:
                sim["paused"] = 0
                self.at_pause = resting_orders(sim), int(sim["out_n"])
                done = advance(self._market)
            yield sim["out"][: sim["out_n"]].view(MBO_DTYPE)
            sim["out_n"] = 0

    def _refill(self) -> None:
        self._sim["raw"] = _raw(self._bits, RAW_BLOCK)
        self._sim["raw_next"] = 0

    def _set_state(self) -> None:
        session, state = self.session, self._sim
        tick, order_id, sequence = (int(word) for word in _raw(self._bits, 3))
        state["base_tick"] = 22_000 - 800 + tick % 1_600 - N_LEVELS // 2
        state["ref_bid"] = N_LEVELS // 2
        state["fair"] = state["ref_bid"] * MICRO + MICRO // 2
        state["next_id"] = 6_870_000_000_000 + order_id % 1_000_000_000
        state["sequence"] = 1 + sequence % 100_000
        state["start"], state["end"] = session.start_ns, session.end_ns
        state["pause"] = session.end_ns
        state["reset"] = session.reset_ns or 0
        state["reset_done"] = session.reset_ns is None


def _set_params(params: Sim, session: Session, model: MarketModel) -> None:
    params["instrument_id"] = session.instrument_id
    params["tilt"] = round(session.effect * model.effect_tilt * 65_536)
    params["drift"] = round(session.effect * model.effect_drift_ticks * MICRO * model.fair_step_ns / NS_PER_S)
    params["lag"] = model.effect_lag_ns
    params["fair_step"] = model.fair_step_ns
    params["jump_odds"] = model.jump_every_s * NS_PER_S // model.fair_step_ns
    params["base_rate"] = model.base_rate
    params["micro_tau"] = model.micro_tau_s
    params["fast_tau"], params["slow_tau"] = model.fast_tau_s, model.slow_tau_s
    params["micro_kick"] = model.micro_children / model.micro_tau_s
    params["fast_kick"] = model.fast_children / model.fast_tau_s
    params["slow_kick"] = model.slow_children / model.slow_tau_s
    params["rate_cap"] = model.rate_cap
