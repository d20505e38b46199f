"""A small synthetic market in a lake of its own, with the configs that replay it: a second or two from file to run."""

from pathlib import Path

from vp_book.synthetic import write_market
from vp_contract import PublishedServing, ServingSource, load_chain, load_instrument, serving_id_of
from vp_harness import (
    Lake,
    ResultsStore,
    compare,
    import_file,
    open_registry,
    promote,
    run_experiment,
    source_options,
)
from vp_harness.execution.pipeline import conformance_digests
from vp_registry import ResolvedServing

CONFIGS = {
    "instrument.yaml": """
product_type: future_mbo
symbol: SYNM6
symbol_root: SYN
tick_size: 0.25
contract_multiplier: 50
grid_radius_ticks: 10
n_absolute_ticks: 1024
flow_zscore_window_bins: 60
flow_zscore_min_periods: 20
projection_horizons_ms: [500]
""",
    "pipelines/small.yaml": """
name: small
capture: {product_type: future_mbo, symbol: SYNM6, dt: 2026-02-06, start_time: "09:27", end_time: "09:30"}
pipeline: {}
""",
    "serving/small.yaml": """
name: small
pipeline: small
scoring: {}
signal: {name: derivative, params: {zscore_window_bins: 80, zscore_min_periods: 20}}
""",
    "experiments/small.yaml": """
name: small
serving: small
eval: {warmup_bins: 100, tp_ticks: 3, sl_ticks: 2, max_hold_bins: 100, cooldown_bins: 5, min_signals: 2}
sweep:
  per_signal:
    derivative:
      zscore_window_bins: [60, 80]
      thresholds: [0.05, 0.2]
      cooldown_bins: [5, 20]
""",
}


def write_configs(root: Path) -> Path:
    for name, text in CONFIGS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "serving_versions").mkdir(exist_ok=True)
    return root


def write_small_market(path: Path) -> Path:
    """A five-minute synthetic session as a DBN file."""
    write_market(path, seed=7, minutes=5, effect=0.8, date="2026-02-06", start="09:26")
    return path


def import_market(lake: Lake, configs: Path, market: Path) -> Path:
    """Bring the market into a lake."""
    return import_file(lake, market, load_instrument(configs / "instrument.yaml"))[0]


def promote_small(lake: Lake, configs: Path, alias: str = "small") -> ResolvedServing:
    """Run the experiment and promote its best row, proven or not."""
    run_experiment("small", lake, config_root=configs)
    best = compare(ResultsStore(lake), experiment="small", min_signals=0).row(0, named=True)
    return promote(
        best["run_id"],
        alias,
        lake,
        config_root=configs,
        threshold=best["threshold"],
        accept_unproven=True,
        reason="test",
    )


def publish_small(lake: Lake, configs: Path, name: str = "small") -> PublishedServing:
    """Publish the serving `name` under an alias of that name, without research, on its raw files as they are now."""
    runtime = load_chain(configs, serving=name).config
    run_id = "0123456789abcdef"
    serving = PublishedServing(
        serving_id=serving_id_of(name, run_id, runtime),
        created_utc="2026-02-07T12:00:00Z",
        source=ServingSource(run_id=run_id, experiment=name, dataset_id="synm6_test", threshold=0.2),
        runtime=runtime,
        sources=source_options(runtime, lake),
        versions={},
        digests=dict(conformance_digests()),
    )
    registry = open_registry(lake.root, configs)
    registry.promote(name, serving, actor="test")
    registry.close()
    return serving
