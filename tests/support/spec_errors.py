"""The page of spec errors, made by making the errors.

    python -m support.spec_errors > ../docs/spec-errors.md      # in tests/

Each example is a line of a spec that is right, the same line made wrong, and what reading the file says then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from vp_contract import (
    SpecError,
    VpContractError,
    load_campaign,
    load_chain,
    load_experiment,
    load_instrument,
    load_pipeline,
    load_serving,
)

FILES = {
    "configs/instrument.yaml": """\
product_type: future_mbo
symbol: SYNM6
symbol_root: SYN
tick_size: 0.25
contract_multiplier: 50
price_decimals: 2
""",
    "configs/pipelines/open.yaml": """\
name: open
capture:
  product_type: future_mbo
  symbol: SYNM6
  dt: 2026-02-06
  start_time: 09:25
  end_time: 09:55
pipeline:
  tau_velocity: 1.5
  flow_windows: [5, 10]
""",
    "configs/serving/open.yaml": """\
name: open
pipeline: open
scoring:
  tanh_scale: 3.0
  derivative_weights: [0.6, 0.3, 0.1]
signal:
  name: derivative
  params: {zscore_window_bins: 240}
projection:
  horizons_ms: [500, 1000]
""",
    "configs/experiments/open.yaml": """\
name: open
serving: open
eval:
  tp_ticks: 8
  sl_ticks: 4
  max_hold_bins: 1200
sweep:
  scoring:
    tanh_scale: [2.0, 3.0]
parallel:
  executor: local
""",
    "configs/campaigns/year.yaml": """\
name: year
pipeline: open
dates: [2026-02-05, 2026-02-06]
axes:
  grid_radius_ticks: [25, 50]
bundles:
  quick: {tau_velocity: 1.0}
