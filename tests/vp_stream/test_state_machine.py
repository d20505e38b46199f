"""Clients that connect, stall, seek, pause, acknowledge, drop and come back, in any order and several at once.

Whatever they do: the two messages of a bin follow one another, their bytes are the published ones, bins keep their
order, and in every stretch between two seeks what was received and what was declared as skipped is what was published.

`VP_STREAM_EXAMPLES=500 uv run pytest tests/vp_stream/test_state_machine.py` tries that many random histories.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from support.raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, RawClient, ServerFrame, close, frame, text

BINS = 200
MOST_CLIENTS = 3
EXAMPLES = int(os.environ.get("VP_STREAM_EXAMPLES", "0"))
# With a bin a millisecond a client that stalls for this long is far behind what the buffers between hold for it.
STALL_S = 0.12
MAX_LAG_S = 0.05


@dataclass(frozen=True)
class Stretch:
    """What a client may be in: bins from `start` on, or, without one, whatever was sought last and has not come yet."""

    start: int | None
    received: int = 0
    skipped: int = 0
    sought: tuple[int, ...] = ()

    @property
    def next(self) -> int | None:
        return None if self.start is None else self.start + self.received + self.skipped

    def after(self, bin_seq: int, skipped: int, *, only_sought: bool) -> list[Stretch]:
        """What may be the case after this bin: it went on, or a seek was carried out meanwhile. Empty if neither."""
        found = []
        if not only_sought and self.next == bin_seq - skipped:
            found.append(replace(self, received=self.received + 1, skipped=self.skipped + skipped))
        for i, target in enumerate(self.sought):
            if target == bin_seq and skipped == 0:
                found.append(Stretch(target, 1, 0, self.sought[i + 1 :]))
        return found


class Client:
    """One connection and everything that may be the case at its server's end."""

    def __init__(self, port: int, serving: str, frames: list[Any]) -> None:
        self._frames = frames
        self.raw = RawClient(port, receive_buffer=4096)
        self.raw.open(serving)
        config = self._next(5.0)
        assert config is not None
        assert config.json["type"] == "runtime_config"
        self.possible = {Stretch(0)}
        self.paused = False
        self.acknowledging = False
        self.ended = False
        self._last = 0

    def say(self, **message: Any) -> None:
        if not self.ended:
            try:
                self.raw.send(text(json.dumps(message)))
            except ConnectionError:
                self.read(BINS, timeout_s=5.0)
                assert self.ended, "the server went away without an end"

    def seek(self, bin_seq: int) -> None:
        self.say(type="seek", bin_seq=bin_seq)
        self.possible = {replace(one, sought=(*one.sought, bin_seq)) for one in self.possible}

    def acknowledge(self) -> None:
        self.acknowledging = True
        self.say(type="ack", bin_seq=self._last)

    def come_to_rest(self) -> None:
        """Wait until the server has done everything it was told: it answers this, and answers in order."""
        self.say(type="follow")
        while not self.ended and self._step(10.0) != "not_an_alias":
            pass
        self.possible = {Stretch(None, sought=one.sought[-1:]) if one.sought else one for one in self.possible}

    def read(self, bins: int, timeout_s: float = 0.03) -> None:
        """Up to so many bins, as far as they come."""
        for _ in range(bins):
            if self.ended:
                return
            try:
                self._step(timeout_s)
            except TimeoutError:
                return

    def read_to_end(self) -> None:
        while not self.ended:
            for _ in range(16):
                if not self.ended:
                    self._step(15.0)
            if self.acknowledging and not self.ended:
                self.acknowledge()

    def _next(self, timeout_s: float) -> ServerFrame | None:
        while (found := self.raw.read(timeout_s)) is not None and found.opcode == PING:
            self.raw.send(frame(PONG, found.payload))
        return found

    def _step(self, timeout_s: float) -> str:
        """Take in a bin or another message; what it was."""
        message = self._next(timeout_s)
        assert message is not None
        assert message.opcode == TEXT, "a grid without its bin, or a close without an end"
        content = message.json
        if content["type"] == "error":
            return str(content["code"])
        if content["type"] == "stream_end":
            assert content["bins"] == BINS
            self._end()
            return "stream_end"
        assert content["type"] == "grid_update"
        grid = self._next(10.0)
        assert grid is not None
        assert grid.opcode == BINARY
        self._take(message.payload, content, grid.payload)
        return "grid_update"

    def _take(self, update: bytes, content: dict[str, Any], grid: bytes) -> None:
        bin_seq, skipped = content["bin_seq"], content["skipped_bins"]
        published = self._frames[bin_seq]
        assert grid == published.grid
        assert update == published.update or {**content, "skipped_bins": 0} == json.loads(published.update)
        before = self.possible
        self.possible = {now for one in before for now in one.after(bin_seq, skipped, only_sought=self.paused)}
        assert self.possible, f"bin {bin_seq} after {skipped} skipped, where {before} was the case"
        self._last = bin_seq

    def _end(self) -> None:
        whole = [one for one in self.possible if one.next == BINS]
        assert whole, f"the end came where {self.possible} was the case"
        for one in whole:
            assert one.start is not None
            assert one.received + one.skipped == BINS - one.start
        last = self._next(10.0)
        assert last is not None
        assert (last.opcode, last.close_code) == (CLOSE, 1000)
        self.raw.send(close(1000))
        assert self._next(10.0) is None
        self.raw.socket.close()
        self.ended = True


