# %% [markdown]
# # The physics
#
# Every price is a small physical system: liquidity arrives, is pulled and is filled, and each of these has a velocity, an
# acceleration and a jerk. This page has the formulas and where they come from, and checks them with `vp_book`.
#
# ## What flows
#
# Let an order's displayed size change by `d`, and let `f` of it have been announced as filled in the event. Then
#
# ```text
# fill = f        add = max(d + f, 0)        pull = max(-d - f, 0)        so that  d = add - pull - fill
# ```
#
# An add has `f = 0, d > 0`; a cancel `f = 0, d < 0`; a fill `f = -d`; an iceberg that shows again `d + f > 0`, which is its
# replenishment. Nothing is gained or lost: over any stretch, adds less pulls less fills are the change of what is displayed.
#
# ## From amounts to velocity, acceleration and jerk
#
# Every price has five channels: add, pull, fill, and the change of bid and of ask depth. An amount `X` at time `t_i` is an
# impulse in one of them. With `x' = sum of X * delta(t - t_i)`, the velocity is an exponential average of the rate of `x`, the
# acceleration one of the change of the velocity, and the jerk one of the change of the acceleration:
#
# ```text
# tau_v v' = x' - v        tau_a a' = v' - a        tau_j j' = a' - j        0 < tau_v < tau_a < tau_j
# ```
#
# Usually such a chain is stepped, with an error that depends on the step. It is linear, so here it is solved.
#
# **One exponential through one stage.** Let the input of a stage with time constant `T` be `c exp(-t/tau)`, `tau` not `T`. Try
# `c k exp(-t/tau)` as its output: `T (-c k/tau) = -c/tau - c k`, so `k (T - tau) = 1`. An exponential stays what it is, and is
# multiplied by `1 / (T - tau)`. Each stage adds one exponential of its own time constant, which fits its value at the start.
#
# **An impulse of 1.** The velocity jumps to `1/tau_v` and decays; there is one exponential. The acceleration jumps by
# `1/(tau_v tau_a)`, the jerk by `1/(tau_v tau_a tau_j)`. Let the modes `m1, m2, m3` be the exponentials that the three stages add, of
# weights `g1, g2, g3` at the impulse. What passes through the later stages follows from the rule above:
#
# ```text
# k = 1/(tau_a - tau_v)        e = k/(tau_j - tau_v)
#
# v = m1                                      g1 = 1/tau_v
# a = k m1 + m2                               g2 = 1/(tau_v tau_a) - k g1
# j = e m1 + m2/(tau_j - tau_a) + m3          g3 = 1/(tau_v tau_a tau_j) - g2/(tau_j - tau_a) - e g1
# ```
#
# An amount `X` adds `X g1, X g2, X g3` to the modes of its channel, and between amounts `m1, m2, m3` decay by
# `exp(-dt/tau_v), exp(-dt/tau_a), exp(-dt/tau_j)`. That is all. Advancing by `s` and then by `t` is advancing by `s + t`; the width of
# a bin changes no value; amounts on one nanosecond all count.
#
# The engine goes one step further. It keeps each mode multiplied by `exp((t - t0)/tau)`: an amount adds
# `X g exp((t - t0)/tau)`, a read multiplies by `exp(-(t - t0)/tau)`, and a price at which nothing happens costs nothing. Before an
# exponent grows large, `t0` moves and every mode is scaled once.

# %%
import numpy as np
from matplotlib.figure import Figure

from vp_book import MBO_DTYPE, BookEngine, Instrument, Physics, open_dbn, replay, synthetic


def impulse_response(physics: Physics, t_s: np.ndarray) -> np.ndarray:
    """Velocity, acceleration and jerk (3, n) at times after an amount of 1, by the formulas above."""
    tau_v, tau_a, tau_j = physics.tau_velocity, physics.tau_acceleration, physics.tau_jerk
    k = 1 / (tau_a - tau_v)
    e = k / (tau_j - tau_v)
    g1 = 1 / tau_v
    g2 = 1 / (tau_v * tau_a) - k * g1
    g3 = 1 / (tau_v * tau_a * tau_j) - g2 / (tau_j - tau_a) - e * g1
    m1, m2, m3 = g1 * np.exp(-t_s / tau_v), g2 * np.exp(-t_s / tau_a), g3 * np.exp(-t_s / tau_j)
    return np.array([m1, k * m1 + m2, e * m1 + m2 / (tau_j - tau_a) + m3])


