"""A row on several days by the other clock: cut day by day, judged together as it was, carried as it was."""

import json
import sys
from typing import Any

import msgspec
import pytest
from support.learned_quick import QUICK
from support.small_days import DAYS

from vp_cli.main import main
from vp_contract import SweepSpec, load_experiment
from vp_harness import ResultsStore, clock_sensitivity, compare, run_experiment
from vp_harness.errors import CoverageError
from vp_harness.research import clock


@pytest.fixture
def by_capture(monkeypatch):
    """The other clock is the capture's own: whatever is judged by it must be what it was."""
    real = vars(clock)["scored_bins"]
    monkeypatch.setattr(clock, "scored_bins", lambda config, files, *, queue, clock: real(config, files, queue=queue))


def test_days_are_cut_one_by_one_and_judged_together(days, monkeypatch, capsys):
    run_experiment("days", days.lake, config_root=days.configs)
    best = compare(ResultsStore(days.lake), experiment="days").row(0, named=True)
    monkeypatch.setenv("VP_LAKE_ROOT", str(days.lake.root))
    monkeypatch.setattr(sys, "argv", ["vp", "compare", "--experiment", "days", "--clock-sensitivity", "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    found = json.loads(capsys.readouterr().out)
    assert (found["run_id"], found["threshold"]) == (best["run_id"], best["threshold"])
    assert [day["date"] for day in found["days"]] == list(DAYS)
    for name in ("bins", "bins_changed", "events", "events_same", "events_event"):
        assert sum(day[name] for day in found["days"]) == found[name], name
    assert found["bins"] == 3 * 3600
    assert found["bins_changed"] > 0
    assert all(0 < day["events_same"] <= day["events"] for day in found["days"])


def test_by_the_clock_of_the_capture_nothing_changes_and_what_was_carried_is(own_days, by_capture, monkeypatch):
    spec = load_experiment(own_days.configs / "experiments" / "days.yaml")
    quick = {name: (value,) for name, value in QUICK["lsvm_der"].items()} | {"train_from_bins": (1500,)}
    axes: Any = {"lsvm_der": {**quick, "refit_bins": (1500,), "thresholds": (0.2,)}}
    spec = msgspec.structs.replace(spec, sweep=SweepSpec(per_signal=axes), dates=tuple(DAYS)[:2], carry=True)
    (run_id,) = run_experiment(spec, own_days.lake, config_root=own_days.configs).run_ids
    assert ResultsStore(own_days.lake).run(run_id).carry
    found = clock_sensitivity(run_id, 0.2, own_days.lake)
    assert found.bins_changed == 0
    assert found.events == found.events_same == found.events_event > 0
    assert (found.choose_event, found.confirm_event) == (found.choose, found.confirm)
    assert all(day.events == day.events_same for day in found.days)

    short = vars(clock)["scored_bins"]
    monkeypatch.setattr(clock, "scored_bins", lambda *given, **named: list(short(*given, **named))[:-2])
    with pytest.raises(
        CoverageError, match="by ts_event its files end after 3598 of 3600 bins; take a run on a capture"
    ):
        clock_sensitivity(run_id, 0.2, own_days.lake)
