"""Bins cut by the venue's clock: the same as those of a file whose capture times are the venue's."""

import numpy as np
import pytest
import zstandard
from support.small_lake import import_market, write_configs

from vp_book import Instrument, ParameterError, open_dbn, replay
from vp_harness import Lake, ResultsStore, clock_sensitivity, compare, run_experiment
from vp_harness.errors import ParameterError as HarnessParameterError

SNAPSHOT = 32


def by_venue(path):
    """All records of a file with `ts_event` for `ts_recv`, but those of its snapshot."""
    records = np.concatenate(list(open_dbn(path)))
    live = records["flags"] & SNAPSHOT == 0
    assert live.any()
    assert not live.all()
    records["ts_recv"][live] = records["ts_event"][live]
    return records


def test_a_source_by_event_time_has_that_of_every_live_record(market_file):
    found = np.concatenate(list(open_dbn(market_file, clock="ts_event", chunk_records=1000)))
    assert np.array_equal(found, by_venue(market_file))
    assert not np.array_equal(found, np.concatenate(list(open_dbn(market_file))))


def test_clocks_that_there_are_not_and_checkpoints_of_the_other_one_are_refused(market_file, tmp_path):
    with pytest.raises(ParameterError, match="clock='venue': must be 'ts_recv' or 'ts_event'"):
        open_dbn(market_file, clock="venue")  # type: ignore[arg-type]
    source = open_dbn(market_file, clock="ts_event")
    with pytest.raises(ParameterError, match="is of a source with clock ts_recv; here it is ts_event"):
        replay(source, Instrument("SYNM6", "0.25"), start_ns=source.start_ns, checkpoint=tmp_path / "book")


@pytest.fixture
def lagged(market_file, tmp_path):
    """The market as it reaches a capture 40 ms later, and the same bytes by the venue's clock: two files."""
    data = zstandard.ZstdDecompressor().decompressobj().decompress(market_file.read_bytes())
    records = np.concatenate(list(open_dbn(market_file)))
    records["ts_event"][records["flags"] & SNAPSHOT == 0] -= np.uint64(40_000_000)
    paths = tmp_path / "lagged.mbo.dbn", tmp_path / "venue.mbo.dbn"
    header = data[: len(data) - records.nbytes]
    paths[0].write_bytes(header + records.tobytes())
    paths[1].write_bytes(header + by_venue(paths[0]).tobytes())
    return paths


def tried(folder, path):
    """A lake with the market of a file, on which the experiment was run."""
    lake, configs = Lake(folder / "lake"), write_configs(folder / "configs")
    spec = configs / "experiments" / "small.yaml"
    text = spec.read_text().replace("[60, 80]", "[80]").replace("[0.05, 0.2]", "[0.05]").replace("[5, 20]", "[5]")
    spec.write_text(text)
    import_market(lake, configs, path)
    run_experiment("small", lake, config_root=configs)
    return lake


def test_a_row_by_the_other_clock_is_that_of_a_file_by_the_other_clock(lagged, tmp_path):
    lake, other = (tried(tmp_path / path.name[:6], path) for path in lagged)
    best = compare(ResultsStore(lake), min_signals=0).row(0, named=True)
    found = clock_sensitivity(best["run_id"], best["threshold"], lake)
    assert found.choose.net_pnl_ticks == best["net_pnl_ticks"]
    assert 20 < found.bins_changed < found.bins == 1800
    assert found.events_same < min(found.events, found.events_event)

    rows = compare(ResultsStore(other), min_signals=0)
    assert (rows.height, rows["params_json"][0]) == (1, best["params_json"])
    row = rows.row(0, named=True)
    for prefix, metrics in (("", found.choose_event), ("confirm_", found.confirm_event)):
        for name in ("n_signals", "n_up", "tp_rate", "mean_pnl_ticks", "net_pnl_ticks", "queue_filled"):
            assert getattr(metrics, name) == row[prefix + name], (prefix, name)

    with pytest.raises(HarnessParameterError, match=r"threshold=9\.0: run .* has none of it"):
        clock_sensitivity(best["run_id"], 9.0, lake)
