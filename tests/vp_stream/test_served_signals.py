"""What was promoted is what is streamed: its own values, at its own threshold, the same that the run was judged on."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support import forging
from support.installed import install
from support.packages import ROOT
from support.small_lake import import_market, write_configs, write_small_market

from vp_contract import Frame, RuntimeConfig
from vp_harness import Dataset, FrameCheck, Lake, ResultsStore, ServedSignal, compare, promote, run_experiment, signals
from vp_harness.errors import FrameMismatchError
from vp_stream import Refusal, StreamSettings, start_in_background
from vp_stream.frames import frame_logs, verify_serving, warm_log
from vp_stream.frames.ahead import MadeAhead
from vp_stream.frames.logfile import LogKey, read_frames
from vp_stream.servings.published import LakeCatalogue

EXPERIMENT = """
name: several
serving: small
eval: {warmup_bins: 100, tp_ticks: 3, sl_ticks: 2, max_hold_bins: 100, cooldown_bins: 5, min_signals: 2}
sweep:
  per_signal:
"""
BINS = 600
PARAMS: dict[str, dict[str, Any]] = {
    "imbalance": {"span_bins": 3},
    "gbm_mf": {"train_from_bins": 60, "refit_bins": 20, "train_bins": 400, "rounds": 20, "patience": 5},
    "microprice": {"span_bins": 2},
}
THRESHOLDS = {"imbalance": 0.35, "gbm_mf": 0.55, "microprice": 0.1}


@dataclass
class Desk:
    lake: Lake
    configs: Path
    site: Path
    datasets: dict[str, str] = field(default_factory=dict)

    @property
    def catalogue(self) -> LakeCatalogue:
        return LakeCatalogue(self.lake, self.configs)

    def dataset(self, alias: str) -> Dataset:
        return Dataset.open(self.lake, self.datasets[alias])

    def prove(self, alias: str) -> Any:
        return verify_serving(self.catalogue, self.lake, alias)

    def frames(self, alias: str) -> list[Frame]:
        feed = self.catalogue.open(alias).run.feed
        return [feed.encode(item).frame for item in feed.bins()]


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """`imbalance`, `gbm_mf` and the example plug-in, each promoted under an alias of its name."""
    root = tmp_path_factory.mktemp("served")
    install(ROOT / "docs" / "examples" / "microprice-signal", root / "site")
    desk = Desk(Lake(root / "lake"), write_configs(root / "configs"), root / "site")
    pipeline = desk.configs / "pipelines" / "small.yaml"
    pipeline.write_text(pipeline.read_text(encoding="utf-8").replace("09:30", "09:28"), encoding="utf-8")
    import_market(desk.lake, desk.configs, write_small_market(root / "market.dbn.zst"))
    sweep = {
        name: {key: [value] for key, value in PARAMS[name].items()} | {"thresholds": [THRESHOLDS[name]]}
        for name in PARAMS
    }
    lines = [f"    {name}: {msgspec.json.encode(axes).decode()}\n" for name, axes in sweep.items()]
    (desk.configs / "experiments" / "several.yaml").write_text(EXPERIMENT + "".join(lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(desk.site))
        run_experiment("several", desk.lake, config_root=desk.configs)
        rows = compare(ResultsStore(desk.lake), experiment="several", min_signals=0)
        for row in rows.iter_rows(named=True):
            options: dict[str, Any] = {"threshold": row["threshold"], "accept_unproven": True, "reason": "test"}
            promote(row["run_id"], row["signal"], desk.lake, config_root=desk.configs, **options)
            desk.datasets[row["signal"]] = row["dataset_id"]
        assert set(desk.datasets) == set(PARAMS)
        yield desk
        sys.modules.pop("microprice_signal", None)


@pytest.fixture
def own(promoted: Desk, tmp_path: Path) -> Desk:
    """A lake that a test may change, without frame logs."""
    shutil.copytree(promoted.lake.root, tmp_path / "lake", ignore=shutil.ignore_patterns("vp_stream"))
    return Desk(Lake(tmp_path / "lake"), promoted.configs, promoted.site, promoted.datasets)


def signals_of(frames: list[Frame]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(frame.update)["signal"] for frame in frames]


@pytest.mark.parametrize("alias", list(PARAMS))
def test_a_client_gets_the_values_that_the_run_was_judged_on(promoted: Desk, alias: str, connected: Any) -> None:
    settings = StreamSettings(lake_root=promoted.lake.root, config_root=promoted.configs, port=0, speed=float("inf"))
    with start_in_background(settings) as server:
        received = connected(server).play(f"?serving={alias}")
    assert (received.close_code, received.bins) == (1000, list(range(BINS)))
    sent = signals_of(received.frames)
    signal = signals.create(alias, **PARAMS[alias])
    values = signal.compute(promoted.dataset(alias))
    assert [told["value"] for told in sent] == values.tolist()
    assert np.count_nonzero(np.diff(values)) >= (3 if alias == "gbm_mf" else 100)
    threshold, kind = THRESHOLDS[alias], signal.kind
    low = 1 - threshold if kind == "probability" else -threshold
    assert [told["state"] for told in sent] == [1 if v >= threshold else -1 if v <= low else 0 for v in values.tolist()]
    assert {(told["name"], told["kind"], told["threshold"]) for told in sent} == {(alias, kind, threshold)}
    assert {tuple(told["detail"]) for told in sent} == {tuple(part.name for part in signal.detail)}
    assert sent[-1]["ready"]
    if alias == "gbm_mf":  # it trained in the stream when it did in the batch, every twenty bins from the 60th on
        trained = [at for at, told in enumerate(sent) if told["ready"] and told["detail"]["age"] == 0]
        assert trained == [499, 519, 539, 559, 579, 599]
    stage = signals.create("derivative", zscore_window_bins=80, zscore_min_periods=20)
    assert [told["score"] for told in sent] == stage.compute(promoted.dataset(alias)).tolist()


def test_a_client_computes_imbalance_from_what_it_gets(promoted: Desk) -> None:
    value, alpha = None, 2 / (PARAMS["imbalance"]["span_bins"] + 1)
    for frame in promoted.frames("imbalance"):
        update = msgspec.json.decode(frame.update)
        bids, asks = update["best_bid_size"], update["best_ask_size"]
        now = (bids - asks) / (bids + asks) if bids + asks else 0.0
        value = now if value is None else value + alpha * (now - value)
        assert update["signal"]["value"] == pytest.approx(value, abs=1e-12)
        assert update["signal"]["detail"] == {"imbalance": pytest.approx(now, abs=1e-12)}


@pytest.mark.parametrize("alias", list(PARAMS))
def test_verification_recomputes_the_values_through_the_stream(promoted: Desk, alias: str) -> None:
    proof = promoted.prove(alias)
    assert (proof.signal, proof.bins) == (alias, BINS)
    run = ResultsStore(promoted.lake).run(promoted.catalogue.published(alias).source.run_id)
    assert proof.values_digest == run.values_digest != ""


@pytest.mark.parametrize(
    ("alias", "changed", "bin_seq"),
    [("imbalance", {"span_bins": 4}, 1), ("gbm_mf", {"learning_rate": 0.06}, 499), ("microprice", {"span_bins": 3}, 0)],
)
def test_one_parameter_altered_in_the_stream_is_named_with_its_bin(
    promoted: Desk, monkeypatch: pytest.MonkeyPatch, alias: str, changed: dict[str, Any], bin_seq: int
) -> None:
    def altered(config: RuntimeConfig, threshold: float) -> ServedSignal:
        return ServedSignal(
            msgspec.structs.replace(config, signal_params={**config.signal_params, **changed}), threshold
        )

    monkeypatch.setattr("vp_stream.servings.signal.ServedSignal", altered)
    with pytest.raises(FrameMismatchError, match=rf"^bin {bin_seq}: its signal is .*, {alias} as promoted and"):
        promoted.prove(alias)


def test_values_that_are_not_those_of_the_run_are_found(promoted: Desk) -> None:
    """The published parameters give the streamed values, but the run was judged on others."""
    published = promoted.catalogue.published("imbalance")
    served = ServedSignal(published.runtime, published.source.threshold)
    check = FrameCheck(promoted.dataset("imbalance"), published.runtime, served, "ab" * 32)
    for frame in promoted.frames("imbalance"):
        check.check(frame)
    with pytest.raises(FrameMismatchError, match=f"the run was judged on {'ab' * 32}"):
        check.finish()


def test_a_finished_log_is_held_to_the_signal_too(own: Desk) -> None:
    for alias in PARAMS:
        run = own.catalogue.open(alias).run
        assert warm_log(run).built
        assert not warm_log(run).built  # every signal of it was made again and is the same
        assert own.prove(alias).logged == BINS
        assert list(read_frames(run.path, run.key)) == own.frames(alias)


def test_a_log_of_an_earlier_version_is_sound_and_not_used(own: Desk) -> None:
    """Its frames have the derivative stage alone; its key knows no signal."""
    run = own.catalogue.open("imbalance").run
    old = LogKey(**{name: getattr(run.key, name) for name in LogKey.__struct_fields__ if name != "signal"})
    assert b"signal" not in old.encoded()
    assert old.file_name != run.key.file_name
    warm_log(run)
    forging.write_log(run.path.with_name(old.file_name), old, list(read_frames(run.path, run.key)))
    assert [finding.state for finding in frame_logs(own.lake)] == ["whole", "whole"]


def test_a_server_without_the_plug_in_refuses_with_its_name(own: Desk, connected: Any) -> None:
    """And one with another version; `/health` says so, and the other servings go on."""
    wanted = "signal 'microprice' of microprice-signal 0.1.0 is not installed here: install microprice-signal==0.1.0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [entry for entry in sys.path if entry != str(own.site)])
        settings = StreamSettings(lake_root=own.lake.root, config_root=own.configs, port=0, speed=float("inf"))
        with start_in_background(settings) as server:
            stage = connected(server)
            received = stage.play("?serving=microprice")
            assert (received.close_code, received.texts[0]["code"]) == (1008, "signal_missing")
            assert received.texts[0]["message"].endswith(wanted)
            health = stage.health()
            assert health["status"] == "degraded"
            serving_id = own.catalogue.target("microprice")
            assert health["signals_missing"] == {serving_id: f"serving {serving_id}: {wanted}"}
            assert stage.play("?serving=imbalance").close_code == 1000
        with pytest.raises(Refusal, match="of microprice-signal"):
            own.prove("microprice")
    info = own.site / "microprice_signal-0.1.0.dist-info" / "METADATA"
    text = info.read_text(encoding="utf-8")
    try:
        info.write_text(text.replace("Version: 0.1.0", "Version: 0.1.1"), encoding="utf-8")
        with pytest.raises(
            Refusal, match=r"promoted with microprice-signal 0\.1\.0, microprice-signal 0\.1\.1 is installed"
        ):
            own.catalogue.open("microprice")
    finally:
        info.write_text(text, encoding="utf-8")
    assert own.catalogue.open("microprice")


class Counted:
    """A replay that says how far it came."""

    expected_bins = 500

    def __init__(self, fail_at: int | None = None) -> None:
        self.made = 0
        self.fail_at = fail_at
        self.threads: set[str] = set()

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.threads.add(threading.current_thread().name)
        if self.made == self.fail_at:
            raise OSError("the raw file ends in the middle of a record")
        if self.made == self.expected_bins:
            raise StopIteration
        self.made += 1
        return self.made - 1

    def certificate(self) -> dict[str, Any]:
        return {"made": self.made}


def test_bins_are_made_while_a_model_trains(wait_until: Any) -> None:
    replay = Counted()
    ahead = MadeAhead(replay, room=16)
    assert next(ahead) == 0
    wait_until(lambda: replay.made == 18)  # one taken, sixteen waiting, one in the hand of the thread
    assert list(ahead) == list(range(1, 500))
    assert ahead.certificate() == {"made": 500}
    with pytest.raises(StopIteration):
        next(ahead)
    assert threading.current_thread().name not in replay.threads


def test_an_error_of_the_replay_comes_in_its_place() -> None:
    ahead = MadeAhead(Counted(fail_at=40), room=16)
    assert [next(ahead) for _ in range(40)] == list(range(40))
    for _ in range(2):
        with pytest.raises(OSError, match="the middle of a record"):
            next(ahead)


def test_the_thread_ends_when_nobody_takes_bins_any_more(wait_until: Any) -> None:
    ahead = MadeAhead(Counted(), room=4)
    next(ahead)
    before = {thread for thread in threading.enumerate() if thread.name == "bins-ahead"}
    assert before
    del ahead
    wait_until(lambda: not any(thread.is_alive() for thread in before))
