# %% [markdown]
# # Judge a signal
#
# A signal is one number a bin. Whether it says something of the market that follows is a question with traps: it may have seen
# the future, it may be the best of many that were tried, it may pay less than it costs. This notebook goes through them on a
# synthetic market in which order flow leads the price.
#
# `pip install vp-harness matplotlib` is all that it needs.

# %%
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from vp_book.synthetic import write_market
from vp_contract import load_instrument
from vp_harness import (
    Dataset,
    ResultsStore,
    compare,
    equity_of,
    generate,
    import_file,
    open_lake,
    run_experiment,
    signals,
)

specs = {
    "configs/instrument.yaml": "{product_type: future_mbo, symbol: SYNM6, symbol_root: SYN, tick_size: 0.25}",
    "configs/pipelines/small.yaml": """
        name: small
        capture: {product_type: future_mbo, symbol: SYNM6, dt: 2026-02-06, start_time: "09:42", end_time: "09:57"}
        pipeline: {}""",
    "configs/serving/small.yaml": """
        {name: small, pipeline: small, scoring: {}, signal: {name: imbalance, params: {}}}""",
    "configs/experiments/small.yaml": """
        name: small
        serving: small
        eval: {warmup_bins: 300, tp_ticks: 4, sl_ticks: 4, max_hold_bins: 300, cooldown_bins: 20, min_signals: 10}
        sweep:
          per_signal:
            imbalance: {thresholds: [0.35, 0.65]}
            ofi: {thresholds: [0.35, 0.65]}
            trade_flow: {thresholds: [0.2, 0.4]}""",
}
for name, text in specs.items():
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")

lake = open_lake("lake")
write_market("market.dbn.zst", seed=7, minutes=17, effect=0.8, date="2026-02-06", start="09:40")
import_file(lake, "market.dbn.zst", load_instrument("configs/instrument.yaml"))
dataset = Dataset.open(lake, generate("small", lake, config_root="configs"))
print(dataset.n_bins, "bins, sound:", dataset.sound)

# %% [markdown]
# ## Its values
#
# `compute` gives one value a bin, the same numbers that a server sends when the signal is promoted.

# %%
imbalance = signals.create("imbalance", span_bins=5)
values = imbalance.compute(dataset)
print(values.shape, np.percentile(values, [5, 50, 95]).round(3))

# %% [markdown]
# ## Does it look ahead?
#
# Whoever reads the future wins. `signals.check` replaces what comes after a bin, and no value before may change. Every run of
# an experiment does this first, and refuses a signal that does not pass.

# %%
report = signals.check(imbalance, dataset)
print("imbalance:", report.ok, "-", sum(check.compared for check in report.checks), "values compared")


class Ahead(type(imbalance)):  # type: ignore[misc]
    """The same half a second early: what no signal can know."""

    def compute(self, dataset: Dataset) -> np.ndarray:
        """The values of five bins later."""
        return np.concatenate([super().compute(dataset)[5:], np.zeros(5)])


report = signals.check(Ahead(), dataset)
print("the same early:", report.ok, "-", report.checks[-1].reason)

# %% [markdown]
# ## Run the experiment
#
# Each signal at each threshold is a row. The day is split: a row is chosen by the first part and confirmed by the second.
# `p_corrected` asks how often the best of all these rows would look as good if its events had nothing to do with the prices.

# %%
result = run_experiment("small", lake, config_root="configs")
store = ResultsStore(lake)
rows = compare(store, experiment="small", sort="p_corrected", min_signals=10)
rows.select(
    "signal",
    "threshold",
    "verdict",
    pl.col("p_corrected").round(3),
    pl.col("n_signals").alias("events"),
    pl.col("net_pnl_ticks").round(2).alias("net ticks"),
    pl.col("confirm_net_pnl_ticks").round(2).alias("confirmed net ticks"),
)

# %%
best = rows.row(0, named=True)
print("best:", best["signal"], "at", best["threshold"], "-", best["verdict"], "-", best["doubt"] or "no doubt")

# %% [markdown]
# ## Before anything is traded
#
# The rank correlation of the signal with the move of the mid that follows, by horizon, and the mean move in each tenth of its
# values. A signal that knows something has a staircase.

# %%
known = store.information([best["run_id"]]).filter(pl.col("part") == "choose").sort("horizon_ms")
figure = Figure(figsize=(11, 3.6), layout="constrained")
left, right = figure.subplots(1, 2)
horizon_s = known["horizon_ms"].to_numpy() / 1000
left.fill_between(horizon_s, known["ic_low"].to_numpy(), known["ic_high"].to_numpy(), alpha=0.25)
left.plot(horizon_s, known["ic"].to_numpy(), marker="o")
left.axhline(0, color="grey", linewidth=0.8)
left.set(xscale="log", xlabel="horizon, s", ylabel="rank correlation", title="What it says of the move that follows")
at_best = known.filter(pl.col("horizon_ms") == pl.col("best_horizon_ms")).row(0, named=True)
right.bar(np.arange(1, 11), at_best["decile_ticks"])
right.set(
    xlabel="tenth of its values", ylabel="mean move, ticks", title=f"Move over {at_best['horizon_ms'] / 1000:g} s"
)
figure

# %% [markdown]
# ## What it earns
#
# The sum of all trades of the best row. `mid` trades at the mid, which nobody can; `cross` buys the ask and sells the bid;
# `queue` joins the queue and waits. The events of the second half were never looked at while the row was chosen.

# %%
trades = store.trades(best["run_id"], best["threshold"])
figure = Figure(figsize=(11, 3.6), layout="constrained")
axes = figure.subplots()
first_ns = int(dataset.bins["bin_start_ns"][0])
for model in ("mid", "cross", "queue"):
    times, total = equity_of(trades, model)
    axes.step((times - first_ns) / 60e9, total, where="post", label=f"{model}, {len(total)} trades")
axes.axhline(0, color="grey", linewidth=0.8)
axes.set(xlabel="minutes", ylabel="ticks", title="Sum of the trades, by how an order is filled")
axes.legend(loc="upper left")
figure

# %% [markdown]
# A proven row can be promoted: `vp promote small --run-id RUN --alias NAME`, or `vp_harness.promote`. [Research](../research.md)
# explains every figure, and [calibration](../calibration.md) how often the verdict is wrong.
