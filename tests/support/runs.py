"""Finished runs to store, with nothing in them to measure."""

from typing import Any

from vp_harness.evaluation.measures import Measures
from vp_harness.research.records import Run, ThresholdRow

NOTHING: dict[str, Any] = {
    name: (0 if name.startswith("n_") else 0.0 if name in ("events_per_hour", "breakeven_tp_rate") else None)
    for name in Measures.__struct_fields__
}
EMPTY = Measures(**NOTHING)


def a_run(number, experiment="demo"):
    run = Run(
        run_id=f"{number:016x}",
        experiment=experiment,
        dataset_id="d",
        signal="derivative",
        params_json="{}",
        eval_json="{}",
        runtime_json="{}",
        config_hash="0" * 64,
        versions_json="{}",
        choose_first=0,
        choose_end=10,
        confirm_first=12,
        confirm_end=20,
        elapsed_s=0.5,
        created_utc="2026-02-06T00:00:00Z",
    )
    rows = [
        ThresholdRow(threshold=t, choose=EMPTY, confirm=EMPTY, event_bins=[1, 5], event_directions=[1, -1])
        for t in (0.1, 0.2)
    ]
    return run, rows
