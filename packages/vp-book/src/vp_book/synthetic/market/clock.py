"""The clock of the market: which thing happens next, and when.

Flow comes as a self-exciting point process (Hawkes, 1971) with three exponential kernels, simulated by thinning (Ogata,
1981): propose at the present intensity, which decays until something happens, and accept in proportion to what is left
of it. Steps of the fair value come at a steady rate of their own; what they excite counts from the next flow event on.
The base changes at whole seconds, by too little to matter to a wait that spans one.
"""

from __future__ import annotations

from typing import Final

from vp_book._jit import kernel
from vp_book.records import NS_PER_S
from vp_book.synthetic.market.draws import below, decay, exponential, one_in
from vp_book.synthetic.market.fair import step_fair
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import OUT_BLOCK, OUT_MARGIN, RAW_BLOCK, RAW_MARGIN, Market, Sim
from vp_book.synthetic.orders.fleeting import flash, withdraw_due
from vp_book.synthetic.orders.flow import change, place, take
from vp_book.synthetic.orders.ladders import run_ladder
from vp_book.synthetic.orders.snapshot import write_snapshot
from vp_book.synthetic.orders.walls import tend_wall

_QUIET: Final = 4_000_000
"""Nothing is sent this long (ns) before a clear or the end, so that all of it has been received by then."""
_BURST_STEPS: Final = 250
"""Mean number of fair steps between bursts of attention that nothing in the market explains."""
_PROPOSALS: Final = 256
"""After so many rejections in a row the proposal stands, so that random words cannot run out. It does not happen."""
_DRAWS: Final = 1 << 30
"""Values of a draw that accepts or rejects a proposal."""

_FLOW_EVENTS: Final = 1_000
"""Of so many flow events a kind has its share below; the rest are placements."""
_TAKES: Final = 46
_CHANGES: Final = 240
_WALLS: Final = 12
_LADDERS: Final = 1
_FLASHES: Final = 50
_TO_CHANGES: Final = _TAKES + _CHANGES
_TO_WALLS: Final = _TO_CHANGES + _WALLS
_TO_LADDERS: Final = _TO_WALLS + _LADDERS
_TO_FLASHES: Final = _TO_LADDERS + _FLASHES

_TRADE_WEIGHT: Final = 3.0
"""What excites more than an ordinary event, in events: an aggressor that trades, a ladder, a move by a tick (times the
square of the ticks), and a burst (its least, and the mean of what it has above that)."""
_LADDER_WEIGHT: Final = 5.0
_MOVE_WEIGHT: Final = 15.0
_BURST_WEIGHT: Final = 5.0
_BURST_MEAN: Final = 25.0

_FLOW_AFTER_RESET: Final = 1_000_000
_FAIR_AFTER_RESET: Final = 2_000_000
"""How long (ns) after the snapshot of the open flow and fair value go on."""


@called
def _excite(sim: Sim, weight: float) -> None:
    """Raise the intensity by `weight` ordinary events' worth."""
    sim["excited_micro"] += weight * sim["micro_kick"]
    sim["excited_fast"] += weight * sim["fast_kick"]
    sim["excited_slow"] += weight * sim["slow_kick"]


@called
def _intensity(sim: Sim, ts: int) -> float:
    base = sim["base_rate"] * sim["seconds"][(ts - sim["start"]) // NS_PER_S]["activity"]
    return float(min(base + sim["excited_micro"] + sim["excited_fast"] + sim["excited_slow"], sim["rate_cap"]))


@called
def _next_flow(sim: Sim, ts: int) -> int:
    """Time of the flow event after `ts`, to which the excitement must have been brought; brings it to the new time.

    A result at or past the end means that there is no other.
    """
    for _ in range(_PROPOSALS):
        bound = _intensity(sim, ts)
        wait_s = exponential(sim) / bound
        ts += 1 + int(wait_s * NS_PER_S)
        if ts >= sim["end"]:
            break
        sim["excited_micro"] *= decay(sim, wait_s / sim["micro_tau"])
        sim["excited_fast"] *= decay(sim, wait_s / sim["fast_tau"])
        sim["excited_slow"] *= decay(sim, wait_s / sim["slow_tau"])
        if below(sim, _DRAWS) < _intensity(sim, ts) / bound * _DRAWS:
            break
    return ts


@called
def _flow_event(sim: Sim, now: int) -> None:
    kind = below(sim, _FLOW_EVENTS)
    weight = 1.0
    if kind < _TAKES:
        if take(sim, now):
            weight = _TRADE_WEIGHT
    elif kind < _TO_CHANGES:
        change(sim, now)
    elif kind < _TO_WALLS:
        tend_wall(sim, now)
    elif kind < _TO_LADDERS:
        run_ladder(sim, now)
        weight = _LADDER_WEIGHT
    elif kind < _TO_FLASHES:
        flash(sim, now)
    else:
        place(sim, now)
    _excite(sim, weight)


@called
def _fair_event(sim: Sim, now: int) -> None:
    ticks = step_fair(sim, now)
    if ticks > 0:
        _excite(sim, _MOVE_WEIGHT * ticks * ticks)
    if one_in(sim, _BURST_STEPS):
        _excite(sim, _BURST_WEIGHT + _BURST_MEAN * exponential(sim))
    sim["next_fair"] = now + 1 + int(exponential(sim) * sim["fair_step"])


@called
def _follow_episodes(sim: Sim, ts: int) -> None:
    """Bring the pressure's episode to `ts` and the drift's to one lag earlier."""
    last = sim["last_episode"]
    while sim["episode"] < last and sim["episodes"][sim["episode"] + 1]["ts"] <= ts:
        sim["episode"] += 1
    lagged = ts - sim["lag"]
    while sim["drift_episode"] < last and sim["episodes"][sim["drift_episode"] + 1]["ts"] <= lagged:
        sim["drift_episode"] += 1


@kernel
def advance(market: Market) -> bool:
    """Run until the market's end, or until random words or room for records may run out; true at the end.

    The caller refills `raw`, empties `out`, resets their cursors and calls again. At a pause it calls again at once:
    what follows is what would have followed without it.
    """
    sim = market[0]
    while sim["raw_next"] <= RAW_BLOCK - RAW_MARGIN and sim["out_n"] <= OUT_BLOCK - OUT_MARGIN:
        ts = min(sim["next_flow"], sim["next_fair"], sim["next_fleeting"])
        if sim["reset_done"] == 0 and ts >= sim["reset"] - _QUIET:
            write_snapshot(sim, sim["reset"])
            sim["reset_done"] = 1
            sim["next_flow"] = max(sim["next_flow"], sim["reset"] + _FLOW_AFTER_RESET)
            sim["next_fair"] = max(sim["next_fair"], sim["reset"] + _FAIR_AFTER_RESET)
            continue
        if ts >= sim["end"] - _QUIET:
            return True
        if ts >= sim["pause"]:
            sim["pause"] = sim["end"]
            sim["paused"] = 1
            return False
        _follow_episodes(sim, ts)
        # A move takes a while, and what was due meanwhile happens right after it.
        now = max(ts, sim["now"] + 1_000)
        if sim["next_fleeting"] == ts:
            withdraw_due(sim, now)
        elif sim["next_flow"] == ts:
            _flow_event(sim, now)
            sim["next_flow"] = _next_flow(sim, ts)
        else:
            _fair_event(sim, now)
    return False
