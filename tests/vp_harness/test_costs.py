"""What a round trip pays: the experiment says it, or else the fee of the instrument file, and every page says which."""

from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from support.small_lake import write_configs

from vp_contract import ExperimentSpec, InstrumentLock, load_experiment, load_instrument
from vp_harness import ResultsStore, compare, dry_run, run_experiment, write_report
from vp_harness.evaluation.costs import cost_words, fee_text
from vp_harness.execution.generate import code_versions
from vp_harness.execution.pipeline import conformance_digests
from vp_harness.lake.manifest import canonical_json
from vp_stream.http.experiments import StoredExperiments

FEE = "0.2 ticks a round trip, the fee of 1.25 a contract and side in the instrument file"
SAID = "0.4 ticks a round trip, as the experiment says"
NONE = "0 ticks a round trip: neither the experiment nor the instrument file names a cost"


def spec_of(own, **evaluation) -> ExperimentSpec:
    """A row of `imbalance`, judged as `small` is but for what is given."""
    spec: Any = msgspec.to_builtins(load_experiment(own.configs / "experiments" / "small.yaml"))
    spec["eval"].update(evaluation)
    spec["sweep"] = {"per_signal": {"imbalance": {"thresholds": [0.35]}}}
    return msgspec.convert(spec, ExperimentSpec)


def ran(own, **evaluation):
    """The run and its ranked row."""
    result = run_experiment(spec_of(own, **evaluation), own.lake, config_root=own.configs)
    store = ResultsStore(own.lake)
    rows = compare(store, min_signals=0)
    (run_id,) = result.run_ids
    return store.run(run_id), rows.filter(rows["run_id"] == run_id).row(0, named=True)


def set_fee(own, text):
    write_configs(own.configs)
    file = own.configs / "instrument.yaml"
    file.write_text(f"{file.read_text()}fee_per_side: {text}\n")


def test_a_fee_is_paid_told_and_part_of_the_id_and_none_leaves_ids_alone(own):
    run, free = ran(own)
    decides = {
        "dataset_id": run.dataset_id,
        "runtime": msgspec.json.decode(run.runtime_json),
        "signal": "imbalance",
        "params": {},
        "thresholds": [0.35],
        "eval": {
            "warmup_bins": 100,
            "tp_ticks": 3,
            "sl_ticks": 2,
            "max_hold_bins": 100,
            "cooldown_bins": 5,
            "allow_overlap": False,
            "latency_bins": 1,
            "cost_ticks": 0.0,
            "min_signals": 2,
            "split": {"choose_fraction": 0.6, "embargo_bins": None},
        },
        "vp_harness": code_versions()["vp-harness"],
        "digests": conformance_digests(),
    }
    assert run.config_hash == sha256(canonical_json(decides)).hexdigest()
    assert ran(own, cost_ticks=0.0)[0] == run  # whoever says so pays as much: the same run
    assert (run.cost_from, run.fee_per_side, free["cost"]) == ("instrument", "0", NONE)

    set_fee(own, "1.250")
    assert dry_run(spec_of(own), own.lake, config_root=own.configs).costs == (FEE,)
    dear, paid = ran(own)
    assert dear.dataset_id == run.dataset_id
    assert dear.run_id != run.run_id
    assert msgspec.json.decode(dear.eval_json)["cost_ticks"] == 0.2
    assert (dear.cost_from, dear.fee_per_side, paid["cost"]) == ("instrument", "1.25", FEE)
    for part in ("", "confirm_"):
        assert paid[f"{part}n_signals"] == free[f"{part}n_signals"]
        assert paid[f"{part}net_pnl_ticks"] == pytest.approx(free[f"{part}net_pnl_ticks"] - 0.2)
        assert paid[f"{part}mean_pnl_ticks"] == free[f"{part}mean_pnl_ticks"]
    html = write_report(dear.run_id, own.lake).read_text()
    assert f"Besides the spread a trade pays {FEE}." in html
    assert f"of costs ({FEE})" in html
    nothing_served: Any = SimpleNamespace(aliases_by_run=dict)
    assert StoredExperiments(ResultsStore(own.lake), nothing_served).detail(dear.run_id).cost == FEE

    said, row = ran(own, cost_ticks=0.4)  # what an experiment says counts, whatever the instrument's fee is
    assert (said.cost_from, said.fee_per_side, row["cost"]) == ("experiment", "", SAID)
    assert row["net_pnl_ticks"] == pytest.approx(free["net_pnl_ticks"] - 0.4)


def test_an_axis_says_it_too(own):
    set_fee(own, "1.25")
    spec: Any = msgspec.to_builtins(spec_of(own))
    spec["sweep"] = {"per_signal": {"imbalance": {"cost_ticks": [0.0, 1]}, "ofi": {"thresholds": [0.5]}}}
    costs = dry_run(msgspec.convert(spec, ExperimentSpec), own.lake, config_root=own.configs).costs
    said = "ticks a round trip, as the experiment says"
    assert costs == (f"0 {said}", "1 tick a round trip, as the experiment says", FEE)


def test_words(own):
    assert cost_words(0.4, "", "") == "0.4 ticks a round trip"
    shares = "0.7 ticks a round trip, the fee of 0.0035 a share and side in the instrument file"
    assert cost_words(0.7, "instrument", "0.0035", "shares") == shares
    lock: InstrumentLock = load_instrument(own.configs / "instrument.yaml")
    assert fee_text(lock) == "0"
    set_fee(own, "10.00")
    assert fee_text(load_instrument(own.configs / "instrument.yaml")) == "10"
