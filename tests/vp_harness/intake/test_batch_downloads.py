"""Batch downloads through the unmodified official client: prices, orders, their files, and a service that fails."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import runpy
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import databento_dbn
import msgspec
import pytest
from support.batch_service import FAULTS, FILE_FAULTS, KEY, BatchServer, Service, trusted
from support.batch_service.market import two_roots
from support.packages import ROOT

from vp_contract import InstrumentLock
from vp_harness import Lake, import_file
from vp_harness.errors import BusyError, DownloadError
from vp_harness.intake import (
    DatabentoApi,
    Downloads,
    Patience,
    Plan,
    StateFile,
    Wanted,
    days_of,
    is_stuck,
    locks_of,
    make_plan,
)
from vp_harness.intake.batch.api import TroubleError

DAY = dt.date(2024, 3, 11)
QUICK = Patience(first_s=0.005, longest_s=0.01, attempts=8, poll_s=0.01, settle_s=0.1)


@cache
def known_locks() -> list[InstrumentLock]:
    return locks_of(["ES", "NQ", "AAPL"], ROOT / "configs")


class World:
    """A lake, a service, and what was said."""

    def __init__(self, root: Path) -> None:
        self.lake = Lake(root / "lake")
        self.service = Service(two_roots(DAY), looks=1)
        self.lines: list[str] = []

    def serve(self) -> Iterator[World]:
        with trusted(), BatchServer(self.service) as server:
            self.server = server
            yield self

    @property
    def api(self) -> DatabentoApi:
        return DatabentoApi(KEY, self.server.url)

    def downloads(self, **changes: Any) -> Downloads:
        patience = replace(QUICK, **changes)
        return Downloads(self.lake, self.api, patience=patience, tell=self.lines.append)

    def plan(self, downloads: Downloads, *dates: str, roots: tuple[str, ...] = ("ES", "NQ")) -> Plan:
        locks = [lock for lock in known_locks() if lock.symbol_root in roots]
        return make_plan(self.api, self.lake, downloads.state, locks, days_of(dates), patience=QUICK)

    def run(self, *dates: str, roots: tuple[str, ...] = ("ES",)) -> list[Wanted]:
        with self.downloads() as downloads:
            downloads.want(self.plan(downloads, *dates, roots=roots))
            return downloads.run()

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.lake.root.rglob("*.dbn.zst"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from World(tmp_path).serve()


def test_the_front_contract_of_each_day_by_the_services_symbology(world: World) -> None:
    world.service.market.closed = frozenset({DAY + dt.timedelta(days=5)})
    with world.downloads() as downloads:
        plan = world.plan(downloads, "2024-03-11..2024-03-16")
    shown = [(row.symbol_root, row.date.day, row.wanted and row.wanted.symbol, row.standing) for row in plan.rows]
    assert shown[:2] == [("ES", 11, "ESH4", "to order"), ("NQ", 11, "NQH4", "to order")]
    assert shown[4:6] == [("ES", 13, "ESM4", "to order"), ("NQ", 13, "NQM4", "to order")]
    assert shown[-2:] == [("ES", 16, None, "no contract"), ("NQ", 16, None, "no contract")]
    assert plan.usd == pytest.approx(10 * 500 * 56 * 1e-4)
    assert world.service.submitted == []


def test_an_equity_has_one_symbol_and_a_day_without_trades_is_not_ordered(world: World) -> None:
    world.service.market.closed = frozenset({DAY})
    with world.downloads() as downloads:
        plan = world.plan(downloads, "2024-03-11", "2024-03-12", roots=("AAPL",))
    assert [(row.wanted and row.wanted.symbol, row.standing) for row in plan.rows] == [
        ("AAPL", "no data"),
        ("AAPL", "to order"),
    ]
    assert plan.to_order[0].dataset == "XNAS.ITCH"
    assert "symbology.resolve" not in world.service.asked


def test_files_are_in_the_lake_as_imported_ones_are(world: World, tmp_path: Path) -> None:
    (stored,) = world.run("2024-03-11")
    assert (stored.state, stored.symbol) == ("stored", "ESH4")
    (path,) = world.lake.root.rglob("esh4-20240311.mbo.dbn.zst")
    data = world.service.market.file("ESH4", DAY)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    copy = tmp_path / "same.dbn.zst"
    copy.write_bytes(data)
    other, found = import_file(tmp_path / "other", copy, stored.lock)
    assert other.with_name(other.name + ".json").read_bytes() == path.with_name(path.name + ".json").read_bytes()
    assert found.records >= 500
    assert not world.lake.downloads_dir.exists()


def test_a_second_run_asks_for_no_order_and_no_file(world: World) -> None:
    world.run("2024-03-11..2024-03-12", roots=("ES", "NQ"))
    world.service.asked.clear()
    assert {wanted.state for wanted in world.run("2024-03-11..2024-03-12", roots=("ES", "NQ"))} == {"stored"}
    assert set(world.service.asked) == {"symbology.resolve"}


def test_a_file_that_was_imported_by_hand_is_not_ordered(world: World, tmp_path: Path) -> None:
    path = tmp_path / "mine.dbn.zst"
    path.write_bytes(world.service.market.file("ESH4", DAY))
    import_file(world.lake, path, msgspec.structs.replace(known_locks()[0], symbol="ESH4"))
    assert world.run("2024-03-11") == []
    assert world.service.submitted == []


@pytest.mark.parametrize("request_name", ["batch.submit_job", "batch.list_jobs", "batch.get_job_details"])
def test_an_answer_that_fails_is_asked_for_again_and_nothing_is_ordered_twice(world: World, request_name: str) -> None:
    """Every fault after the other, on an account that has a job of its own."""
    world.service.faults[request_name] = list(FAULTS)
    other = {"dataset": "GLBX.MDP3", "symbols": "CLJ4", "start": "2024-03-11", "end": "2024-03-12", "schema": "mbo"}
    rest = dict.fromkeys(("stype_in", "stype_out", "encoding", "compression", "split_duration", "delivery"), "x")
    world.service.market.contracts["CL"] = [(DAY, "CLJ4")]
    world.service.submit({**other, **rest}, "")
    days = len(FAULTS) if request_name == "batch.submit_job" else 1
    stored = world.run(f"2024-03-11..2024-03-{10 + days}")
    assert [wanted.state for wanted in stored] == ["stored"] * days
    assert world.service.faults[request_name] == []
    assert len(set(world.service.submitted)) == len(world.service.submitted) == days + 1


@pytest.mark.parametrize(
    ("faults", "bad_copies"), [(["500", "cut", "429", "flipped"], 1), (["cut", "whole again", "cut"], 1)]
)
def test_a_file_that_comes_badly_is_brought_again(world: World, faults: list[str], bad_copies: int) -> None:
    assert set(faults) <= set(FILE_FAULTS)
    world.service.market.records = 2000
    world.service.faults["file"] = list(faults)
    (stored,) = world.run("2024-03-11")
    assert (stored.state, stored.bad_copies) == ("stored", bad_copies)
    assert world.service.faults["file"] == []
    assert world.files == ["esh4-20240311.mbo.dbn.zst"]


def test_a_download_goes_on_where_it_was_cut(world: World) -> None:
    world.service.market.records = 2000
    world.service.faults["file"] = ["cut"]
    world.run("2024-03-11")
    assert world.service.asked.count("file") == 2
    assert world.service.sent_bytes < 1.5 * len(world.service.market.file("ESH4", DAY))


def test_a_connection_that_brings_nothing_is_given_up_and_another_goes_on(world: World) -> None:
    world.service.market.records = 2000
    world.service.faults["file"] = ["stall"]
    api = DatabentoApi(KEY, world.server.url, stalled_s=0.3)
    with Downloads(world.lake, api, patience=QUICK, tell=world.lines.append) as downloads:
        downloads.want(world.plan(downloads, "2024-03-11", roots=("ES",)))
        (stored,) = downloads.run()
    assert stored.state == "stored"
    assert any("nothing came for 0 s" in line for line in world.lines)
    assert is_stuck()  # so that the command ends without waiting for it
    until = time.monotonic() + 20
    while is_stuck() and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_stuck()


def test_a_file_that_is_never_what_the_service_says_fails_after_some_copies(world: World) -> None:
    world.service.faults["file"] = ["flipped"] * 20
    (failed,) = world.run("2024-03-11")
    assert (failed.state, failed.bad_copies) == ("failed", 5)
    assert "sha256" in failed.note
    assert world.files == []


def _other_schema(world: World) -> None:
    world.service.market.schema = databento_dbn.Schema.TRADES


def _other_day(world: World) -> None:
    later = two_roots(DAY).file("ESH4", DAY + dt.timedelta(days=1))
    world.service.market._made["ESH4", DAY] = later


def _other_symbol(world: World) -> None:
    world.service.market._made["ESH4", DAY] = two_roots(DAY).file("NQH4", DAY)


def _no_file(world: World) -> None:
    world.service.market._made["ESH4", DAY] = b"text"


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (_other_schema, "schema is trades"),
        (_other_day, "20240311 were ordered"),
        (_other_symbol, "ESH4"),
        (_no_file, "neither DBN nor zstd"),
    ],
)
def test_what_is_whole_and_not_what_was_ordered_fails_and_stays_out(
    world: World, prepare: Callable[[World], None], words: str
) -> None:
    prepare(world)
    (failed,) = world.run("2024-03-11")
    assert failed.state == "failed"
    assert words in failed.note
    assert world.files == []


def test_a_job_that_makes_no_file_fails_and_is_ordered_anew_when_agreed_to(world: World) -> None:
    with world.downloads() as downloads:
        downloads.want(world.plan(downloads, "2024-03-11", "2024-03-12", roots=("ES",)))
        downloads.order()
        first = world.service.jobs[downloads.state.all()[0].job_id or ""]
        first.details["state"] = "expired"
        found = downloads.run()
        assert [wanted.state for wanted in found] == ["failed", "stored"]
        assert "is expired" in found[0].note
    assert {wanted.state for wanted in world.run("2024-03-11")} == {"stored"}
    assert world.service.submitted.count(("ESH4", "2024-03-11")) == 2


def test_an_order_that_is_refused_fails_alone(world: World) -> None:
    world.service.faults["batch.submit_job"] = ["refused"]
    found = world.run("2024-03-11", "2024-03-12")
    assert [wanted.state for wanted in found] == ["failed", "stored"]
    assert "not there yet" in found[0].note


def test_an_account_that_cannot_pay_ends_it_and_nothing_is_lost(world: World) -> None:
    world.service.faults["batch.submit_job"] = ["no money"]
    with pytest.raises(DownloadError, match="402 billing_limit"):
        world.run("2024-03-11")
    with StateFile(world.lake.downloads_path) as state:
        assert [wanted.state for wanted in state.all()] == ["planned"]
    with world.downloads() as downloads:
        assert [wanted.state for wanted in downloads.run()] == ["stored"]


@pytest.mark.parametrize(("failures", "least", "most"), [(1, 0.5, 1.0), (4, 4.0, 8.0), (99, 150.0, 300.0)])
def test_waits_grow_to_a_limit_and_keep_to_what_the_service_asks(failures: int, least: float, most: float) -> None:
    assert least <= Patience().wait_s(failures, None) <= most
    assert Patience().wait_s(failures, 400.0) == 400.0


@pytest.mark.parametrize("header", ["1", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_wait_that_the_service_asks_for_is_told(world: World, header: str) -> None:
    world.service.retry_after = header
    world.service.faults["batch.list_jobs"] = ["429"]
    with pytest.raises(TroubleError) as told:
        world.api.jobs()
    assert told.value.too_many
    assert told.value.retry_after_s == (1.0 if header == "1" else 0.0)


def test_a_wrong_key_is_told_without_showing_it(world: World) -> None:
    key = "db-wrongwrongwrongwrongwrongwrong"
    api = DatabentoApi(key, world.server.url)
    with pytest.raises(DownloadError, match=r"401 auth_authentication_failed.*DATABENTO_API_KEY") as told:
        api.price("GLBX.MDP3", "ESH4", DAY)
    assert key not in str(told.value)


def test_without_the_official_client_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "databento", None)
    with pytest.raises(DownloadError, match=r"need the official client .*pip install 'vp-harness\[download\]'"):
        DatabentoApi(KEY)


def test_a_service_that_is_not_there_is_one_error(world: World) -> None:
    api = DatabentoApi(KEY, "https://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"the list of jobs: .*refused"):
        api.jobs()
    with pytest.raises(DownloadError, match="gateway"):
        DatabentoApi(KEY, "")


def test_a_job_in_the_list_is_used_though_the_state_file_is_gone(world: World) -> None:
    with world.downloads() as downloads:
        downloads.want(world.plan(downloads, "2024-03-11", roots=("ES",)))
        downloads.order()
    world.lake.downloads_path.unlink()
    assert [wanted.state for wanted in world.run("2024-03-11")] == ["stored"]
    assert world.service.submitted == [("ESH4", "2024-03-11")]
    assert any("which was there" in line for line in world.lines)


def test_an_order_that_made_no_job_is_sent_again_only_after_a_while(world: World) -> None:
    with world.downloads() as downloads:
        downloads.want(world.plan(downloads, "2024-03-11", roots=("ES",)))
        (wanted,) = downloads.state.all()
        assert downloads.state.submitting(wanted)  # killed before the order went out
        assert not downloads.state.submitting(wanted)
    with world.downloads(settle_s=600, poll_s=0.01) as downloads:
        downloads.poll()
        assert world.service.submitted == []
    with world.downloads() as downloads:
        assert [wanted.state for wanted in downloads.run()] == ["stored"]
    assert "made no job" in " ".join(world.lines)


def test_one_at_a_time(world: World) -> None:
    with (
        world.downloads(),
        pytest.raises(BusyError, match=r"downloads into .*: process \d+ on .* is at it"),
        world.downloads(),
    ):
        pass
    with world.downloads() as downloads:
        assert downloads.run() == []


@pytest.mark.parametrize("damage", [b"text that is no database, but as long as the head of one " * 3, b""])
def test_a_state_file_that_is_none_is_one_error(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "downloads.sqlite"
    path.write_bytes(damage)
    if not damage:  # as new
        StateFile(path).close()
        return
    with pytest.raises(DownloadError, match=r"cannot be used .*list of the account's jobs"):
        StateFile(path)


def test_a_state_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "downloads.sqlite"
    StateFile(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=9")
    database.close()
    with pytest.raises(DownloadError, match="later version"):
        StateFile(path)


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (["yesterday"], "is no day"),
        (["2024-03-12..2024-03-11"], "before the first"),
        (["2024-03-11.."], "is no day"),
        (["2999-01-01"], "is not over"),
    ],
)
def test_days_that_are_none(dates: list[str], words: str) -> None:
    with pytest.raises(DownloadError, match=words):
        days_of(dates)


def test_days_are_taken_once_and_in_order() -> None:
    assert [day.day for day in days_of(["2024-03-12", "2024-03-11..2024-03-13"])] == [11, 12, 13]


def test_a_root_without_an_instrument_file_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"root='XX'.*AAPL.*ES.*NQ"):
        locks_of(["XX"], ROOT / "configs")
    text = (ROOT / "configs" / "instruments" / "es.yaml").read_text()
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "a.yaml").write_text(text)
    (tmp_path / "instruments" / "b.yaml").write_text(text.replace("0.25", "0.5"))
    with pytest.raises(DownloadError, match=r"differs from .*a.yaml"):
        locks_of(["ES"], tmp_path)
    (tmp_path / "instrument.yaml").write_text(text)
    assert locks_of(["ES", "ES"], tmp_path) == [
        msgspec.convert(
            {
                "product_type": "future_mbo",
                "symbol": "ESM6",
                "symbol_root": "ES",
                "tick_size": "0.25",
                "contract_multiplier": 50,
            },
            InstrumentLock,
        )
    ]


def test_the_example_of_the_page_runs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "batch.py"
    script.write_text(
        block.replace("gateway = None", f"gateway = {world.server.url!r}", 1).replace(
            'Downloads("lake", api, tell=print)', 'Downloads("lake", api, tell=print, patience=quick)', 1
        )
    )
    runpy.run_path(str(script), {"quick": QUICK})
    printed = capsys.readouterr().out
    assert printed.startswith("10 files for 28.00 USD\n")
    assert printed.count("is in the lake") == 10
