"""Whatever is wrong, the command says so in one line on stderr and exits with 1; a traceback only under --debug."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.dbn_files import metadata, write_dbn
from support.packages import ROOT
from support.records import T0, nonsense, record, stream

from vp_book import DbnFormatError
from vp_cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def vp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `vp` with arguments, in a temporary lake and a copy of the specs: (exit code, stdout, stderr)."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.setenv("VP_LAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("VP_CONFIG_ROOT", str(tmp_path / "configs"))
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vp", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def one_line(result: tuple[int, str, str], *words: str, code: int = 1) -> None:
    exit_code, out, err = result
    assert exit_code == code
    assert out == ""
    assert err.startswith("vp: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err


@pytest.mark.parametrize("command", ["doctor", "import"])
class TestFiles:
    def test_missing(self, vp: Run, command: str) -> None:
        one_line(vp(command, "absent.dbn"), "absent.dbn")

    def test_not_dbn(self, vp: Run, command: str, tmp_path: Path) -> None:
        path = tmp_path / "notes.dbn"
        path.write_text("these are not market data")
        one_line(vp(command, str(path)), "notes.dbn", "neither DBN nor zstd")

    def test_truncated(self, vp: Run, command: str, tmp_path: Path) -> None:
        records = nonsense(1, 100)
        records["ts_recv"] = T0 + np.arange(100)
        path = write_dbn(tmp_path / "cut.dbn", records, metadata({"SYNM6": 17077}))
        path.write_bytes(path.read_bytes()[:-20])
        code, out, err = vp(command, str(path))
        assert (code, err.count("\n")) == (1, 1)
        for words in ("cut.dbn", "at byte", "99 whole records"):
            assert words in err
        assert bool(out) == (command == "doctor")  # which looks at what there is

    def test_other_schema(self, vp: Run, command: str, tmp_path: Path) -> None:
        import databento_dbn

        path = tmp_path / "trades.dbn"
        path.write_bytes(metadata({"SYNM6": 1}, schema=databento_dbn.Schema.TRADES))
        one_line(vp(command, str(path)), "schema is trades, only mbo")


def test_import_of_another_instrument_names_both(vp: Run, tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "es.dbn", stream(record("A")), metadata({"ESH4": 17077}))
    one_line(vp("import", str(path)), "SYNM6", "ESH4")


def test_generate_without_the_raw_file(vp: Run) -> None:
    one_line(vp("generate", "demo"), "no raw file of SYNM6", "vp import")


def test_generate_for_another_instrument_names_both(vp: Run) -> None:
    one_line(vp("generate", "esh4_reopen"), "ESH4", "SYNM6", "VP_INSTRUMENT_CONFIG_PATH")


def test_unknown_specs_list_those_there_are(vp: Run) -> None:
    one_line(vp("generate", "nothing"), "nothing.yaml", "demo", "esh4_reopen")
    one_line(vp("run", "nothing"), "nothing.yaml", "demo")


def test_a_wrong_spec_is_told_with_file_line_and_field(vp: Run, tmp_path: Path) -> None:
    path = tmp_path / "configs" / "pipelines" / "demo.yaml"
    path.write_text(path.read_text().replace("end_time: 09:55", "end_time: 9:05"))
    one_line(vp("generate", "demo"), "demo.yaml:", "end_time")


def test_unknown_run_dataset_and_alias(vp: Run) -> None:
    one_line(vp("promote", "demo", "--run-id", "0" * 16, "--alias", "x"), "no finished run")
    one_line(vp("verify", "dataset", "nothing"), "no dataset 'nothing'")
    one_line(vp("aliases", "history", "nothing"), "nothing")
    one_line(vp("aliases", "history", "x", "--at", "yesterday"), "--at 'yesterday' is not an ISO 8601 time")


def test_an_unknown_sort_lists_what_is_allowed(vp: Run) -> None:
    one_line(vp("compare", "--sort", "luck"), "luck", "tp_rate", "p_corrected")


@pytest.mark.parametrize("option", ["--experiment", "--signal", "--dataset-id"])
def test_a_name_that_no_run_has_is_no_empty_ranking(vp: Run, option: str) -> None:
    one_line(vp("compare", option, "nosuch"), "nosuch", "no run of it is stored", "there are: none")


def test_a_place_for_tracking_without_a_backend_is_refused(vp: Run, tmp_path: Path) -> None:
    path = tmp_path / "configs" / "experiments" / "demo.yaml"
    path.write_text(path.read_text().replace("backend: none", "uri: sqlite:///runs.db"))
    one_line(vp("run", "demo"), "demo.yaml:41: tracking.uri: is only for backend mlflow, which here is none")


def test_debug_shows_the_traceback(vp: Run) -> None:
    with pytest.raises(DbnFormatError):
        vp("--debug", "doctor", "absent.dbn")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("generate",), ("Missing argument 'pipeline'", "`vp generate --help`")),
        (("nothing",), ("nothing", "`vp --help`")),
        (("generate", "demo", "more"), ("more",)),
        (("campaign", "demo", "--workers", "0"), ("--workers", "1")),
        (("campaign", "demo", "--executor", "cloud"), ("--executor", "cloud", "local", "processes", "dask")),
        (("config", "show", "demo", "--kind", "stream"), ("--kind", "experiment", "serving", "pipeline")),
        (("verify", "dataset"), ("dataset_id", "`vp verify dataset --help`")),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(vp: Run, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    code, out, err = vp(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("vp: ")
    for word in words:
        assert word in err


def test_a_command_without_its_subcommand_shows_the_help(vp: Run) -> None:
    code, out, err = vp("verify")
    assert (code, err) == (2, "")
    assert "dataset" in out


def test_tables_are_not_folded_where_no_terminal_is(vp: Run, tmp_path: Path) -> None:
    _, out, _ = vp("config", "show", "demo")
    assert out.startswith("experiment demo, config_version ")
    (line,) = [line for line in out.splitlines() if line.startswith("state_model_center_exclusion_radius ")]
    assert "default" in line
    assert f"{tmp_path}/configs/serving/demo.yaml:" in out


def test_empty_results_are_an_empty_table(vp: Run) -> None:
    assert vp("compare", "--json")[:2] == (0, "[]\n")
    assert vp("aliases", "list", "--json")[:2] == (0, "[]\n")
    assert vp("list-datasets", "--json")[:2] == (0, "[]\n")


def test_doctor_without_a_spec_takes_the_tick_from_the_prices(vp: Run, tmp_path: Path) -> None:
    records = stream(
        record("A", "B", 100, 5, order_id=1, flags=0),
        record("A", "A", 103, 7, order_id=2),
        record("C", "A", 103, 3, order_id=2, ts=10),
    )
    path = write_dbn(tmp_path / "unknown.dbn", records, metadata({"NEWZ9": 17077}))
    code, out, _ = vp("doctor", str(path), "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["best_ask"] == {"price": 25.75, "size": 4}
    assert facts["flow"] == {"add": 12, "pull": 3, "fill": 0}
    assert facts["certificate_ok"]
    assert (facts["damage"], facts["capture"]) == (None, None)
    assert (facts["seams"], facts["reasons"], facts["anomalies"]) == ([], [], {})


def test_list_signals(vp: Run) -> None:
    code, out, _ = vp("list-signals", "--json")
    assert code == 0
    assert "derivative" in [row["signal"] for row in json.loads(out)]


@pytest.mark.parametrize("arguments", [("bench", "book", "--records", "0"), ("bench", "book", "--repeat", "0")])
def test_a_bench_of_nothing_is_refused(vp: Run, arguments: tuple[str, ...]) -> None:
    one_line(vp(*arguments), "greater than or equal to 1", code=2)
