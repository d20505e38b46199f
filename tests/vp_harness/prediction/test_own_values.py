"""What values of one's own say, with nothing stored: the figures of a run, and what is refused."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from vp_harness import Dataset, HorizonFigures, ParameterError, ResultsStore, information, run_experiment, signals


@pytest.fixture
def dataset(research):
    return Dataset.open(research.lake, research.dataset_id)


def test_they_are_the_figures_that_a_run_stores(own, research):
    shutil.copytree(research.lake.root, own.lake.root, dirs_exist_ok=True)
    run_id = run_experiment("small", own.lake, config_root=own.configs).run_ids[0]
    store = ResultsStore(own.lake)
    run, stored = store.run(run_id), store.information([run_id])
    dataset = Dataset.open(own.lake, run.dataset_id)
    values = signals.create(run.signal, **json.loads(run.params_json)).compute(dataset)
    for part in ("choose", "confirm"):
        rows = stored.filter(pl.col("part") == part).to_dicts()
        horizons = [row["horizon_ms"] / 1000 for row in rows]
        ends = {"first": getattr(run, f"{part}_first"), "end": getattr(run, f"{part}_end")}
        found = information(values, dataset, horizons, **ends)
        assert [figures.horizon_ms for figures in found.horizons] == [row["horizon_ms"] for row in rows]
        for figures, row in zip(found.horizons, rows, strict=True):
            assert figures == HorizonFigures(**{name: row[name] for name in HorizonFigures.__struct_fields__})


def test_without_horizons_they_are_those_of_the_curve(dataset):
    values = signals.create("imbalance").compute(dataset)
    found = information(values.tolist(), dataset)
    assert [figures.horizon_ms for figures in found.horizons] == [100, 200, 500, 1000, 2000, 5000, 10_000]
    assert "imbalance" in found.after
    own = information(values, dataset, signal="imbalance")
    assert "imbalance" not in own.after
    of_own, of_found = own.horizons[3], found.horizons[3]
    assert of_own.ic == of_found.ic
    assert of_found.partial_ic is None  # nothing is left of an imbalance after the imbalance
    assert information(np.zeros(dataset.n_bins), dataset, [1, 0.5, 1]).horizons[0].horizon_ms == 500


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": np.zeros(3)}, r"values has the shape \(3,\): must be \(\d+,\)"),
        ({"horizons_s": [0.25]}, "horizons_s has 0.25: must be whole bins of 100 ms"),
        ({"horizons_s": [0]}, "horizons_s has 0: must be whole bins"),
        ({"horizons_s": [float("nan")]}, "horizons_s has nan: must be whole bins"),
        ({"horizons_s": [1, 3600]}, r"horizons_s has 3600: \d+ bins measure [\d.]+ s at most"),
        ({"first": 50, "end": 50}, "first=50, end=50: must be in order"),
        ({"end": 10**9}, "end=1000000000: must be in order"),
    ],
)
def test_what_it_refuses(dataset, change, reason):
    arguments = {"values": np.zeros(dataset.n_bins), "horizons_s": [1.0]} | change
    with pytest.raises(ParameterError, match=reason):
        information(arguments.pop("values"), dataset, **arguments)
