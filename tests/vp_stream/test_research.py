"""Datasets, published servings, promotion and rollback over REST, and who may ask for a change."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.answers import exactly
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from vp_contract import PREVIEW_PATH, STREAM_PATH
from vp_harness import Dataset, Lake, ResultsStore, compare, open_registry
from vp_stream import StreamSettings, start_in_background
from vp_stream.http.access import Token
from vp_stream.http.research.answers import (
    DatasetDetail,
    DatasetList,
    Promoted,
    PublishedList,
    ServingDetail,
)

Researched = tuple[Lake, Path, str]
JSON = {"content-type": "application/json"}


@pytest.fixture
def copy(researched: Researched, tmp_path: Path) -> Researched:
    """A copy of the lake that may be changed."""
    lake, configs, run_id = researched
    shutil.copytree(lake.root, tmp_path / "lake")
    shutil.copytree(configs, tmp_path / "configs")
    return Lake(tmp_path / "lake"), tmp_path / "configs", run_id


@pytest.fixture
def url(copy: Researched) -> Iterator[str]:
    with start_in_background(StreamSettings(lake_root=copy[0].root, config_root=copy[1], port=0)) as server:
        yield server.url


def get(url: str, path: str) -> httpx.Response:
    return httpx.get(url + path, timeout=30)


def post(url: str, path: str, body: object, **headers: str) -> httpx.Response:
    return httpx.post(url + path, content=json.dumps(body), headers={**JSON, **headers}, timeout=60)


def another(copy: Researched) -> dict[str, Any]:
    """The best row of a run that is not served."""
    rows = compare(ResultsStore(copy[0]), min_signals=0, best_per_run=True)
    found: dict[str, Any] = rows.filter(rows["run_id"] != copy[2]).row(0, named=True)
    return found


def test_datasets_with_sizes_certificate_and_lineage(url: str, copy: Researched) -> None:
    found = exactly(get(url, "/v1/datasets").content, DatasetList)
    assert found.problems == []
    (row,) = found.datasets
    assert (row.status, row.runs, row.aliases, row.problem) == ("whole", 4, ["small"], "")
    dataset = Dataset.open(copy[0], row.dataset_id)
    assert row.size_bytes == sum(path.stat().st_size for path in dataset.path.iterdir())
    detail = exactly(get(url, f"/v1/datasets/{row.dataset_id}/detail").content, DatasetDetail)
    assert detail.certificate == json.loads(json.dumps(dataset.manifest["certificate"]))
    assert detail.checksums == dataset.checksums
    assert sum(detail.files.values()) == row.size_bytes
    assert (detail.sound, detail.config["symbol"]) == (True, "SYNM6")
    assert get(url, "/v1/datasets/nothing/detail").status_code == 404
    assert get(url, "/v1/datasets/..%2f..%2fetc/detail").status_code == 404


def test_a_damaged_dataset_is_listed_and_names_no_path(url: str, copy: Researched, tmp_path: Path) -> None:
    dataset_id = get(url, "/v1/datasets").json()["datasets"][0]["dataset_id"]
    manifest = copy[0].dataset_dir(dataset_id) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes()[:-9])
    listed, detail = get(url, "/v1/datasets"), get(url, f"/v1/datasets/{dataset_id}/detail")
    assert listed.json()["datasets"][0]["status"] == "damaged"
    assert (detail.status_code, detail.json()["code"]) == (503, "dataset_damaged")
    assert str(tmp_path) not in listed.text + detail.text


def received(url: str, path: str, bins: int = 0) -> tuple[list[dict[str, Any]], int | None]:
    """The texts of a stream up to so many bins, or to its close; and with which code it was closed."""

    async def scenario() -> tuple[list[dict[str, Any]], int | None]:
        texts: list[dict[str, Any]] = []
        async with asyncio.timeout(60), connect(f"ws{url[4:]}{path}", compression=None, max_size=None) as client:
            try:
                while sum(text["type"] == "grid_update" for text in texts) < max(bins, 1):
                    message = await client.recv()
                    texts += [json.loads(message)] if isinstance(message, str) else []
            except ConnectionClosed:
                return texts, client.close_code
        return texts, None

    return asyncio.run(scenario())


def test_a_dataset_is_previewed_on_a_route_of_its_own(url: str, copy: Researched) -> None:
    dataset_id = get(url, "/v1/datasets").json()["datasets"][0]["dataset_id"]
    texts, _ = received(url, f"{PREVIEW_PATH}?dataset={dataset_id}", bins=3)
    assert (texts[0]["type"], texts[0]["serving"]["serving_id"]) == ("runtime_config", f"preview_{dataset_id}")
    assert texts[0]["serving"]["alias"] is None
    assert "signal" not in texts[1] or texts[1]["signal"].get("name") in (None, "derivative")
    stored = Dataset.open(copy[0], dataset_id).bins
    for text in texts[1:]:
        row = stored.row(text["bin_seq"], named=True)
        assert (int(text["ts_ns"]), int(text["best_bid_price_int"])) == (row["ts_ns"], row["best_bid_price_int"])
    for path, code in (
        (f"{PREVIEW_PATH}?serving=small", "bad_query"),
        (f"{STREAM_PATH}?dataset={dataset_id}", "bad_query"),
        (f"{STREAM_PATH}?serving=preview_{dataset_id}", "unknown_serving"),
        (f"{PREVIEW_PATH}?dataset=nothing", "unknown_dataset"),
    ):
        refused, closed = received(url, path)
        assert ([text["code"] for text in refused], closed) == ([code], 1008), path


def test_a_preview_of_other_numbers_or_raw_files_is_refused(url: str, copy: Researched, tmp_path: Path) -> None:
    dataset_id = get(url, "/v1/datasets").json()["datasets"][0]["dataset_id"]
    raw = next((copy[0].root / "raw").rglob("*.dbn.zst"))
    raw.chmod(0o644)
    raw.write_bytes(raw.read_bytes()[:-1])
    refused, closed = received(url, f"{PREVIEW_PATH}?dataset={dataset_id}")
    assert ([text["code"] for text in refused], closed) == (["integrity"], 1008)
    assert str(tmp_path) not in refused[0]["message"]


def test_published_servings_in_detail(url: str, copy: Researched) -> None:
    (row,) = exactly(get(url, "/v1/servings/published").content, PublishedList).published
    assert (row.run_id, row.aliases) == (copy[2], ["small"])
    by_alias, by_id = (get(url, f"/v1/servings/{name}/detail") for name in ("small", row.serving_id))
    detail = exactly(by_alias.content, ServingDetail)
    assert (detail.serving_id, detail.alias, detail.source["run_id"]) == (row.serving_id, "small", copy[2])
    assert detail.evidence["accepted_unproven"] == "test"
    assert by_id.json()["config"] == detail.config
    assert get(url, "/v1/servings/nothing/detail").json()["code"] == "unknown_serving"


def test_promote_and_roll_back_leave_the_trail_that_the_command_leaves(url: str, copy: Researched) -> None:
    row, before = another(copy), get(url, "/v1/servings").json()["servings"][0]["serving_id"]
    body = {"run_id": row["run_id"], "threshold": row["threshold"], "reason": "looked at it", "accept_unproven": True}
    refused = post(url, "/v1/servings/small/promote", {**body, "accept_unproven": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "unproven")
    assert get(url, "/v1/servings").json()["servings"][0]["serving_id"] == before
    moved = post(url, "/v1/servings/small/promote", {**body, "expected": "srv_other_00000000_00000000"})
    assert (moved.status_code, moved.json()["code"]) == (409, "alias_moved")
    done = post(url, "/v1/servings/small/promote", {**body, "expected": before, "actor": "desk"})
    assert done.status_code == 200, done.text
    promoted = exactly(done.content, Promoted)
    assert (promoted.run_id, promoted.threshold, promoted.alias) == (row["run_id"], row["threshold"], "small")
    event = get(url, "/v1/servings/small/history").json()["history"][-1]
    assert {name: event[name] for name in ("kind", "from_id", "to_id", "actor", "reason")} == {
        "kind": "promote",
        "from_id": before,
        "to_id": promoted.serving_id,
        "actor": "desk",
        "reason": "looked at it",
    }
    assert get(url, f"/v1/experiments/runs/{row['run_id']}/detail").json()["alias"] == "small"
    late = post(url, "/v1/servings/small/rollback", {"reason": "worse", "expected": before})
    assert (late.status_code, late.json()["code"]) == (409, "alias_moved")
    back = post(url, "/v1/servings/small/rollback", {"reason": "worse", "expected": promoted.serving_id})
    assert exactly(back.content, Promoted).serving_id == before
    again = post(url, "/v1/servings/small/rollback", {"reason": "further"})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_earlier")
    registry = open_registry(copy[0], copy[1])
    assert [event.kind for event in registry.history("small")] == ["promote", "promote", "rollback"]
    registry.close()


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        ("small/promote", {"run_id": "f" * 16, "reason": "x"}, 404, "unknown_run", "no finished run"),
        ("small/promote", {"run_id": "f" * 16}, 422, "bad_body", "reason: is required and missing"),
        (
            "small/promote",
            {"run_id": "f" * 16, "reason": "  "},
            422,
            "bad_body",
            "reason='  ': must be text that is not blank; at most 1000 characters",
        ),
        (
            "small/promote",
            {"run_id": 7, "reason": "x"},
            422,
            "bad_body",
            "run_id=7: must be text of 1 to 64 characters",
        ),
        (
            "small/promote",
            {"run_id": "f", "reason": "x", "force": 1},
            422,
            "bad_body",
            "force: unknown field; allowed: ",
        ),
        ("small/promote", ["f" * 16], 422, "bad_body", "body: must be a mapping of fields"),
        ("nothing/rollback", {"reason": "x"}, 404, "unknown_serving", ""),
        ("small/rollback?force=1", {"reason": "x"}, 422, "bad_query", "force='1': there is no such parameter"),
        (
            "small/rollback",
            {"reason": "x" * 300_000},
            413,
            "too_large",
            "body: is too long; must be at most 262144 bytes",
        ),
    ],
)
def test_what_is_no_change_is_refused(url: str, path: str, body: object, status: int, code: str, says: str) -> None:
    response = post(url, f"/v1/servings/{path}", body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.json()["message"].startswith(says)


def test_only_json_is_taken(url: str) -> None:
    """A form of another page can send text/plain and what is like it without asking first."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        response = post(url, "/v1/servings/small/rollback", {"reason": "x"}, **{"content-type": kind})
        assert (response.status_code, response.json()["code"]) == (415, "not_json")
    cut = httpx.post(f"{url}/v1/servings/small/rollback", content=b"{", headers=JSON)
    assert cut.status_code == 422
    assert cut.json()["message"] == "body: is not JSON at character 2; must be one JSON object"
    other = get(url, "/v1/servings/small/rollback")
    assert (other.status_code, other.json()["message"]) == (405, "method=GET: is not taken here; allowed: POST")
    absent = get(url, "/v1/nothing")
    assert absent.status_code == 404
    assert absent.json()["message"].startswith("path='/v1/nothing': there is no such route")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-forwarded-for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
    ],
)
def test_another_page_or_a_proxy_changes_nothing(url: str, headers: dict[str, str]) -> None:
    response = post(url, "/v1/servings/small/rollback", {"reason": "x"}, **headers)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert httpx.get(f"{url}/v1/permission", headers=headers).json()["allowed"] is False