""",
}


class Example(NamedTuple):
    """`right` of a file replaced by `wrong`."""

    title: str
    file: str
    right: str
    wrong: str


PIPELINE, SERVING, EXPERIMENT = (f"configs/{kind}/open.yaml" for kind in ("pipelines", "serving", "experiments"))
INSTRUMENT, CAMPAIGN = "configs/instrument.yaml", "configs/campaigns/year.yaml"

EXAMPLES = (
    Example("A mistyped field", PIPELINE, "tau_velocity: 1.5", "tau_velocty: 1.5"),
    Example("A field that belongs elsewhere", PIPELINE, "tau_velocity: 1.5", "tanh_scale: 3.0"),
    Example("A missing field", PIPELINE, "  symbol: SYNM6\n", ""),
    Example("A wrong type", PIPELINE, "tau_velocity: 1.5", "tau_velocity: fast"),
    Example("A number outside its range", PIPELINE, "tau_velocity: 1.5", "tau_velocity: -1"),
    Example("Not a finite number", PIPELINE, "tau_velocity: 1.5", "tau_velocity: .nan"),
    Example("A wrong entry of a list", PIPELINE, "[5, 10]", "[5, ten]"),
    Example("A list that is too short", SERVING, "[0.6, 0.3, 0.1]", "[0.6, 0.3]"),
    Example("A name that is none", PIPELINE, "name: open", "name: Open Market"),
    Example("A file with another name inside", PIPELINE, "name: open", "name: close"),
    Example("A date that is not in the calendar", PIPELINE, "2026-02-06", "2026-02-30"),
    Example(
        "Several dates beside a single one", PIPELINE, "  dt: 2026-02-06\n", "  dt: 2026-02-06\n  dates: [2026-02-05]\n"
    ),
    Example("A day twice", PIPELINE, "dt: 2026-02-06", "dates: [2026-02-06, 2026-02-05, 2026-02-06]"),
    Example("No date", PIPELINE, "  dt: 2026-02-06\n", ""),
    Example("A time that is no time", PIPELINE, "09:25", "9:25"),
    Example("A tolerance that there is not", PIPELINE, "09:55", "09:55\n  on_damage: skip"),
    Example("A key twice", PIPELINE, "  dt: 2026-02-06\n", "  dt: 2026-02-06\n  dt: 2026-02-07\n"),
    Example("Broken YAML", PIPELINE, "[5, 10]", "[5, 10"),
    Example("A tab", PIPELINE, "  dt:", "\tdt:"),
    Example("Another instrument than the lock's", PIPELINE, "symbol: SYNM6", "symbol: ESH4"),
    Example("A spec that no file has", SERVING, "pipeline: open", "pipeline: opne"),
    Example("A parameter the signal does not have", SERVING, "zscore_window_bins: 240", "window: 240"),
    Example("A horizon that is not a whole number of bins", SERVING, "[500, 1000]", "[250, 1000]"),
    Example("Values that contradict one another", PIPELINE, "tau_velocity: 1.5", "tau_velocity: 6.0"),
    Example("An axis that nothing accepts", EXPERIMENT, "tanh_scale: [2.0, 3.0]", "scale: [2.0, 3.0]"),
    Example("A value of an axis that its field refuses", EXPERIMENT, "[2.0, 3.0]", "[2.0, 0]"),
    Example("A value of an axis twice", EXPERIMENT, "[2.0, 3.0]", "[2.0, 2.0]"),
    Example("A latency longer than a position", EXPERIMENT, "max_hold_bins: 1200", "max_hold_bins: 1"),
    Example("A word that is none of those allowed", EXPERIMENT, "executor: local", "executor: cloud"),
    Example(
        "A place for a tracking that there is not",
        EXPERIMENT,
        "executor: local",
        "executor: local\ntracking: {uri: http://mlflow:5000}",
    ),
    Example("A field for another choice", EXPERIMENT, "executor: local", "executor: local\n  address: tcp://a:1"),
    Example("A tick that the decimals cannot show", INSTRUMENT, "price_decimals: 2", "price_decimals: 1"),
    Example("A tick that is no price", INSTRUMENT, "tick_size: 0.25", "tick_size: 0.00000000025"),
    Example("A fee below 0", INSTRUMENT, "price_decimals: 2\n", "price_decimals: 2\nfee_per_side: -1.25\n"),
    Example("A bucket that is not whole ticks", INSTRUMENT, "price_decimals: 2", "bucket_size_dollars: 0.30"),
    Example("An axis that a bundle sets too", CAMPAIGN, "tau_velocity: 1.0", "grid_radius_ticks: 30"),
    Example("A date twice", CAMPAIGN, "[2026-02-05, 2026-02-06]", "[2026-02-06, 2026-02-06]"),
)

_LOADERS: dict[str, Callable[[Any], object]] = {
    INSTRUMENT: load_instrument,
    PIPELINE: load_pipeline,
    SERVING: load_serving,
    EXPERIMENT: load_experiment,
    CAMPAIGN: load_campaign,
}


def message(example: Example) -> str:
    """What is said of an example. Raises ValueError when nothing is."""
    with TemporaryDirectory() as folder:
        for name, text in FILES.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == example.file:
                if text.count(example.right) != 1:
                    raise ValueError(f"{example.title}: {example.right!r} is not once in {name}")
                text = text.replace(example.right, example.wrong)
            path.write_text(text, encoding="utf-8")
        try:
            _LOADERS[example.file](Path(folder) / example.file)
            load_chain(Path(folder) / "configs", experiment="open")
        except (SpecError, VpContractError) as error:
            return str(error).replace(f"{folder}/", "")
    raise ValueError(f"{example.title}: nothing is wrong with it")


def page() -> str:
    """The whole page."""
    parts = [
        "# What specs say when they are wrong\n\n"
        "One line: file, line, field, what is wrong and what is allowed; nothing runs before every spec of a chain is\n"
        "right. Each text below is what reading the file says (`tests/support/spec_errors.py` makes this page, and a\n"
        "test holds it to that).\n"
    ]
    for example in EXAMPLES:
        wrong = example.wrong.strip() or "(nothing)"
        parts.append(
            f"\n## {example.title}\n\n```yaml\n{example.right.strip()}\n```\n\nmade\n\n```yaml\n{wrong}\n```\n\n"
            f"```\n{message(example)}\n```\n"
        )
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
