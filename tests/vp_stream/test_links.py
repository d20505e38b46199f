"""A client that knows the documents alone, misses bins, and goes on holding what it gets to the chain."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.raw_websocket import RawClient, text
from support.small_lake import import_market, promote_small, publish_small, write_configs, write_small_market

from vp_harness import Dataset, Lake
from vp_stream import RunningServer, StreamSettings, start_in_background
from vp_stream.frames.judging import JudgedFrames

BINS = 1800


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("links")
    lake, configs = Lake(root / "lake"), write_configs(root / "configs")
    import_market(lake, configs, write_small_market(root / "market.dbn.zst"))
    promote_small(lake, configs)
    return lake.root, configs


@pytest.fixture(scope="module")
def server(roots: tuple[Path, Path]) -> Iterator[RunningServer]:
    settings = StreamSettings(lake_root=roots[0], config_root=roots[1], port=0, speed=20.0)
    with start_in_background(settings) as running:
        yield running


def ask(server: RunningServer, serving_id: str, **query: int) -> httpx.Response:
    url = f"{server.url}/v1/servings/{serving_id}/links"
    return httpx.get(url, params=query, timeout=30, verify=False, trust_env=False)


@dataclass
class Checker:
    """As docs/datasets.md and docs/stream.md say, and with nothing of ours."""

    server: RunningServer
    config: dict[str, Any] = field(default_factory=dict)
    link: bytes = bytes(32)
    at: int = 0
    asked: int = 0
    checked: int = 0
    links: dict[int, str] = field(default_factory=dict)

    def take(self, update: bytes, grid: bytes) -> bool:
        """Whether a bin is the one that was judged."""
        found = re.search(rb'"bin_seq":(\d+)', update)
        assert found is not None
        bin_seq = int(found[1])
        if bin_seq != self.at or bin_seq not in self.links:
            self.ask(bin_seq)
        update = re.sub(rb'"skipped_bins":\d+', b'"skipped_bins":0', update)
        update = re.sub(rb',"signal":\{(?:[^{}]|\{[^{}]*\})*\}', b"", update)
        update = re.sub(rb',"marks":\[[^\]]*\]', b"", update)
        digest = hashlib.sha256(self.link)
        for part in (update, grid):
            digest.update(len(part).to_bytes(8, "little") + part)
        self.link, self.at = digest.digest(), bin_seq + 1
        self.checked += 1
        return self.link.hex()[:16] == self.links[bin_seq]

    def ask(self, bin_seq: int) -> None:
        """For the link before a bin, and for what this and the next ones must come to."""
        told = ask(self.server, self.config["serving"]["serving_id"], bin_seq=bin_seq).json()
        if bin_seq == self.at:  # nothing was missed: then it is known already
            assert told["before"] == self.link.hex()
        self.link, self.at = bytes.fromhex(told["before"]), bin_seq
        self.links = {bin_seq + i: link for i, link in enumerate(told["links"])}
        self.asked += 1


def play(server: RunningServer, client: RawClient) -> Checker:
    client.open("small")
    checker = Checker(server)
    config = client.message()
    assert config is not None
    checker.config = config.json
    return checker


def next_bin(client: RawClient) -> tuple[bytes, bytes] | None:
    update = client.message()
    if update is None or b'"stream_end"' in update.payload[:40]:
        return None
    grid = client.message()
    assert grid is not None
    return update.payload, grid.payload


def test_a_client_that_skips_checks_every_bin_it_gets(server: RunningServer, roots: tuple[Path, Path]) -> None:
    skipped = 0
    with RawClient(server.port, receive_buffer=4096, timeout_s=60.0) as client:
        checker = play(server, client)
        frames = checker.config["frames"]
        assert frames["bins"] == BINS
        while (found := next_bin(client)) is not None:
            update, grid = found
            skipped += int((re.search(rb'"skipped_bins":(\d+)', update) or [0, 0])[1])
            assert checker.take(update, grid)
            if checker.checked in (20, 60):
                time.sleep(3.0)  # reads nothing: at this speed it is sixty bins behind then
            if checker.checked == 90:
                client.send(text(json.dumps({"type": "seek", "bin_seq": BINS - 40})))
    assert skipped > 20
    assert checker.asked >= 3  # at the beginning, after bins that were skipped, after the seek
    assert 100 < checker.checked < 600
    assert checker.link.hex() == frames["head"]
    # the head and the links are those of the manifest, whose digest is in the published version
    manifest = Dataset.open(Lake(roots[0]), next((roots[0] / "research/vp_immutable").glob("synm6*")).name).manifest
    assert frames == {"bins": BINS, "head": manifest["frames"]["head"]}
    kept = base64.b64decode(manifest["frames"]["links"])
    told = ask(server, checker.config["serving"]["serving_id"], bin_seq=100, count=7).json()
    assert told["links"] == [kept[8 * at : 8 * at + 8].hex() for at in range(100, 107)]
    assert told["before"][:16] == kept[8 * 99 : 8 * 100].hex()


def test_a_client_that_skips_finds_a_bin_that_is_not_the_judged_one(server: RunningServer) -> None:
    with RawClient(server.port, timeout_s=60.0) as client:
        checker = play(server, client)
        client.send(text(json.dumps({"type": "seek", "bin_seq": 501})))
        found = next_bin(client)
        while found is not None and b'"bin_seq":501,' not in found[0]:
            found = next_bin(client)
        assert found is not None
        assert checker.take(*found)
        following = next_bin(client)
        assert following is not None
        update, grid = following
        assert not checker.take(re.sub(rb'"mid_price":', b'"mid_price":1', update), grid)
        checker.ask(502)
        assert not checker.take(update, grid[:-1] + bytes([grid[-1] ^ 1]))
        checker.ask(502)
        assert checker.take(update, grid)


def test_what_the_route_refuses_is_named(server: RunningServer, roots: tuple[Path, Path]) -> None:
    with RawClient(server.port) as client:
        serving_id = play(server, client).config["serving"]["serving_id"]
        first = ask(server, serving_id).json()
        assert (first["before"], len(first["links"])) == ("0" * 64, 256)
        assert ask(server, serving_id, bin_seq=BINS - 3).json()["links"][-1] == first["head"][:16]
        end = ask(server, serving_id, bin_seq=BINS).json()
        assert (end["before"], end["links"]) == (first["head"], [])
        for query, parameter in (
            ({"bin_seq": BINS + 1}, "bin_seq"),
            ({"bin_seq": -1}, "bin_seq"),
            ({"count": 0}, "count"),
            ({"bins": 3}, "bins"),
        ):
            answer = ask(server, serving_id, **query)
            assert (answer.status_code, answer.json()["parameter"]) == (422, parameter)
    nobody = ask(server, "srv_nobody")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not_streamed")


def test_without_a_dataset_there_is_no_chain(tmp_path: Path) -> None:
    lake, configs = Lake(tmp_path / "lake"), write_configs(tmp_path / "configs")
    import_market(lake, configs, write_small_market(tmp_path / "market.dbn.zst"))
    publish_small(lake, configs)
    with (
        start_in_background(StreamSettings(lake_root=lake.root, config_root=configs, port=0)) as running,
        RawClient(running.port) as client,
    ):
        config = play(running, client).config
        assert "frames" not in config
        answer = ask(running, config["serving"]["serving_id"])
        assert (answer.status_code, answer.json()["code"]) == (404, "no_chain")


def test_a_bin_that_is_not_made_yet_is_not_vouched_for(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawClient(server.port) as client:
        serving_id = play(server, client).config["serving"]["serving_id"]
        monkeypatch.setattr(JudgedFrames, "link_before", lambda *_: None)  # no judge has come there
        answer = ask(server, serving_id, bin_seq=1000)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_ready")
