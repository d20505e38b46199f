"""Health, servings and the page over HTTP."""

from __future__ import annotations

import contextlib
import gzip
import os
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

import pytest
from support.answers import exactly

from vp_stream import Refusal
from vp_stream.http.answers import ServingHistory, ServingList


def test_health_names_what_the_server_runs_on(start: Any, market: Any) -> None:
    market.add("srv_a", 3, alias="demo")
    response = start().get("/health")
    assert response.status_code == 200
    body = response.json()
    assert {name: body[name] for name in ("status", "service", "instrument", "digests", "clients", "problems")} == {
        "status": "ok",
        "service": "vacuum-pressure",
        "instrument": {"product_type": "future_mbo", "symbol": "SYNM6"},
        "digests": {"vp_book": "b"},
        "clients": 0,
        "problems": [],
    }
    assert body["version"].count(".") == 2


def test_health_is_503_while_registry_or_lake_cannot_be_read(start: Any, market: Any) -> None:
    stage = start()
    market.problems.append("the registry cannot be read: locked too long")
    response = stage.get("/health")
    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["problems"] == market.problems
    assert stage.get("/v1/servings").status_code == 503
    market.problems.clear()
    assert stage.get("/health").status_code == 200


def test_health_tells_of_a_failed_engine_until_a_run_succeeds(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 9, alias="demo", fail_at=4)
    stage = start()
    stage.play()
    body = stage.health()
    assert body["status"] == "degraded"
    assert "in the middle of a record" in body["engine_failures"]["srv_a"]
    feed.fail_at = None
    stage.play()
    assert stage.health()["status"] == "ok"


def test_servings_and_their_history(start: Any, market: Any) -> None:
    market.add("srv_a", 3, alias="demo")
    stage = start()
    servings = exactly(stage.get("/v1/servings").content, ServingList).servings
    assert [(entry.alias, entry.serving_id) for entry in servings] == [("demo", "srv_a")]
    history = exactly(stage.get("/v1/servings/demo/history").content, ServingHistory)
    assert (history.alias, [event.to_id for event in history.history]) == ("demo", ["srv_a"])
    unknown = stage.get("/v1/servings/nope/history")
    assert unknown.status_code == 404
    assert unknown.json() == {"type": "error", "code": "unknown_serving", "message": "no alias 'nope'"}


@pytest.mark.parametrize("path", ["/v1/servings?limit=3", "/v1/servings/demo/history?at=now"])
def test_a_parameter_that_does_not_exist_is_named(start: Any, market: Any, path: str) -> None:
    market.add("srv_a", 3, alias="demo")
    response = start().get(path)
    assert response.status_code == 422
    name, value = path.partition("?")[2].split("=")
    assert response.json()["message"] == f"{name}={value!r}: there is no such parameter; allowed: none"


def test_the_built_page_is_served_with_strict_headers(start: Any, tmp_path: Path) -> None:
    stage = start()
    for path in ("/", "/vacuum-pressure.html"):
        missing = stage.get(path)
        assert missing.status_code == 404
        assert "npm run build" in missing.text
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>index</title>")
    (dist / "vacuum-pressure.html").write_text("<!doctype html><title>heatmap</title>")
    (dist / "assets" / "main-abc123.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    assert "index" in stage.get("/").text
    page = stage.get("/vacuum-pressure.html")
    assert "heatmap" in page.text
    assert page.headers["cache-control"] == "no-cache"
    script = stage.get("/assets/main-abc123.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]
    for response in (page, script, stage.get("/health"), stage.get("/nothing.html")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in response.headers["content-security-policy"]
    for escape in ("/../secret.txt", "/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/%2e%2e/secret.txt", "/%00"):
        assert stage.get(escape).status_code == 404


def test_the_built_page_is_sent_compressed_to_who_takes_it(start: Any, tmp_path: Path) -> None:
    stage = start()
    assets = tmp_path / "dist" / "assets"
    assets.mkdir(parents=True)
    script = assets / "main-abc123.js"
    script.write_text("export const plain = 1;")
    os.utime(script, (1_000_000, 1_000_000))
    for suffix, packed in ((".br", b"not read by this test"), (".gz", gzip.compress(script.read_bytes()))):
        script.with_name(script.name + suffix).write_bytes(packed)

    def headers(accepted: str) -> HTTPMessage:
        connection = HTTPConnection("127.0.0.1", stage.server.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/assets/main-abc123.js", headers={"accept-encoding": accepted})
            return connection.getresponse().headers

    for accepted, encoding in (
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=0.8", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ):
        answer = headers(accepted)
        assert answer.get("content-encoding") == encoding
        assert answer["vary"] == "accept-encoding"
        assert answer["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer["cache-control"]
    assert stage.get("/assets/main-abc123.js", **{"accept-encoding": "gzip"}).text == script.read_text()
    # A copy that an earlier build left behind is not of this file.
    script.write_text("export const newer = 2;")
    assert "content-encoding" not in headers("gzip, br")


def test_what_only_reads_takes_no_other_method(start: Any, market: Any) -> None:
    market.refusals["demo"] = Refusal("integrity", "x")
    stage = start()
    assert stage.post("/health").status_code == 405
    assert stage.post("/v1/servings").status_code == 405
    assert stage.post("/").status_code == 405


def test_every_refusal_of_the_catalogue_is_told_and_closes_1008(start: Any, market: Any) -> None:
    stage = start()
    for code in ("integrity", "instrument_mismatch", "digest_mismatch", "raw_file_missing"):
        market.refusals["demo"] = Refusal(code, f"why it is {code}")
        received = stage.play()
        assert received.texts == [{"type": "error", "code": code, "message": f"why it is {code}"}]
        assert received.close_code == 1008
