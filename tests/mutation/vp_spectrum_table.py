"""Changes of one line each to the rules of vp-spectrum."""

from __future__ import annotations

from mutation.runner import Mutation

_CELLS = "vp_spectrum/_cells.py"
_WINDOW = "vp_spectrum/scores/window.py"
_BLEND = "vp_spectrum/scores/blend.py"
_STAGE = "vp_spectrum/derivative.py"

MUTATIONS = (
    Mutation(
        "the composite is not divided by both forces", _CELLS, "abs(p) * unit + abs(v) * unit +", "abs(p) * unit +"
    ),
    Mutation("a composite of nothing is not 0", _CELLS, "_EPSILON = 1e-12", "_EPSILON = 1e-3"),
    Mutation("forces too large to be added overflow", _CELLS, "_SHRINK if size > _HUGE else 1.0", "1.0"),
    Mutation(
        "a flow window is a bin shorter", _CELLS, "length = min(windows[j], seen)", "length = min(windows[j] - 1, seen)"
    ),
    Mutation("a window that is not full divides by its length", _CELLS, "(total / length)", "(total / windows[j])"),
    Mutation("rollup weights are not used", _CELLS, "rolled += weights[j] * (total", "rolled += 0.5 * (total"),
    Mutation(
        "differences are per bin, not per second", _CELLS, "(value - before) / bin_seconds if", "(value - before) if"
    ),
    Mutation("a difference begins a bin early", _CELLS, "if links > i else 0.0", "if links >= i else 0.0"),
    Mutation(
        "a window holds a bin more before it forgets",
        _CELLS,
        "if count >= plan.min_periods:",
        "if count > plan.min_periods:",
    ),
    Mutation("a score needs no periods", _CELLS, "if count >= plan.min_periods:", "if count >= 1:"),
    Mutation(
        "the third channel is scored as the second",
        _CELLS,
        "count, chain[slot, i + 1], 1.0)",
        "count, chain[slot, min(i + 1, 2)], 1.0)",
    ),
    Mutation(
        "a slot keeps what another cell left",
        _CELLS,
        "if cells[slot] != cell or uptos[slot] < born or",
        "if uptos[slot] < born or",
    ),
    Mutation("a cell that comes back keeps its old life", _CELLS, "uptos[slot] < born or now - uptos", "now - uptos"),
    Mutation(
        "a build reaches back too little",
        _CELLS,
        "max(born, now - window - (SCORES - 1) - 2)",
        "max(born, now - window)",
    ),
    Mutation(
        "a build leaves out differences that are defined", _CELLS, "start if start == born else start + 3", "start + 6"
    ),
    Mutation(
        "a build forgets the composites before it",
        _CELLS,
        "range(max(born, start - longest), start)",
        "range(start, start)",
    ),
    Mutation("the slope of a projection is per bin", _CELLS, "s1 = (s0 - before) / dt", "s1 = s0 - before"),
    Mutation("a projection has no halved square", _CELLS, "s2 * h * h / 2.0", "s2 * h * h"),
    Mutation("the cubic term is a square", _CELLS, "cubic * s3 * h * h * h", "cubic * s3 * h * h"),
    Mutation("projections are not damped", _CELLS, "* damping[j]\n", "\n"),
    Mutation("projections are not clipped", _CELLS, "out[row, j] = min(1.0, max(-1.0, ahead))", "out[row, j] = ahead"),
    Mutation("a projection has a third difference a bin early", _CELLS, "if seen > 3:", "if seen > 2:"),
    Mutation(
        "a state needs more than the threshold",
        _CELLS,
        "1 if score >= plan.neutral else",
        "1 if score > 2 * plan.neutral else",
    ),
    Mutation("nothing is bearish", _CELLS, "(-1 if score <= -plan.neutral else 0)", "0"),
    Mutation("the scale of a MAD is left out", _WINDOW, "MAD_TO_SIGMA = 1.4826", "MAD_TO_SIGMA = 1.0"),
    Mutation("any scale is good enough", _WINDOW, "SCALE_FLOOR = 1e-9", "SCALE_FLOOR = 0.0"),
    Mutation(
        "the median of an even window is its upper middle",
        _WINDOW,
        "(ordered[middle - _ONE] * unit + ordered[middle] * unit) / 2.0",
        "ordered[middle] * unit",
    ),
    Mutation("the MAD of an even window is its lower middle", _WINDOW, "return (lower + upper) / 2.0", "return lower"),
    Mutation(
        "the upper middle deviation is looked for on one side",
        _WINDOW,
        "upper = min(upper, ordered[low + reach + _ONE]",
        "upper = max(upper, ordered[low + reach + _ONE]",
    ),
    Mutation(
        "a full window forgets the newest instead of the oldest",
        _WINDOW,
        "ring[at + turn], value)",
        "ordered[at + count - 1], value)",
    ),
    Mutation(
        "with a MAD of 0 z is 0 in the derivative stage too",
        _WINDOW,
        "    shift /= count\n",
        "    return 0.0, 0.0, 0.0, 0.0, 0.0\n",
    ),
    Mutation(
        "the standard deviation is that of a sample",
        _WINDOW,
        "math.sqrt(squares / count)",
        "math.sqrt(squares / (count - 1))",
    ),
    Mutation(
        "the mean is the median", _WINDOW, "        shift += ordered[i] * unit - center\n", "        shift += 0.0\n"
    ),
    Mutation("min periods are one more", _WINDOW, "if count < min_periods:", "if count <= min_periods:"),
    Mutation(
        "numbers too large to be subtracted overflow",
        _WINDOW,
        "return _SHRINK if max(abs(ordered[0])",
        "return 1.0 if max(abs(ordered[0])",
    ),
    Mutation("the tanh ends early", _BLEND, "_lambert(12)", "_lambert(5)"),
    Mutation("the tanh is not scaled", _BLEND, "tanh(z[i] / tanh_scale)", "tanh(z[i])"),
    Mutation("the blend is not divided by its weights", _BLEND, "total / mass))", "total))"),
    Mutation(
        "a rising ask over a still bid is bullish",
        "vp_spectrum/scores/codes.py",
        "(1, 0): (BEAR_PRESSURE, BEAR_VACUUM)",
        "(1, 0): (BULL_VACUUM, BULL_PRESSURE)",
    ),
    Mutation(
        "the table is that of a symmetric system",
        "vp_spectrum/scores/codes.py",
        "(-1, 1): (MIXED, MIXED)",
        "(-1, 1): (BULL_VACUUM, BEAR_VACUUM)",
    ),
    Mutation(
        "above and below are confused",
        "vp_spectrum/scores/codes.py",
        "codes[rows > 0] = above",
        "codes[rows >= 0] = above",
    ),
    Mutation(
        "bull pressure has the weight of bull vacuum",
        _STAGE,
        "p.bull_pressure_weight * bull_pressure",
        "p.bull_vacuum_weight * bull_pressure",
    ),
    Mutation(
        "bear vacuum has the weight of bear pressure",
        _STAGE,
        "p.bear_vacuum_weight * bear_vacuum",
        "p.bear_pressure_weight * bear_vacuum",
    ),
    Mutation("mixed rows take nothing from the base", _STAGE, "1.0 - p.mixed_weight * mixed", "1.0"),
    Mutation(
        "the base may change its sign where rows are mixed",
        _STAGE,
        "min(1.0, max(0.0, 1.0 - p.mixed_weight * mixed))",
        "min(1.0, 1.0 - p.mixed_weight * mixed)",
    ),
    Mutation(
        "the first difference of the base is not 0",
        _STAGE,
        "self._chain = (base, 0.0, 0.0, 0.0)",
        "self._chain = (base, base, 0.0, 0.0)",
    ),
    Mutation("the second difference of the base is per bin", _STAGE, "d2 = (d1 - before1) / dt", "d2 = d1 - before1"),
    Mutation("the excluded radius is one less", _STAGE, "np.abs(rows) > radius if", "np.abs(rows) >= radius if"),
    Mutation("rows weigh the same at every distance", _STAGE, "** params.spatial_decay_power", "** 0.0"),
    Mutation(
        "of equal intensities the first state is dominant",
        _STAGE,
        "if shares.count(greatest) == 1 else MIXED",
        "if True else MIXED",
    ),
    Mutation(
        "the derivative stage has the fallback of the cells",
        _STAGE,
        'params.zscore_min_periods, "std")',
        'params.zscore_min_periods, "zero")',
    ),
    Mutation(
        "a cell that enters the range keeps its column's history",
        "vp_spectrum/spectrum.py",
        "self._history.born[columns] = self._bins",
        "pass",
    ),
    Mutation(
        "histories do not move with their cells",
        "vp_spectrum/spectrum.py",
        "old + moved, -_INT64_MAX",
        "old, -_INT64_MAX",
    ),
    Mutation(
        "damping grows instead of decaying",
        "vp_spectrum/spectrum.py",
        "math.exp(-params.damping_lambda",
        "math.exp(params.damping_lambda",
    ),
    Mutation(
        "the cubic term is on when it is off",
        "vp_spectrum/spectrum.py",
        "params.cubic_scale if params.use_cubic else 0.0",
        "params.cubic_scale",
    ),
    Mutation(
        "a recentering is not told to the spectrum",
        "vp_spectrum/chain.py",
        "self._spectrum.shift(source.shift_cells)",
        "pass",
    ),
    Mutation(
        "the default z-window is shorter",
        "vp_spectrum/params.py",
        "zscore_window: int = 300",
        "zscore_window: int = 299",
    ),
    Mutation(
        "the default weights of the channels are others",
        "vp_spectrum/params.py",
        "(0.55, 0.30, 0.15)",
        "(0.50, 0.35, 0.15)",
    ),
    Mutation(
        "the default min periods of the stage are others",
        "vp_spectrum/params.py",
        "zscore_min_periods: int = 60",
        "zscore_min_periods: int = 59",
    ),
)
