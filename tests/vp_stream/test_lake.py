"""Servings of a real registry over a real (synthetic) market: what is served is what the pipeline computes."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.answers import exactly

from vp_book.synthetic import write_market
from vp_contract import FrameEncoder, PublishedServing, ServingSource, load_chain, load_instrument, serving_id_of
from vp_harness import Lake, ServedSignal, import_file, open_registry, scored_bins, source_options
from vp_harness.execution.pipeline import conformance_digests
from vp_stream import StreamSettings, start_in_background
from vp_stream.http.answers import ServingHistory, ServingList
from vp_stream.servings.published import LakeCatalogue

ROOT = Path(__file__).resolve().parents[2]
SPECS = {
    "instrument.yaml": """
product_type: future_mbo
symbol: SYNM6
symbol_root: SYN
tick_size: 0.25
contract_multiplier: 50
grid_radius_ticks: 10
n_absolute_ticks: 1024
flow_zscore_window_bins: 60
flow_zscore_min_periods: 20
projection_horizons_ms: [500]
""",
    "pipelines/small.yaml": """
name: small
capture: {product_type: future_mbo, symbol: SYNM6, dt: 2026-02-06, start_time: "09:26", end_time: "09:27"}
pipeline: {}
""",
    "serving/small.yaml": """
name: small
pipeline: small
scoring: {}
signal: {name: derivative, params: {zscore_window_bins: 80, zscore_min_periods: 20}}
""",
}


@dataclass
class Desk:
    """A lake, a config root, and a promoted serving in them."""

    lake_root: Path
    config_root: Path
    serving: PublishedServing
    raw: Path

    def copy(self, to: Path) -> Desk:
        shutil.copytree(self.lake_root, to / "lake")
        shutil.copytree(self.config_root, to / "configs")
        raw = to / "lake" / self.raw.relative_to(self.lake_root)
        return Desk(to / "lake", to / "configs", self.serving, raw)

    def settings(self, **options: Any) -> StreamSettings:
        options.setdefault("speed", float("inf"))
        return StreamSettings(lake_root=self.lake_root, config_root=self.config_root, port=0, **options)

    def promote(self, alias: str, **changes: Any) -> PublishedServing:
        source = changes.get("source", self.serving.source)
        serving_id = serving_id_of(source.experiment, source.run_id, self.serving.runtime)
        changed = msgspec.structs.replace(self.serving, serving_id=serving_id, **changes)
        registry = open_registry(self.lake_root, self.config_root)
        registry.promote(alias, changed, actor="test")
        registry.close()
        return changed


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    root = tmp_path_factory.mktemp("desk")
    configs = root / "configs"
    for name, text in SPECS.items():
        (configs / name).parent.mkdir(parents=True, exist_ok=True)
        (configs / name).write_text(text, encoding="utf-8")
    (configs / "serving_versions").mkdir()
    write_market(root / "market.dbn.zst", seed=7, minutes=3)
    raw, _ = import_file(Lake(root / "lake"), root / "market.dbn.zst", load_instrument(configs / "instrument.yaml"))
    runtime = load_chain(configs, serving="small").config
    run_id = "0123456789abcdef"
    serving = PublishedServing(
        serving_id=serving_id_of("small", run_id, runtime),
        created_utc="2026-02-07T12:00:00Z",
        source=ServingSource(run_id=run_id, experiment="small", dataset_id="synm6_test", threshold=0.2),
        runtime=runtime,
        sources=source_options(runtime, root / "lake"),
        versions={"vp-book": "0.1.0", "vp-spectrum": "0.1.0"},
        digests=dict(conformance_digests()),
    )
    desk = Desk(root / "lake", configs, serving, raw)
    desk.promote("small")
    return desk


@pytest.fixture
def desk(original: Desk, tmp_path: Path) -> Desk:
    return original.copy(tmp_path / "desk")


def play(desk: Desk, connected: Any, query: str) -> Any:
    with start_in_background(desk.settings()) as server:
        return connected(server).play(query)


def refusal(desk: Desk, connected: Any, name: str = "small") -> tuple[str, str]:
    received = play(desk, connected, f"?serving={name}")
    assert [text["type"] for text in received.texts] == ["error"]
    assert received.close_code == 1008
    return received.texts[0]["code"], received.texts[0]["message"]


def test_every_frame_is_the_one_the_pipeline_computes(desk: Desk, connected: Any) -> None:
    received = play(desk, connected, "?serving=small")
    encoder = FrameEncoder(desk.serving.runtime)
    served = ServedSignal(desk.serving.runtime, desk.serving.source.threshold).start()
    expected = [
        encoder.encode(scored.fields, scored.cells, scored.derivative, served.step(scored), scored.marks)
        for scored in scored_bins(desk.serving.runtime, desk.raw)
    ]
    assert len(expected) == 600
    same = received.frames == expected  # not in the assert: telling two streams apart takes minutes
    assert same
    assert received.torn == 0
    assert received.close_code == 1000
    assert received.config["config"]["grid_radius_ticks"] == 10
    assert received.config["serving"]["serving_id"] == desk.serving.serving_id
    assert received.config["serving"]["source_run"] == "0123456789abcdef"
    assert received.config["serving"]["digests"] == desk.serving.digests
    assert received.config["config_hash"] == desk.serving.runtime.config_version
    assert (received.config["replay_date"], received.config["replay_start_time"]) == ("2026-02-06", "09:26")
    assert received.config["grid_rows"] == 21
    assert any(json.loads(frame.update)["book_valid"] for frame in received.frames)
    # The next server plays the log: the same bytes, and the raw file is not needed for the numbers.
    again = play(desk, connected, f"?serving={desk.serving.serving_id}")
    same = again.frames == expected
    assert same
    assert again.config["serving"]["alias"] is None


def test_an_unknown_name_is_answered_with_the_aliases_there_are(desk: Desk, connected: Any) -> None:
    code, message = refusal(desk, connected, "smal")
    assert code == "unknown_serving"
    assert "smal" in message
    assert "known aliases: small" in message


def test_an_edited_version_file_is_refused(desk: Desk, connected: Any) -> None:
    (path,) = (desk.config_root / "serving_versions").glob("*.yaml")
    path.chmod(0o644)
    path.write_text(path.read_text().replace("tau_velocity: 2.0", "tau_velocity: 2.5"))
    code, message = refusal(desk, connected)
    assert code == "integrity"
    assert path.name in message


def test_another_instrument_than_the_lock_is_refused_with_both_names(desk: Desk, connected: Any) -> None:
    lock = desk.config_root / "instrument.yaml"
    lock.write_text(lock.read_text().replace("SYNM6", "ESM6"))
    code, message = refusal(desk, connected)
    assert code == "instrument_mismatch"
    assert "SYNM6" in message
    assert "ESM6" in message


def test_other_numbers_than_the_published_are_refused_naming_the_library(desk: Desk, connected: Any) -> None:
    digests = {**desk.serving.digests, "vp_spectrum": "f" * 64}
    source = msgspec.structs.replace(desk.serving.source, run_id="fedcba9876543210")
    desk.promote("other", source=source, digests=digests, versions={"vp-book": "0.1.0", "vp-spectrum": "0.0.9"})
    code, message = refusal(desk, connected, "other")
    assert code == "digest_mismatch"
    assert "published with vp-spectrum 0.0.9" in message
    assert f"vp-spectrum {version('vp-spectrum')} installed here" in message
    assert "install vp-spectrum==0.0.9" in message
    assert "vp-book" not in message


def test_a_missing_raw_file_is_named(desk: Desk, connected: Any) -> None:
    desk.raw.unlink()
    code, message = refusal(desk, connected)
    assert code == "raw_file_missing"
    assert f"no raw file {desk.raw.name}" in message
    assert str(desk.lake_root) not in message


def test_a_raw_file_with_other_bytes_is_refused(desk: Desk, connected: Any) -> None:
    content = bytearray(desk.raw.read_bytes())
    content[-1] ^= 1
    desk.raw.chmod(0o644)
    desk.raw.write_bytes(content)
    code, message = refusal(desk, connected)
    assert code == "integrity"
    assert desk.raw.name in message


def test_health_servings_and_history_of_a_real_registry(desk: Desk, connected: Any) -> None:
    with start_in_background(desk.settings()) as server:
        stage = connected(server)
        health = stage.health()
        assert health["status"] == "ok"
        assert health["instrument"] == {"product_type": "future_mbo", "symbol": "SYNM6"}
        assert health["digests"] == desk.serving.digests
        (entry,) = exactly(stage.get("/v1/servings").content, ServingList).servings
        assert (entry.alias, entry.serving_id) == ("small", desk.serving.serving_id)
        (event,) = exactly(stage.get("/v1/servings/small/history").content, ServingHistory).history
        assert (event.from_id, event.to_id, event.actor) == (None, desk.serving.serving_id, "test")
        assert stage.get("/v1/servings/nope/history").status_code == 404
        assert stage.get("/v1/servings/%2e%2e/history").status_code == 404


def test_health_is_503_without_a_lake_and_with_a_damaged_registry(desk: Desk, connected: Any) -> None:
    registry = Lake(desk.lake_root).registry_path
    registry.write_bytes(b"this is no database" * 100)
    with start_in_background(desk.settings()) as server:
        response = connected(server).get("/health")
    assert response.status_code == 503
    assert response.json()["problems"]
    with start_in_background(
        StreamSettings(lake_root=desk.lake_root / "none", config_root=desk.config_root, port=0)
    ) as s:
        response = connected(s).get("/health")
    assert response.status_code == 503
    assert "lake root" in response.json()["problems"][0]


def test_a_url_that_names_no_registry_is_told_and_creates_none(desk: Desk, connected: Any, tmp_path: Path) -> None:
    typo = tmp_path / "regitsry.sqlite"
    settings = desk.settings(registry_url=f"sqlite:///{typo.as_posix()}")
    with start_in_background(settings) as server:
        stage = connected(server)
        received = stage.play("?serving=small")
        assert (received.texts[0]["code"], received.close_code) == ("unavailable", 1008)
        health = stage.get("/health")
        assert health.status_code == 503
        assert health.json()["problems"] == ["there is no registry: promote a run first"]
    assert not typo.exists()


def test_a_tampered_registry_serves_nothing_and_names_no_path(desk: Desk, connected: Any) -> None:
    registry = Lake(desk.lake_root).registry_path
    with start_in_background(desk.settings()) as server:
        stage = connected(server)
        assert stage.play("?serving=small").close_code == 1000
        with contextlib.closing(sqlite3.connect(registry)) as connection, connection:
            connection.execute("UPDATE serving_aliases SET updated = '2026-01-01T00:00:00.000000Z'")
        received = stage.play("?serving=small")
        assert (received.texts[0]["code"], received.close_code) == ("integrity", 1008)
        assert "event 1 (promote of alias small" in received.texts[0]["message"]
        registry.write_bytes(b"this is no database" * 100)
        answers = [stage.get("/v1/servings"), stage.get("/v1/servings/small/history"), stage.get("/health")]
        for answer in answers:
            assert answer.status_code == 503
            assert str(desk.lake_root) not in answer.text
        (desk.config_root / "instrument.yaml").write_text("nothing")
        assert str(desk.config_root) not in stage.get("/health").text


def test_the_runs_of_the_aliases_are_of_one_moment(desk: Desk) -> None:
    """Before, a promotion between two reads was a KeyError."""
    catalogue = LakeCatalogue(Lake(desk.lake_root), desk.config_root)
    assert catalogue.aliases_by_run() == {desk.serving.source.run_id: "small"}
    source = msgspec.structs.replace(desk.serving.source, run_id="fedcba9876543210")
    stop = threading.Event()

    def promote() -> None:
        for number in range(200):
            if stop.is_set():
                return
            desk.promote(f"a{number}", source=msgspec.structs.replace(source, run_id=f"{number:08x}" * 2))

    promoting = threading.Thread(target=promote)
    promoting.start()
    try:
        for _ in range(100):
            found = catalogue.aliases_by_run()
            assert all(int(run[:8], 16) == int(alias[1:]) for run, alias in found.items() if alias != "small")
    finally:
        stop.set()
        promoting.join()


def test_a_registry_locked_by_a_writer_still_reads(desk: Desk, connected: Any) -> None:
    connection = sqlite3.connect(Lake(desk.lake_root).registry_path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        assert play(desk, connected, "?serving=small").close_code == 1000
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def python_blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_client_of_the_documentation_runs(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    client = python_blocks(ROOT / "docs" / "stream.md")[0]
    with start_in_background(desk.settings()) as server:
        exec(client.replace("127.0.0.1:8002", f"127.0.0.1:{server.port}").replace('"demo"', '"small"'), {})  # noqa: S102
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{desk.serving.serving_id} SYNM6 21 rows"
    assert lines[1].startswith("0 ")
    assert lines[-1] == "{'type': 'stream_end', 'bins': 600}"


@pytest.mark.parametrize(("page", "number"), [("docs/stream.md", 1), ("apps/vp-stream/README.md", 0)])
def test_the_embedding_examples_run(
    desk: Desk, page: str, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(desk.lake_root.parent)
    exec(python_blocks(ROOT / page)[number], {})  # noqa: S102
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", capsys.readouterr().out)