def test_a_page_of_this_server_may(url: str) -> None:
    response = post(
        url, "/v1/servings/small/rollback", {"reason": "x"}, origin=url, **{"sec-fetch-site": "same-origin"}
    )
    assert response.json()["code"] == "nothing_earlier"
    assert get(url, "/v1/permission").json() == {"allowed": True, "reason": ""}


def test_a_name_that_was_pointed_here_changes_nothing(url: str) -> None:
    """DNS rebinding: for the browser it is the same origin."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        headers = {**JSON, "host": f"evil.example:{port}", "origin": f"http://evil.example:{port}"}
        connection.request("POST", "/v1/servings/small/rollback", json.dumps({"reason": "x"}), headers)
        assert connection.getresponse().status == 421
    finally:
        connection.close()


def test_with_a_token_only_who_has_it_changes_anything(copy: Researched) -> None:
    token = Token("a-token-of-sixteen-characters")
    settings = StreamSettings(lake_root=copy[0].root, config_root=copy[1], port=0, token=token)
    with start_in_background(settings) as server:
        body = {"reason": "x"}
        assert post(server.url, "/v1/servings/small/rollback", body).status_code == 401
        bearer = {"authorization": "Bearer a-token-of-sixteen-characters"}
        assert post(server.url, "/v1/servings/small/rollback", body, **bearer).json()["code"] == "nothing_earlier"
        foreign = post(server.url, "/v1/servings/small/rollback", body, origin="https://evil.example", **bearer)
        assert foreign.status_code == 403


def test_a_server_that_others_reach_takes_no_change_without_a_token(copy: Researched) -> None:
    settings = StreamSettings(lake_root=copy[0].root, config_root=copy[1], port=0, host="0.0.0.0")
    with start_in_background(settings) as server:
        response = post(server.url, "/v1/servings/small/rollback", {"reason": "x"})
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
        assert "token" in get(server.url, "/v1/permission").json()["reason"]
