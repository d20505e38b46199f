# %% [markdown]
# # Look at a dataset
#
# A dataset is what research reads: bins, and a grid of scored cells around the market. This notebook makes a small one of a
# synthetic market, and looks at it with polars, NumPy and matplotlib.
#
# `pip install vp-harness matplotlib` is all that it needs. With a lake of your own begin at `Dataset.open`.

# %%
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from vp_book.synthetic import write_market
from vp_contract import load_instrument
from vp_harness import Dataset, generate, import_file, open_lake
from vp_harness.analysis import directional_regimes

specs = {
    "configs/instrument.yaml": "{product_type: future_mbo, symbol: SYNM6, symbol_root: SYN, tick_size: 0.25}",
    "configs/pipelines/small.yaml": """
        name: small
        capture: {product_type: future_mbo, symbol: SYNM6, dt: 2026-02-06, start_time: "09:42", end_time: "09:47"}
        pipeline: {}""",
}
for name, text in specs.items():
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")

lake = open_lake("lake")
write_market("market.dbn.zst", seed=7, minutes=7, effect=0.8, date="2026-02-06", start="09:40")
import_file(lake, "market.dbn.zst", load_instrument("configs/instrument.yaml"))
dataset = Dataset.open(lake, generate("small", lake, config_root="configs"))
print(dataset.n_bins, "bins,", 2 * dataset.config.grid_radius_ticks + 1, "cells each, sound:", dataset.sound)

# %% [markdown]
# ## The bins
#
# One row a bin. What is asked for is read, and nothing else of the file.

# %%
dataset.scan_bins().select(
    "bin_seq", "mid_price", "best_bid_size", "best_ask_size", "buy_volume", "sell_volume", "book_valid"
).tail(5).collect()

# %% [markdown]
# ## The grid
#
# `dataset.grid(column)` is an array of bins by cells; row `k` is `k` cells above spot. Here the flow score of half a minute:
# what builds up is positive, what thins out negative.

# %%
radius, stretch = dataset.config.grid_radius_ticks, slice(dataset.n_bins - 300, dataset.n_bins)
score = dataset.grid("flow_score", stretch.start, stretch.stop)
figure = Figure(figsize=(11, 4.5), layout="constrained")
axes = figure.subplots()
image = axes.imshow(
    score.T, origin="lower", aspect="auto", cmap="PRGn", vmin=-1, vmax=1, extent=(0, 30, -radius - 0.5, radius + 0.5)
)
figure.colorbar(image, ax=axes, label="flow score", pad=0.01)
axes.set(xlabel="seconds", ylabel="cells above spot", title="Flow score, by time and distance from spot")
figure

# %% [markdown]
# A score of 0 may say that nothing happened, or that a cell has no history yet.

# %%
scores = dataset.grid("flow_score")
distance = np.abs(np.arange(-radius, radius + 1))
pl.DataFrame(
    {
        "cells from spot": ["0 to 3", "4 to 11", "12 and more"],
        "mean size of the score": [
            float(np.abs(scores[:, near]).mean().round(3))
            for near in (distance <= 3, (distance > 3) & (distance <= 11), distance > 11)
        ],
        "share that is 0": [
            float((scores[:, near] == 0).mean().round(3))
            for near in (distance <= 3, (distance > 3) & (distance <= 11), distance > 11)
        ],
    }
)

# %% [markdown]
# ## Passive orders
#
# `dataset.fills` says of every bin what would have become of a one-lot order that joins the best price at its end. The mid
# moves against an order that is filled: this is what it pays for not crossing the spread.

# %%
dataset.fills.group_by("side", maintain_order=True).agg(
    pl.len().alias("orders"),
    pl.col("ahead").median().alias("ahead, median"),
    pl.col("wait_bins").is_not_null().mean().round(3).alias("share filled"),
    (pl.col("wait_bins").median() * 0.1).alias("seconds, median"),
    pl.col("move_1s_ticks").mean().round(3).alias("move after 1 s, ticks"),
)

# %% [markdown]
# ## Regimes
#
# Which way the ticks near spot lean, averaged over a window, and how the mid moved after it. Nothing of this is judged. What
# looks like something is a reason to [judge a signal](judge_a_signal.md).

# %%
for regime in directional_regimes(dataset, bands=[4], windows=[25, 50, 100]):
    edge = (
        f"{regime.edge_ticks:+.2f} ticks [{regime.edge_low:+.2f}, {regime.edge_high:+.2f}]" if regime.moves > 4 else ""
    )
    print(f"window {regime.window_bins:3}: up {regime.up:.0%}, down {regime.down:.0%}, edge {edge}")
