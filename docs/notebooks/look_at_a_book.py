# %% [markdown]
# # Look at a book
#
# A market-by-order file has every order. This notebook replays one with `vp_book` alone: the book at a moment, the queue at a
# price, the book each second, what became of every order, and a stretch as a picture.
#
# `pip install 'vp-book[plot,polars]'` is all that it needs. The market is a synthetic one; put your own file in the place of
# `market.dbn.zst`.

# %%
import numpy as np
import polars as pl

from vp_book import BookEngine, Instrument, lifetimes, open_dbn, plot, replay, snapshots, synthetic, to_polars

synthetic.write_market("market.dbn.zst", seed=7, minutes=5, effect=0.8, date="2026-02-06", start="09:40")
source = open_dbn("market.dbn.zst")
instrument = Instrument(source.symbol, tick_size="0.25")
source

# %% [markdown]
# ## The book at a moment
#
# An engine takes records, and can be asked at any time. Its value in a notebook is the ladder: asks over bids.

# %%
engine = BookEngine(instrument)
for records in source:
    engine.apply(records)
engine

# %% [markdown]
# The certificate says whether the book can be believed: what flowed in must be what rests, on every level.

# %%
certificate = engine.certificate()
print("ok:", certificate["ok"], "- records:", certificate["records"], "- reasons:", certificate["reasons"])

# %% [markdown]
# ## The queue at the best bid
#
# Orders stand in the order in which they are filled. An order in the middle of the queue waits for those ahead of it.

# %%
best = engine.bbo()
order_ids, sizes = engine.orders("bid", best.bid_price_int)
middle = int(order_ids[len(order_ids) // 2])
print(len(order_ids), "orders with", sizes.sum(), "contracts; the first ones have", sizes[:8])
print("of the order in the middle:", engine.queue_position(middle))

# %% [markdown]
# ## The book each second
#
# `snapshots` reads the best levels at regular moments in one pass over the file. Prices are integers of 1e-9; the tick is
# `instrument.tick_int` of them.

# %%
table = snapshots(source, instrument, every_ns=1_000_000_000, levels=3)
seconds = to_polars(table).select(
    pl.from_epoch("ts_ns", time_unit="ns").alias("time"),
    pl.col("bid_size").alias("bid sizes, best first"),
    pl.col("ask_size").alias("ask sizes, best first"),
    spread_ticks=(pl.col("ask_price_int").arr.first() - pl.col("bid_price_int").arr.first()) // instrument.tick_int,
)
seconds.tail(5)

# %% [markdown]
# ## What became of every order
#
# `lifetimes` has a row an order: when it came, behind what, and how it ended. Here are the orders that stood at the best price
# at some time, and did not come with the snapshot at the head of the file.

# %%
orders = to_polars(lifetimes(source, instrument)).filter(pl.col("touched_ns") >= 0, ~pl.col("in_snapshot"))
orders.group_by("outcome").agg(
    pl.len().alias("orders"),
    pl.col("size_ahead").median().alias("size ahead, median"),
    (pl.col("duration_ns").median() / 1e9).round(2).alias("seconds, median"),
).sort("orders", descending=True)

# %% [markdown]
# ## A bin
#
# `replay` cuts the time into bins of 100 ms, and reads the physics of every price around the market at the end of each. The
# value of a bin is a strip: bids on the left of the line and asks on the right of it, pressure green, vacuum purple.

# %%
bins = list(replay(source, instrument, warmup_s=60, grid_radius_ticks=25))
bins[-1]

# %%
last = bins[-1].to_polars().filter(pl.col("k").abs() <= 2)
last.select("k", "bid_depth", "ask_depth", pl.col("v_add", "v_pull", "v_fill").round(2))

# %% [markdown]
# ## A stretch as a picture
#
# Displayed depth above, pressure less vacuum below, the best bid and ask over both.

# %%
plot.draw(bins[-600:], instrument, height_in=6.5)

# %% [markdown]
# The same as arrays: how deep the book was on average, by the distance from its best price.

# %%
found = plot.stretch(bins[-600:], instrument)
ticks_below = np.rint((found.best_bid[None, :] * 1e9 - found.price_int[:, None]) / instrument.tick_int)
for distance in range(5):
    print(f"{distance} ticks below the best bid: {found.bid_depth[ticks_below == distance].mean():6.1f} contracts")