def stepped(physics: Physics, t_s: np.ndarray, per_step: int) -> np.ndarray:
    """The same by stepping the three equations, `per_step` steps between two times."""
    v, a, j = 1 / physics.tau_velocity, 0.0, 0.0  # the impulse; what it does to a and j follows
    a = v / physics.tau_acceleration
    j = a / physics.tau_jerk
    step = (t_s[1] - t_s[0]) / per_step
    rows = [(v, a, j)]
    for _ in range((len(t_s) - 1) * per_step):
        dv = -v / physics.tau_velocity
        da = (dv - a) / physics.tau_acceleration
        dj = (da - j) / physics.tau_jerk
        v, a, j = v + step * dv, a + step * da, j + step * dj
        rows.append((v, a, j))
    return np.array(rows[::per_step]).T


physics, t_s = Physics(), np.linspace(0, 20, 201)
exact = impulse_response(physics, t_s)
for per_step in (1, 10, 100):
    error = np.abs(stepped(physics, t_s, per_step) - exact).max()
    print(f"stepped every {100 / per_step:5.1f} ms: off by at most {error:.1e}")

# %%
figure = Figure(figsize=(11, 3.2), layout="constrained")
for axes, values, name in zip(figure.subplots(1, 3), exact, ("velocity", "acceleration", "jerk"), strict=True):
    axes.plot(t_s, values)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set(xlabel="seconds after an amount of 1", title=name)
figure

# %% [markdown]
# ## The engine does it
#
# Three orders: a bid, an ask, and ten contracts more at the bid's price. What the engine says of that price three seconds later is
# what the formulas say.

# %%
records = np.zeros(3, MBO_DTYPE)
records["length"], records["rtype"], records["publisher_id"], records["instrument_id"] = 14, 160, 1, 17
records["ts_event"] = records["ts_recv"] = 1_770_000_000_000_000_000 + np.arange(3) * 1_000_000_000
records["order_id"], records["sequence"], records["flags"] = np.arange(1, 4), np.arange(1, 4), 128
records["price"], records["size"] = [5_000_000_000_000, 5_000_250_000_000, 5_000_000_000_000], [1, 1, 10]
records["action"], records["side"] = b"A", [b"B", b"A", b"B"]
engine = BookEngine(Instrument("ESH6", tick_size="0.25"), physics)
engine.apply(records)
state = engine.tick_state(5_000_000_000_000, int(records["ts_recv"][2]) + 3_000_000_000)
expected = impulse_response(physics, np.array([5.0]))[:, 0] + 10 * impulse_response(physics, np.array([3.0]))[:, 0]
for name, value in zip(("v_add", "a_add", "j_add"), expected, strict=True):
    print(f"{name} {state[name]:+.12f}, by the formulas {value:+.12f}")

# %% [markdown]
# ## The two forces
#
# Pressure is what builds up at a price, vacuum what thins out. With `v_rest`, the sum of the velocities of bid and ask depth:
#
# ```text
# pressure = c1 v_add  + c2 max(v_rest, 0) + c3 max(a_add, 0)
# vacuum   = c4 v_pull + c5 v_fill + c6 max(-v_rest, 0) + c7 max(a_pull, 0)
# ```
#
# The coefficients are 1, 0.5, 0.3 and 1, 1.5, 0.5, 0.3 unless a spec says otherwise. Both forces are never negative. Masses, the
# amounts that still count, decay by `exp(-dt/tau_rest_decay)`. Here are both forces of the best bid's price in a synthetic market, as
# the market comes to it and goes.

# %%
synthetic.write_market("market.dbn.zst", seed=7, minutes=2, effect=0.8, date="2026-02-06", start="09:40")
source = open_dbn("market.dbn.zst")
bins = list(replay(source, Instrument(source.symbol, tick_size="0.25"), warmup_s=0))
price_int = int(np.median([bin_.fields["best_bid_price_int"] for bin_ in bins]))
pressure, vacuum, ticks_below = np.zeros((3, len(bins)))
for i, bin_ in enumerate(bins):
    k = (price_int - int(bin_.fields["spot_ref_price_int"])) // 250_000_000
    row = int(np.clip(k + 50, 0, 100))
    pressure[i], vacuum[i] = bin_.cells["pressure_variant"][row], bin_.cells["vacuum_variant"][row]
    ticks_below[i] = -k
figure = Figure(figsize=(11, 4), layout="constrained")
above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
seconds = np.arange(len(bins)) / 10
above.plot(seconds, pressure, color="#2c7a45", label="pressure")
above.plot(seconds, vacuum, color="#7c4aa8", label="vacuum")
above.set(title="Both forces at one price", ylabel="contracts a second")
above.legend(loc="upper left")
below.step(seconds, ticks_below, color="black", linewidth=0.8)
below.set(xlabel="seconds", ylabel="ticks below spot")
figure

# %% [markdown]
# [The book](../book.md#flow-and-physics) has the rules where these definitions leave a choice, and
# [the spectrum](../spectrum.md) what is made of the two forces.
