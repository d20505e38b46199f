"""Three synthetic days whose planted effect fades, in a lake of their own: a few seconds from files to runs."""

from pathlib import Path

from support.small_lake import import_market, write_configs
from vp_book.synthetic import write_market
from vp_harness import Lake

DAYS = {"2026-02-04": 0.9, "2026-02-05": 0.9, "2026-02-06": 0.0}
"""The strength of the planted effect by date."""
CLOSED = "2026-02-07"
"""A day without a raw file."""


EXPERIMENT = """
name: days
serving: small
eval: {warmup_bins: 100, tp_ticks: 3, sl_ticks: 3, max_hold_bins: 100, cooldown_bins: 5, min_signals: 10, split: by_day}
sweep:
  per_signal:
    depth_imbalance: {thresholds: [0.2, 0.35]}
    imbalance: {thresholds: [0.3, 0.6]}
"""


def write_days(lake: Lake, root: Path) -> Path:
    """Bring the market of every day into a lake; returns a config root below `root` whose pipeline names them all."""
    configs = write_configs(root / "configs")
    file = configs / "pipelines" / "small.yaml"
    text = file.read_text().replace("dt: 2026-02-06", f"dates: [{', '.join([CLOSED, *reversed(DAYS)])}]")
    file.write_text(text.replace('"09:30"', '"09:33"'), encoding="utf-8")
    experiment = configs / "experiments" / "days.yaml"
    experiment.write_text(EXPERIMENT, encoding="utf-8")
    for number, (date, effect) in enumerate(DAYS.items()):
        market = root / f"{date}.dbn.zst"
        write_market(market, seed=11 + number, minutes=8, effect=effect, date=date, start="09:26")
        import_market(lake, configs, market)
    return configs