class Clients(RuleBasedStateMachine):
    numbers = itertools.count()

    def __init__(self, stage: Any) -> None:
        super().__init__()
        self.stage = stage
        self.frames = stage.frames(BINS)
        self.serving = f"srv_{next(self.numbers)}"
        self.steps = threading.Semaphore(0)
        self.published = 0
        stage.market.add(self.serving, BINS, steps=self.steps)
        self.clients: list[Client] = []
        self.connect()

    @precondition(lambda self: len(self.clients) < MOST_CLIENTS)
    @rule()
    def connect(self) -> None:
        self.clients.append(Client(self.stage.server.port, self.serving, self.frames))

    @precondition(lambda self: self.published < BINS)
    @rule(count=st.integers(1, 120))
    def publish(self, count: int) -> None:
        count = min(count, BINS - self.published)
        self.steps.release(count)
        self.published += count

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, MOST_CLIENTS - 1), bins=st.integers(1, 60))
    def read(self, which: int, bins: int) -> None:
        self._client(which).read(bins)

    @rule()
    def stall(self) -> None:
        time.sleep(STALL_S)

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, MOST_CLIENTS - 1), bin_seq=st.integers(0, BINS - 1))
    def seek(self, which: int, bin_seq: int) -> None:
        self._client(which).seek(bin_seq)

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, MOST_CLIENTS - 1))
    def pause(self, which: int) -> None:
        client = self._client(which)
        client.say(type="pause")
        client.come_to_rest()
        client.paused = True
        client.read(3, timeout_s=0.02)  # nothing, but for one bin that was sought

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, MOST_CLIENTS - 1))
    def resume(self, which: int) -> None:
        client = self._client(which)
        client.paused = False
        client.say(type="resume")

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, MOST_CLIENTS - 1))
    def acknowledge(self, which: int) -> None:
        self._client(which).acknowledge()

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, MOST_CLIENTS - 1))
    def come_to_rest(self, which: int) -> None:
        self._client(which).come_to_rest()

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, MOST_CLIENTS - 1), politely=st.booleans(), again=st.booleans())
    def drop(self, which: int, politely: bool, again: bool) -> None:
        client = self.clients.pop(which % len(self.clients))
        if not client.ended:
            if politely:
                client.raw.socket.close()
            else:
                client.raw.vanish()
        if again:
            self.connect()

    def teardown(self) -> None:
        self.steps.release(BINS)
        try:
            for client in self.clients:
                client.paused = False
                client.say(type="resume")
                client.read_to_end()
        finally:
            for client in self.clients:
                client.raw.socket.close()

    def _client(self, which: int) -> Client:
        return self.clients[which % len(self.clients)]


def test_every_bin_is_received_or_declared_as_skipped(start: Any, market: Any, wait_until: Any) -> None:
    market.cell_width_ms = 1
    stage = start(speed=1.0, max_lag_s=MAX_LAG_S)
    run_state_machine_as_test(
        lambda: Clients(stage),  # type: ignore[arg-type]  # anything that makes one will do
        settings=settings(
            max_examples=EXAMPLES or 20,
            stateful_step_count=20,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    wait_until(lambda: stage.health()["clients"] == 0)
    health = stage.health()
    assert health["status"] == "ok"
    assert health["bins_skipped"] > 0
    assert all(feed.runs <= 1 for feed in market.feeds.values())
