"""Which commands there are, where each is, and what it does in a line.

Their modules import engine, harness and server, which takes seconds. A command is imported when it runs; its name and
its line must be at hand before, for `vp --help` and for completion. A test holds this table to the commands themselves.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """A command: the module of `vp_cli.commands` that registers it, and the first paragraph of its help."""

    module: str
    help: str


COMMANDS: Final = {
    "demo": Entry(
        "demo",
        "Make a synthetic market day, a dataset, an experiment of several signals, promote its winner and serve it.",
    ),
    "doctor": Entry(
        "doctor",
        "Decode a file to its end or damage, replay its book, print the integrity facts; exit code 1 if they fail.",
    ),
    "import": Entry(
        "data",
        "Check a replay file whole and copy it into the lake; without a pipeline nothing wrong with it is taken.",
    ),
    "download": Entry("feeds.download", "Order days of a market of Databento by batch, and bring them into the lake."),
    "generate": Entry(
        "data", "Make the immutable dataset of a pipeline, or find it made; of a pipeline with several dates one a day."
    ),
    "list-datasets": Entry(
        "data", "List the datasets of the lake: size, status, where they come from and what rests on them."
    ),
    "campaign": Entry(
        "research.campaign",
        "Make the datasets of a pipeline over dates, bundles and axes; goes on where an earlier time stopped.",
    ),
    "publish": Entry(
        "research.campaign",
        "Copy a dataset with all that another researcher needs: README, data dictionary, citation, example.",
    ),
    "warm-cache": Entry(
        "cache", "Build the book checkpoint of a pipeline, so that streaming it starts at its first bin."
    ),
    "warm-stream": Entry(
        "cache",
        "Encode the frame log of a serving, so that no client waits for its engine; "
        "one that is there is checked whole.",
    ),
    "run": Entry(
        "research.experiment",
        "Run an experiment: generate what it needs, judge every point of its sweep, store the rows.",
    ),
    "compare": Entry(
        "research.runs",
        "Rank all rows ever tried: chosen on the first part, confirmed on the rest, corrected for the search.",
    ),
    "promote": Entry("research.runs", "Publish a run as an immutable serving and point an alias at it."),
    "retire": Entry(
        "research.runs",
        "Take runs out of the count of trials, openly: which, who and why is recorded and shown with every verdict.",
    ),
    "trades": Entry(
        "research.runs",
        "The trades of a run, recomputed from its events: sides, times, prices, outcome and pnl under each fill model.",
    ),
    "report": Entry(
        "research.runs", "Write the report of a run: one HTML file with its evidence, figures, charts and trades."
    ),
    "list-signals": Entry(
        "research.signals",
        "List the signals that can be run, of this package and of plug-ins, with what they read and take.",
    ),
    "online-sim": Entry(
        "research.signals", "Step a signal through a dataset one bin at a time, and measure each step."
    ),
    "analyze": Entry("research.analyze", "What a dataset is like: its spectrum, regimes, other projections."),
    "serve": Entry("serving", "Serve promoted servings and the page until interrupted."),
    "live": Entry(
        "feeds.live", "Serve a promoted serving on the live feed of today's market, and record all that comes."
    ),
    "config": Entry("config", "Specs and what they resolve to."),
    "schema": Entry("schema", "Print the JSON Schema of what a command prints with --json, or of all of them."),
    "verify": Entry("verify", "Check stored things against their checksums, and streams against datasets."),
    "aliases": Entry("aliases", "Published servings by alias: list, move, roll back, look up."),
    "bench": Entry("bench", "Measure speed on this machine."),
}
"""By name, in the order of the help."""
