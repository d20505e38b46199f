"""Ranking reads of the rows what the order takes, and the rest of those alone that are asked for."""

import pytest

from vp_harness import SORTS, ParameterError, ResultsStore, compare, retire, run_experiment


@pytest.fixture
def store(own):
    result = run_experiment("small", own.lake, config_root=own.configs)
    retire([result.run_ids[0]], own.lake, reason="to be left out")
    return ResultsStore(own.lake)


def test_the_best_rows_and_some_columns_are_those_of_the_whole(store):
    for sort in SORTS:
        whole = compare(store, sort=sort, min_signals=0, retired=True)
        assert whole.height == 8
        assert compare(store, sort=sort, min_signals=0, retired=True, top_n=3).equals(whole.head(3))
        best = compare(store, sort=sort, min_signals=0, retired=True, best_per_run=True)
        assert best.equals(whole.unique("run_id", keep="first", maintain_order=True))
        for columns in (("threshold", "verdict"), ("signal", "ic", "confirm_tp_rate"), ("run_id",)):
            assert compare(store, sort=sort, min_signals=0, retired=True, columns=columns).equals(whole.select(columns))
    values = compare(store, min_signals=0)["statistic"].to_list()
    assert values == sorted(values, reverse=True)


def test_rows_of_some_runs(store):
    whole = compare(store, min_signals=0)
    assert whole.height == 6
    chosen = [whole["run_id"][0], whole["run_id"][-1], "none"]
    rows = compare(store, run_ids=chosen, min_signals=0)
    assert rows.equals(whole.filter(whole["run_id"].is_in(chosen)))
    assert compare(store, run_ids=[]).is_empty()
    with pytest.raises(ParameterError, match=r"columns='pnl': must be of run_id, .*ic_half_ms"):
        compare(store, columns=["pnl"])
