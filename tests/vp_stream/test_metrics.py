"""`/metrics`: what is counted is what clients received, in a text that Prometheus' own parser reads."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from vp_stream.clients.transport import DROPPED, LEFT

LABELLED = ("code", "kind", "state", "serving", "stage")


def samples(stage: Any) -> dict[str, float]:
    """Every sample but buckets, by its name and the value of its label."""
    text = stage.get("/metrics").text
    found = {}
    for family in parse(text):
        for sample in family.samples:
            label = next((sample.labels[name] for name in LABELLED if name in sample.labels), None)
            if "le" not in sample.labels:
                found[sample.name if label is None else f"{sample.name}:{label}"] = sample.value
    return found


def test_what_clients_received_is_what_is_counted(start: Any, market: Any, wait_until: Any) -> None:
    market.add("srv_a", 40, alias="demo", met={"hidden_fill": 3, "crossed_pre_open": 0})
    stage = start()
    received = [stage.play(), stage.play(), stage.play("?serving=nobody"), stage.play("?what")]
    wait_until(lambda: stage.health()["clients"] == 0)
    seen = samples(stage)
    sent = [frame for client in received for frame in client.frames]
    assert seen["vp_stream_bins_sent_total"] == len(sent) == 80
    assert seen["vp_stream_bytes_sent_total"] == sum(len(frame.update) + len(frame.grid) for frame in sent)
    assert seen["vp_stream_bins_skipped_total"] == 0
    assert seen["vp_stream_connections_total"] == 4
    assert seen["vp_stream_clients"] == 0
    assert (seen["vp_stream_refusals_total:unknown_serving"], seen["vp_stream_refusals_total:bad_query"]) == (1, 1)
    assert (seen["vp_stream_closes_total:1000"], seen["vp_stream_closes_total:1008"]) == (2, 2)
    (closes,) = [family for family in parse(stage.get("/metrics").text) if family.name == "vp_stream_closes"]
    # what is documented occurs, and what occurs is documented: see transport.Channel.ended
    assert set(re.findall(r"`(\w+)`", closes.documentation)) == {LEFT, DROPPED} == {"left", "dropped"}
    for state, count in (("running", 0), ("finished", 1), ("failed", 0)):
        assert seen[f"vp_stream_engine_runs:{state}"] == count
    for name in ("engine", "encode", "log"):
        assert seen[f"vp_stream_stage_seconds_count:{name}"] == 40
    assert seen["vp_stream_anomalies_total:hidden_fill"] == 3
    assert "vp_stream_anomalies_total:crossed_pre_open" not in seen
    assert seen["vp_stream_frame_cache_bytes"] > 0
    assert seen["process_resident_memory_bytes"] > 1e6


def test_what_was_skipped_is_counted_and_lateness_is_of_bins_on_a_schedule(start: Any, market: Any) -> None:
    market.add("srv_a", 10, alias="demo")
    stage = start(speed=4.0)
    assert len(stage.play().frames) == 10
    seen = samples(stage)
    assert seen["vp_stream_send_lateness_seconds_count"] == 10
    assert 0 <= seen["vp_stream_send_lateness_seconds_sum"] < 10


def test_a_client_that_waits_for_the_engine_shows_as_engine_lag(start: Any, market: Any, wait_until: Any) -> None:
    feed = market.add("srv_a", 100, alias="demo", gate_at=3)
    stage = start(speed=10.0)

    async def scenario() -> None:
        async with stage.connect("?serving=demo") as client:
            await stage.read(client, until_bin=2)
            await asyncio.sleep(0.3)
            waiting = await asyncio.to_thread(samples, stage)
            assert waiting["vp_stream_engine_lag_seconds:srv_a"] > 0.2
            assert waiting["vp_stream_engine_runs:running"] == 1
            feed.gate.set()
            await stage.read(client, until_bin=5)
            going_on = await asyncio.to_thread(samples, stage)
            assert going_on["vp_stream_engine_lag_seconds:srv_a"] < 0.2

    asyncio.run(scenario())


def test_a_failed_engine_is_counted(start: Any, market: Any) -> None:
    market.add("srv_a", 8, alias="demo", fail_at=3)
    stage = start()
    assert stage.play().close_code == 1011
    seen = samples(stage)
    assert seen["vp_stream_engine_runs:failed"] == 1
    assert seen["vp_stream_closes_total:1011"] == 1


def test_openmetrics_is_spoken_to_those_who_ask_for_it(start: Any, market: Any) -> None:
    stage = start()
    answer = stage.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert any(family.name == "vp_stream_bins_sent" for family in parse_openmetrics(answer.text))
    assert stage.get("/metrics").headers["content-type"].startswith("text/plain")
    assert stage.post("/metrics").status_code == 405
