"""The live feed from a gateway on loopback: what is recorded, which bins come, and what happens when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import databento
import databento_dbn
import numpy as np
import pytest
from support.book_oracle import OracleBook
from support.dbn_files import head_snapshot
from support.live_gateway import KEY, FakeGateway, Step, error, heartbeat, mapping, paced, session_head, system
from support.records import T0, orderly, record, stream

from vp_book import Bin, DbnFormatError, FeedError, Instrument, LiveBins, ParameterError, open_dbn, replay
from vp_book.live import FeedClock, FeedRequest, FeedSession, Recorder, Recording, api_key

MS = 1_000_000
SECOND = 1000 * MS
DAY_NS = 86_400 * SECOND
INSTRUMENT = Instrument("TEST", "0.25")
SMALL: dict[str, Any] = {"cell_width_ms": 10, "grid_radius_ticks": 10, "n_absolute_ticks": 1024}
ID = 17077


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    """No gateway waits for compilers."""
    LiveBins(INSTRUMENT, **SMALL).push(orderly(1, 300))


def bits(bins: Iterable[Bin]) -> list[tuple[object, ...]]:
    """Every bit of some bins."""
    return [(repr(b.fields), *(c.tobytes() for c in b.cells.values()), b.pressure.tobytes()) for b in bins]


def request_of(gateway: FakeGateway, **changes: Any) -> FeedRequest:
    host, port = gateway.address
    return FeedRequest("GLBX.MDP3", ("TEST",), **{"key": KEY, "gateway": host, "port": port, **changes})


def listen(session: FeedSession, request: FeedRequest, until: Callable[[], bool], timeout_s: float = 20) -> None:
    """Run a session until something holds."""

    async def run() -> None:
        task = asyncio.ensure_future(session.run(request))
        try:
            async with asyncio.timeout(timeout_s):
                while not until() and not task.done():
                    await asyncio.sleep(0.005)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(run())


def opening(ts_ns: int = T0) -> bytes:
    return session_head(ts_ns) + mapping("TEST", ID, ts_ns)


def later(records: np.ndarray, ns: int) -> np.ndarray:
    """The same records, so much later."""
    out = records.copy()
    out["ts_recv"] += np.uint64(ns)
    out["ts_event"] += np.uint64(ns)
    return out


def after_a_gap(before: np.ndarray, gap_ns: int, seed: int) -> np.ndarray:
    """A snapshot of the book that some records leave, and what follows it."""
    book = OracleBook()
    for row in before:
        book.apply(row)
    at = int(before["ts_recv"][-1]) + gap_ns
    return np.concatenate([head_snapshot(book, at), later(orderly(seed, 300, first_id=10_000), at - T0 + MS)])


# the gateway itself


def test_the_official_client_talks_to_the_gateway() -> None:
    records = orderly(1, 50)
    script: list[Step] = [opening(), records.tobytes()[:1000], 0.01, records.tobytes()[1000:], heartbeat(), "close"]
    with FakeGateway([script]) as gateway:
        client = databento.Live(key=KEY, gateway="127.0.0.1", port=gateway.address[1])
        client.subscribe("GLBX.MDP3", "mbo", ["TEST"], stype_in="raw_symbol", snapshot=True)
        got = [one for one in client if isinstance(one, databento_dbn.MBOMsg)]
        assert b"".join(map(bytes, got)) == records.tobytes()
        asked = gateway.wait(0).subscriptions
        assert (asked[0]["schema"], asked[0]["symbols"], asked[0]["snapshot"]) == ("mbo", "TEST", "1")


def test_the_gateway_refuses_a_wrong_key() -> None:
    with FakeGateway([]) as gateway:
        client = databento.Live(key="db-" + "9" * 29, gateway="127.0.0.1", port=gateway.address[1])
        with pytest.raises(databento.BentoError, match="Authentication failed"):
            client.subscribe("GLBX.MDP3", "mbo", ["TEST"])


# what is recorded and shown


def played(
    tmp_path: Path, scripts: Sequence[Iterable[Step]], until: Callable[[FeedSession], bool], **asked: Any
) -> tuple[FeedSession, list[Bin], FakeGateway]:
    bins: list[Bin] = []
    live = LiveBins(INSTRUMENT, hold_back_ms=20, **SMALL, **asked)
    recorder = Recorder(tmp_path / "recording", {"symbol": "TEST"})
    session = FeedSession({"TEST": live}, recorder, lambda name, closed: bins.extend(closed))
    with FakeGateway(scripts) as gateway:
        listen(session, request_of(gateway), lambda: until(session))
    return session, bins, gateway


def recorded(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "recording")


def replayed(recording: Recording) -> list[Bin]:
    return list(recording.bins(LiveBins(INSTRUMENT, hold_back_ms=20, **SMALL)))


def test_what_is_recorded_is_what_was_sent_and_replays_to_the_same_bins(tmp_path: Path) -> None:
    """At ten times its pace, with a slow stretch, late packets, an event whose end comes late, and heartbeats."""
    first, second = orderly(1, 300), later(orderly(2, 300, first_id=5_000), 600 * MS)
    late = stream(
        *(record("A", "B", 19_990, 3, order_id=90_000 + n, ts=330 * MS) for n in range(3)),
        record("T", "A", 19_999, 1, ts=900 * MS, flags=0),
    )
    ending = stream(record("N", "N", ts=900 * MS), record("N", "N", ts=1_400 * MS))

    def script() -> Iterator[Step]:
        yield opening()
        yield from paced(first, 10, step_s=0.005)
        yield system("Slow reader")
        yield 0.3
        yield late[:3].tobytes()
        yield from paced(second, 10)
        yield late[3:].tobytes()[:30]
        yield 0.02
        yield late[3:].tobytes()[30:]
        yield 0.2
        yield ending.tobytes() + heartbeat()

    session, bins, gateway = played(tmp_path, [script()], lambda s: s.state.heartbeats == 1)
    recording = recorded(tmp_path)
    assert [part.read_bytes() for part in recording.parts] == [bytes(gateway.connections[0].sent)]
    assert bits(replayed(recording)) == bits(bins)
    assert len(bins) > 130
    state = session.state.as_json()
    assert (state["records"], state["heartbeats"], state["system_messages"]) == (
        len(first) + len(second) + 6 + 3,
        1,
        ["Slow reader"],
    )
    assert state["symbols"] == {"TEST": ID}
    assert session.bins["TEST"].certificate()["late"] >= 3


HALF: list[Step] = [orderly(1, 1)[:1].tobytes()[:20]]


@pytest.mark.parametrize(
    "end", [[*HALF, "close"], [*HALF, "reset"], [b"\1\1garbage" * 9]], ids=["close", "reset", "garbage"]
)
def test_a_lost_feed_is_a_gap_that_replays_to_the_same_bins(tmp_path: Path, end: list[Step]) -> None:
    before = orderly(1, 300)
    after = after_a_gap(before, 700 * MS, 2)
    scripts: list[list[Step]] = [
        [opening(), before.tobytes(), 0.1, *end],
        [opening(), after[:100].tobytes(), 0.02, after[100:].tobytes(), heartbeat()],
    ]
    session, bins, gateway = played(tmp_path, scripts, lambda s: s.state.heartbeats == 1)
    recording = recorded(tmp_path)
    whole = len(opening()) + len(before.tobytes())
    assert recording.parts[0].read_bytes() == bytes(gateway.connections[0].sent)[:whole]
    assert recording.parts[1].read_bytes() == bytes(gateway.connections[1].sent)
    assert bits(replayed(recording)) == bits(bins)
    (gap,) = session.bins["TEST"].certificate()["gaps"]
    assert gap["end_ns"] == int(after["ts_recv"][0])
    hidden = [b for b in bins if gap["begin_ns"] < b.fields["ts_ns"] <= gap["end_ns"]]
    assert len(hidden) > 5
    assert not any(b.fields["book_valid"] for b in hidden)
    assert bins[-1].fields["book_valid"]
    assert (session.state.losses, session.state.connections) == (1, 2)
    assert session.state.last_loss
    assert [c.subscriptions[0]["snapshot"] for c in gateway.connections] == ["1", "1"]


def test_bins_close_on_time_when_nothing_comes(tmp_path: Path) -> None:
    script: list[Step] = [opening(), orderly(1, 100).tobytes(), 0.5, heartbeat()]
    _, bins, _ = played(tmp_path, [script], lambda s: s.state.heartbeats == 1)
    silent = [b for b in bins if b.fields["bin_event_count"] == 0]
    assert len(silent) >= 20
    assert all(b.fields["book_valid"] for b in silent)


def test_certificates_are_made_while_records_come(tmp_path: Path) -> None:
    """Whoever looks at a feed that is never silent sees what is late and lost."""
    records = orderly(1, 300)
    seconds = [later(orderly(seed, 40, first_id=5_000 * seed), seed * 400 * MS).tobytes() for seed in range(2, 12)]
    script: list[Step] = [opening(), records.tobytes()]
    for piece in seconds:
        script += [0.15, piece]
    session, bins, _ = played(tmp_path, [script], lambda s: bool(s.certificates))
    assert session.state.connected
    assert session.state.records < len(records) + 10 * 40
    assert session.certificates["TEST"]["late"] >= 0
    assert bins


def test_what_the_gateway_says_is_kept(tmp_path: Path) -> None:
    script: list[Step] = [opening(), error("Symbol UNKNOWN did not resolve"), "close"]
    session, _, _ = played(tmp_path, [script, [opening(), heartbeat()]], lambda s: s.state.heartbeats == 1)
    assert list(session.state.errors) == ["Symbol UNKNOWN did not resolve"]


def test_a_recording_alone_needs_no_instrument(tmp_path: Path) -> None:
    records = orderly(1, 100)
    session = FeedSession({}, Recorder(tmp_path / "recording", {}))
    with FakeGateway([[opening(), records.tobytes(), heartbeat()]]) as gateway:
        listen(session, request_of(gateway), lambda: session.state.heartbeats == 1)
    (part,) = recorded(tmp_path).parts
    assert bits(replay(open_dbn(part, symbol="TEST"), INSTRUMENT, **SMALL)) == bits(
        replay([records], INSTRUMENT, **SMALL)
    )


# days


MIDNIGHT = (T0 // DAY_NS + 1) * DAY_NS


def over_midnight() -> np.ndarray:
    records = orderly(3, 400)
    middle = int(records["ts_recv"][200])
    return later(records, MIDNIGHT - middle)


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


@pytest.mark.parametrize("size", [100, 5_000, 10**6])
def test_a_recording_is_rolled_at_midnight(tmp_path: Path, size: int) -> None:
    records = over_midnight()
    live = LiveBins(INSTRUMENT, **SMALL)
    bins: list[Bin] = []
    recorder = Recorder(tmp_path / "recording", {})
    session = FeedSession({"TEST": live}, recorder, lambda name, closed: bins.extend(closed))
    session.connected("1")
    sent = opening(int(records["ts_recv"][0])) + records.tobytes()
    for piece in pieces_of(sent, size):
        session.received(piece)
    session.end()
    recording = recorded(tmp_path)
    first, second = recording.parts
    assert first.name.startswith("0001-")
    assert second.name > first.name
    before = int(np.searchsorted(records["ts_recv"], MIDNIGHT))
    assert first.read_bytes() == sent[: len(sent) - (len(records) - before) * 56]
    assert second.read_bytes().endswith(records[before:].tobytes())
    alone = open_dbn(second, symbol="TEST")  # a day by itself says what its symbols are
    assert sum(map(len, alone)) == len(records) - before
    assert alone.start_ns == MIDNIGHT
    assert bits(replayed(recording)) == bits(bins)


def test_a_recording_that_was_cut_is_whole_up_to_there(tmp_path: Path) -> None:
    records = orderly(1, 200)
    recorder = Recorder(tmp_path / "recording", {})
    session = FeedSession({"TEST": LiveBins(INSTRUMENT, **SMALL)}, recorder)
    session.connected("1")
    session.received(opening() + records.tobytes())
    session.end()
    (part,) = recorded(tmp_path).parts
    whole = part.read_bytes()
    for cut in (1, 30, 56, 57, len(records) * 56, len(whole) - 100, len(whole) - 3, len(whole)):
        part.write_bytes(whole[: len(whole) - cut])
        kept = records[: max(len(records) - -(-cut // 56), 0)]
        expected = LiveBins(INSTRUMENT, **SMALL).push(kept)
        assert bits(replayed(recorded(tmp_path))) == bits(expected), cut
    with (tmp_path / "recording" / "marks.jsonl").open("ab") as file:
        file.write(b'{"symbol": "TEST", "records": 100000, "close_ns": 1}\n{"symb')
    assert replayed(recorded(tmp_path)) == []
    with pytest.raises(DbnFormatError, match="is no recording of a feed"):
        Recording(tmp_path)


# the clock


def test_the_clock_is_that_of_the_fastest_record_of_late() -> None:
    clock = FeedClock()
    assert clock.now(5) is None
    clock.observe(T0, 1_000 * MS)
    clock.observe(T0 + 100 * MS, 1_130 * MS)  # slower by 30 ms
    assert clock.now(1_130 * MS) == T0 + 130 * MS
    clock.observe(T0 + 200 * MS, 1_190 * MS)  # faster by 10 ms
    assert clock.now(1_200 * MS) == T0 + 210 * MS
    for minutes in (1, 2):  # what was fast long ago says nothing of the network now
        clock.observe(T0 + minutes * 60 * SECOND, 1_050 * MS + minutes * 60 * SECOND)
    assert clock.now(1_050 * MS + 120 * SECOND) == T0 + 120 * SECOND


# what cannot be had


def test_a_gateway_that_refuses_is_an_error() -> None:
    session = FeedSession({})
    with FakeGateway([]) as gateway:
        with pytest.raises(FeedError, match=r"refuses the key \(.*Authentication failed"):
            listen(session, request_of(gateway, key="db-" + "7" * 29), lambda: False)
        gateway.refuse = "API key deactivated"
        with pytest.raises(FeedError, match="API key deactivated"):
            listen(session, request_of(gateway), lambda: False)
    with pytest.raises(FeedError, match="cannot be reached"):
        listen(session, request_of(gateway), lambda: False)


def test_the_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEY not in repr(FeedRequest("GLBX.MDP3", ("TEST",), KEY))
    assert api_key(KEY) == KEY
    monkeypatch.setenv("DATABENTO_API_KEY", KEY)
    assert api_key() == KEY
    monkeypatch.delenv("DATABENTO_API_KEY")
    with pytest.raises(FeedError, match="DATABENTO_API_KEY: is not set; put the key"):
        api_key()
    with pytest.raises(ParameterError, match="is no API key") as raised:
        api_key("secret")
    assert "secret" not in str(raised.value)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "databento.live.protocol", None)
    with pytest.raises(FeedError, match=r"pip install 'vp-book\[live\]'"):
        listen(FeedSession({}), FeedRequest("GLBX.MDP3", ("TEST",), KEY), lambda: False)


def test_a_gateway_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vp_book.live.gateway._SILENCE_MARGIN_S", -1.5)
    session = FeedSession({})
    begun = time.monotonic()
    with FakeGateway([[opening()], [opening(), heartbeat()]]) as gateway:
        listen(session, request_of(gateway, heartbeat_s=1), lambda: session.state.heartbeats == 1)
    assert session.state.losses == 1
    assert "nothing was heard" in str(session.state.last_loss)
    assert time.monotonic() - begun < 15
