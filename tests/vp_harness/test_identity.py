"""A dataset id stands for one exact set of bytes: whatever decides a number decides the id."""

import importlib

import pytest

from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.generate import dataset_id_of, identity_of
from vp_harness.lake.sources import source_options

generate_module = importlib.import_module("vp_harness.execution.generate")  # the name in the package is the function


def dataset_id(desk):
    config = pipeline_config("small", desk.configs)
    return dataset_id_of(config, identity_of(config, source_options(config, desk.lake)))


def in_file(name, old, new):
    def change(desk, monkeypatch):
        path = desk.configs / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def source_byte(desk, monkeypatch):
    data = bytearray(desk.raw.read_bytes())
    data[len(data) // 2] ^= 1
    desk.raw.chmod(0o600)
    desk.raw.write_bytes(data)


def digest_of(package):
    def change(desk, monkeypatch):
        digests = {**generate_module.conformance_digests(), package: "0" * 64}
        monkeypatch.setattr(generate_module, "conformance_digests", lambda: digests)

    return change


def warm_up(desk, monkeypatch):
    monkeypatch.setattr("vp_harness.lake.sources.WARM_UP_S", 900)


def capture(field):
    return in_file("pipelines/small.yaml", '"09:30"}', f'"09:30", {field}}}')


CHANGES = {
    "instrument default": in_file("instrument.yaml", "n_absolute_ticks: 1024", "n_absolute_ticks: 2048"),
    "instrument tau": in_file("instrument.yaml", "tick_size: 0.25", "tick_size: 0.25\ntau_velocity: 2.5"),
    "pipeline tau": in_file("pipelines/small.yaml", "pipeline: {}", "pipeline: {tau_jerk: 11.0}"),
    "z window": in_file("instrument.yaml", "flow_zscore_window_bins: 60", "flow_zscore_window_bins: 61"),
    "source byte": source_byte,
    "publisher": capture("publisher: 1"),
    "damage taken": capture("on_damage: until_damage"),
    "shortness taken": capture("on_short: end_early"),
    "silence": capture("max_silence_s: 60"),
    "digest of the book": digest_of("vp_book"),
    "digest of the spectrum": digest_of("vp_spectrum"),
    "length of the warm-up": warm_up,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_decides_a_number_changes_the_id(own, monkeypatch, change):
    assert dataset_id(own) == own.dataset_id
    change(own, monkeypatch)
    changed = dataset_id(own)
    assert changed != own.dataset_id
    assert changed.rpartition("__")[0] == own.dataset_id.rpartition("__")[0]


@pytest.mark.parametrize(
    "change",
    [
        in_file("pipelines/small.yaml", "name: small", "name: small\ndescription: other words"),
        in_file("pipelines/small.yaml", "pipeline: {}", "pipeline: {tau_velocity: 2.0}"),
        in_file("instrument.yaml", "tick_size: 0.25", "tick_size: 0.25\ntau_velocity: 2.0"),
    ],
    ids=["description", "default said by the pipeline", "default said by the instrument"],
)
def test_what_decides_no_number_keeps_the_id(own, monkeypatch, change):
    change(own, monkeypatch)
    assert dataset_id(own) == own.dataset_id
