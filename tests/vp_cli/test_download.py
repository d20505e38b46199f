"""`vp download` against a service on loopback: prices before orders, one message where something is wrong."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.batch_service import KEY, BatchServer, Service, trusted
from support.batch_service.market import two_roots
from support.packages import ROOT

from vp_cli.main import main
from vp_harness import open_lake
from vp_harness.execution.turns import only_one

Run = Callable[..., tuple[int, str, str]]
DAY = dt.date(2024, 3, 11)
DAYS = ("--date", "2024-03-11..2024-03-12")


@pytest.fixture
def service() -> Iterator[BatchServer]:
    with trusted(), BatchServer(Service(two_roots(DAY))) as server:
        yield server


@pytest.fixture
def vp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `vp download` with arguments, in a temporary lake: (exit code, stdout, stderr)."""
    (tmp_path / "configs" / "instruments").mkdir(parents=True)
    for name in ("instruments/es.yaml", "instruments/nq.yaml"):
        shutil.copyfile(ROOT / "configs" / name, tmp_path / "configs" / name)
    shutil.copyfile(ROOT / "configs/instruments/esh4.yaml", tmp_path / "configs/instrument.yaml")
    monkeypatch.setenv("VP_LAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("VP_CONFIG_ROOT", str(tmp_path / "configs"))
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vp", "download", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, out, err

    return run


@pytest.mark.parametrize("arguments", [("submit", *DAYS), ("poll",), ("daemon",)])
def test_without_a_key_one_message(vp: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.delenv("DATABENTO_API_KEY", raising=False)
    said = "vp: DATABENTO_API_KEY: is not set; put the key of your Databento account there\n"
    assert vp(*arguments) == (1, "", said)


def test_the_price_is_shown_and_nothing_is_ordered_without_consent(vp: Run, service: BatchServer) -> None:
    code, out, err = vp("submit", "ES", "NQ", *DAYS, "--gateway", service.url)
    assert code == 1
    assert err == "vp: 4 files for 11.20 USD: nothing was ordered; agree to the price (--yes)\n"
    assert [line.split() for line in out.splitlines()[2:4]] == [
        ["ES", "ESH4", "2024-03-11", "to", "order", "0", "2.800"],
        ["NQ", "NQH4", "2024-03-11", "to", "order", "0", "2.800"],
    ]
    code, out, err = vp("daemon", "ES", *DAYS, "--gateway", service.url, "--json")
    assert (code, err.count("\n")) == (1, 1)
    assert json.loads(out)["usd"] == pytest.approx(5.6)
    assert service.service.submitted == []


def test_a_limit_refuses_though_there_is_consent(vp: Run, service: BatchServer) -> None:
    code, _, err = vp("submit", "ES", "NQ", *DAYS, "--gateway", service.url, "--yes", "--max-usd", "11")
    assert (code, err) == (1, "vp: 4 files for 11.20 USD is more than 11.00: nothing was ordered (--max-usd)\n")
    assert service.service.submitted == []


def test_submit_poll_and_daemon(vp: Run, service: BatchServer, tmp_path: Path) -> None:
    code, out, _ = vp("submit", *DAYS, "--gateway", service.url, "--yes", "--max-usd", "5.61")
    assert code == 0
    assert out.count("ordered as job GLBX-") == 2
    code, out, _ = vp("poll", "--gateway", service.url, "--json")
    assert code == 0
    assert {row["state"] for row in json.loads(out)} == {"waiting"}
    code, out, err = vp("daemon", "--gateway", service.url, "--poll-s", "0.01", "--json")
    assert code == 0
    assert [(row["symbol"], row["state"]) for row in json.loads(out)] == [("ESH4", "stored")] * 2
    assert err.count("is in the lake") == 2
    found = [path.name for path in sorted((tmp_path / "lake").rglob("*.dbn.zst"))]
    assert found == ["esh4-20240311.mbo.dbn.zst", "esh4-20240312.mbo.dbn.zst"]
    code, out, err = vp("daemon", "ES", *DAYS, "--gateway", service.url)
    assert (code, err) == (0, "")
    assert out.startswith("0 files for 0.00 USD to order")


def test_the_second_daemon_says_that_there_is_one(vp: Run, service: BatchServer, tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    vp("submit", "--date", "2024-03-11", "--gateway", service.url, "--yes")
    with only_one(lake.turns_dir / "downloads.lock", "x"):
        code, out, err = vp("daemon", "--gateway", service.url)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "is at it" in err
        code, out, err = vp("poll", "--gateway", service.url)
        assert code == 0
        assert "is at it" in err
        assert "ordered as job" in out


def test_a_daemon_that_cannot_have_a_file_says_so_in_the_end(vp: Run, service: BatchServer) -> None:
    service.service.faults["batch.submit_job"] = ["refused"]
    code, out, err = vp("daemon", *DAYS, "--gateway", service.url, "--yes", "--poll-s", "0.01")
    assert code == 1
    assert "failed" in out
    assert "vp: 1 of 2 files cannot be had: ESH4 2024-03-11" in err
    assert vp("daemon", "--gateway", service.url)[0] == 0  # it said so once


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("submit",), "--date"),
        (("daemon", "ES"), "--date"),
        (("submit", *DAYS, "--max-usd", "-1"), "--max-usd"),
    ],
)
def test_wrong_usage(vp: Run, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = vp(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_a_root_that_no_file_describes(vp: Run, service: BatchServer) -> None:
    code, out, err = vp("submit", "ZZ", *DAYS, "--gateway", service.url)
    assert (code, out) == (1, "")
    assert "no instrument file has this symbol_root; there are ES, NQ" in err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX exit codes")
def test_an_interrupt_does_not_wait_for_a_download() -> None:
    script = """
import threading, time, typer, vp_harness.intake, vp_cli.main

app = typer.Typer()

@app.command()
def bring() -> None:
    threading.Thread(target=time.sleep, args=(60,), name=vp_harness.intake.CLIENT_THREADS + "_0").start()
    raise KeyboardInterrupt

vp_cli.main.app = app
vp_cli.main.main()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=50, check=False)
    assert ended.returncode == 130
