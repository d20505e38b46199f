"""What vp-harness and vp-registry refuse."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from contextlib import closing

import msgspec

from support.refusals import Case
from support.refusals.bench import Bench, flip, overwrite
from vp_contract import load_instrument
from vp_harness import (
    Dataset,
    Lake,
    ResultsStore,
    check_versions,
    compare,
    generate,
    import_file,
    open_registry,
    promote,
    publish,
    retire,
    run_experiment,
    signals,
)
from vp_harness.intake import StateFile
from vp_registry import Registry


def _import(bench: Bench, path: object, lake: Lake | None = None) -> None:
    import_file(lake or bench.empty_lake, path, load_instrument(bench.configs / "instrument.yaml"))  # type: ignore[arg-type]


def _two_of_a_day(bench: Bench) -> None:
    raw = bench.lake.raw_dir("future_mbo", "SYN")
    (path,) = raw.glob("*.dbn.zst")
    shutil.copyfile(path, raw / f"{path.name.split('-')[0]}-b-20260206.mbo.dbn.zst")
    shutil.rmtree(bench.dataset_dir)
    generate("small", bench.lake, config_root=bench.configs)


def _other_bytes(bench: Bench) -> None:
    (path,) = bench.lake.raw_dir("future_mbo", "SYN").glob("*.dbn.zst")
    session = bench.folder / "session.mbo.dbn.zst"
    flip(path, 300)
    _import(bench, session, bench.lake)


def _run(bench: Bench, old: str, new: str) -> None:
    bench.lake  # noqa: B018 - makes the specs
    bench.replace("experiments/small.yaml", old, new)
    run_experiment("small", bench.lake, config_root=bench.configs)


def _generate_at(bench: Bench, old: str, new: str) -> None:
    bench.lake  # noqa: B018 - makes the specs
    bench.replace("pipelines/small.yaml", old, new)
    generate("small", bench.lake, config_root=bench.configs)


def _damaged(bench: Bench, name: str) -> None:
    flip(bench.dataset_dir / name)
    Dataset.open(bench.lake, bench.dataset_dir.name).verify()


def _missing(bench: Bench, name: str) -> None:
    path = bench.dataset_dir / name
    path.unlink()
    Dataset.open(bench.lake, path.parent.name).verify()


def _foreign(bench: Bench) -> None:
    (bench.dataset_dir / "notes.txt").write_text("mine")
    Dataset.open(bench.lake, bench.dataset_dir.name).verify()


def _other_id(bench: Bench) -> None:
    renamed = bench.dataset_dir.with_name("synm6_20260206_0927_0930__small__00000000")
    bench.dataset_dir.rename(renamed)
    Dataset.open(bench.lake, renamed.name)


def _damaged_results(bench: Bench) -> None:
    part = next((bench.lake.results_dir / "runs.parquet").glob("*.parquet"))
    overwrite(part, b"nothing")
    ResultsStore(bench.lake).rows()


def _dataset(bench: Bench) -> Dataset:
    return Dataset.open(bench.lake, bench.dataset_dir.name)


def _promote(bench: Bench, **options: object) -> None:
    bench.lake  # noqa: B018 - makes the specs
    promote(bench.run_id, "other", bench.lake, config_root=bench.configs, **options)  # type: ignore[arg-type]


def _retire(bench: Bench, reason: str) -> None:
    bench.lake  # noqa: B018 - makes the run
    retire([bench.run_id], bench.lake, reason=reason, actor="me")


def _promote_retired(bench: Bench) -> None:
    _retire(bench, "its signal had a bug")
    _promote(bench)


def _damaged_state(bench: Bench) -> None:
    bench.empty_lake.downloads_path.write_bytes(b"these are no orders\n" * 50)
    StateFile(bench.empty_lake.downloads_path)


CASES = [
    Case("importing a file that is no DBN by its name", lambda b: _import(b, b.garbage("notes.txt"))),
    Case("importing a file that is not there", lambda b: _import(b, "absent.dbn")),
    Case("importing the file of another instrument", lambda b: _import(b, b.file())),
    Case("importing other bytes for a day that the lake has", _other_bytes),
    Case("a lake root that is a file", lambda b: generate("small", b.garbage("lake"), config_root=b.configs)),
    Case(
        "generating without the raw file",
        lambda b: generate("small", b.empty_lake, config_root=b.configs),
    ),
    Case("two raw files of one day", _two_of_a_day),
    Case("a state file of downloads that is none", _damaged_state),
    Case("a pipeline that there is not", lambda b: generate("nothing", b.empty_lake, config_root=b.configs)),
    Case("a capture that ends after the data", lambda b: _generate_at(b, '"09:30"', '"09:40"')),
    Case("a capture that begins before the data", lambda b: _generate_at(b, '"09:27"', '"09:20"')),
    Case("a capture that is no whole number of bins", lambda b: _generate_at(b, "{}", "{cell_width_ms: 700}")),
    Case(
        "a time that the clocks skip",
        lambda b: _generate_at(b, '2026-02-06, start_time: "09:27"', '2026-03-08, start_time: "02:30"'),
    ),
    Case("a dataset that there is not", lambda b: Dataset.open(b.empty_lake, "nothing")),
    Case("a dataset with one bit changed", lambda b: _damaged(b, "bins.parquet")),
    Case("a manifest with one bit changed", lambda b: _damaged(b, "manifest.json")),
    Case("a list of checksums with one bit changed", lambda b: _damaged(b, "checksums.json")),
    Case("a dataset without its grid", lambda b: _missing(b, "grid_clean.parquet")),
    Case("a dataset without its checksums", lambda b: _missing(b, "checksums.json")),
    Case("a foreign file in a dataset", _foreign),
    Case("a dataset under another id", _other_id),
    Case("a column that the grid does not have", lambda b: _dataset(b).grid("luck")),
    Case("bins that the dataset does not have", lambda b: _dataset(b).grid("v_add", 0, 10**9)),
    Case("publishing over something", lambda b: publish(b.dataset_dir.name, b.lake.root, b.lake)),
    Case("a signal that there is not", lambda _: signals.create("luck")),
    Case(
        "the signal of a serving, brought by a package that is not installed",
        lambda _: check_versions("microprice", {"microprice-signal": "0.1.0"}),
    ),
    Case("a parameter that a signal does not have", lambda _: signals.create("derivative", luck=1)),
    Case("a value that a parameter cannot have", lambda _: signals.create("derivative", zscore_window_bins=-1)),
    Case("an axis that no signal has", lambda b: _run(b, "zscore_window_bins", "luck")),
    Case("a value that an axis cannot have", lambda b: _run(b, "cooldown_bins: [5, 20]", "tp_ticks: [0]")),
    Case(
        "a capture too short to choose and confirm on", lambda b: _run(b, "max_hold_bins: 100", "max_hold_bins: 1700")
    ),
    Case(
        "a place for tracking and no backend",
        lambda b: _run(b, "sweep:", "tracking: {uri: 'http://mlflow:5000'}\nsweep:"),
    ),
    Case("a run that there is not", lambda b: ResultsStore(b.lake).run("0" * 16)),
    Case("results with a part that is damaged", _damaged_results),
    Case("an order of rows that there is not", lambda b: compare(ResultsStore(b.lake), sort="luck")),
    Case("`top_n=0`", lambda b: compare(ResultsStore(b.lake), top_n=0)),
    Case("promoting a run that is unproven", lambda b: _promote(b)),
    Case("retiring a run without a reason", lambda b: _retire(b, "")),
    Case("promoting a run that was retired", _promote_retired),
    Case("promoting a run of another experiment", lambda b: _promote(b, experiment="other")),
    Case("promoting a threshold that a run does not have", lambda b: _promote(b, threshold=9.0)),
]


def _registry(bench: Bench) -> Registry:
    return open_registry(bench.lake, bench.configs)


def _edited_version(bench: Bench) -> None:
    registry = _registry(bench)
    (path,) = (bench.configs / "serving_versions").glob("*.yaml")
    overwrite(path, path.read_bytes().replace(b"tanh_scale: 3.0", b"tanh_scale: 9.0"))
    registry.resolve("small")


def _version_gone(bench: Bench) -> None:
    registry = _registry(bench)
    (path,) = (bench.configs / "serving_versions").glob("*.yaml")
    path.unlink()
    registry.resolve("small")


def _published_again(bench: Bench) -> None:
    registry = _registry(bench)
    spec = registry.resolve("small").spec
    registry.promote("small", msgspec.structs.replace(spec, evidence={"luck": 1}))


def _damaged_database(bench: Bench) -> None:
    bench.lake.registry_path.write_bytes(b"nothing of a database")
    _registry(bench).aliases()


def _later_database(bench: Bench) -> None:
    registry = _registry(bench)
    registry.aliases()
    with closing(sqlite3.connect(bench.lake.registry_path)) as database, database:
        database.execute("UPDATE vp_registry_schema SET version_num = 'r9'")
    _registry(bench).resolve("small")


REGISTRY_CASES = [
    Case("an alias that there is not", lambda b: _registry(b).resolve("nothing")),
    Case("an alias that is no name", lambda b: _registry(b).move("No Name", "srv_x", expected=None)),
    Case("moving an alias that points elsewhere", lambda b: _registry(b).move("small", "srv_x", expected="srv_y")),
    Case("rolling back the first serving", lambda b: _registry(b).rollback("small")),
    Case("a history at a time without its zone", lambda b: _registry(b).history("small", at=dt.datetime(2026, 1, 1))),
    Case("the file of a serving that was edited", _edited_version),
    Case("the file of a serving that is gone", _version_gone),
    Case("the same serving with other contents", _published_again),
    Case("promoting what is no serving", lambda b: _registry(b).promote("small", "srv_x")),  # type: ignore[arg-type]
    Case("a database that is none", _damaged_database),
    Case("a registry that a later version has upgraded", _later_database),
    Case("a registry in memory", lambda _: Registry("sqlite://", "versions")),
    Case("a registry of another kind", lambda _: Registry("mysql://host/db", "versions")),
    Case("a URL that is none", lambda _: Registry("registry", "versions")),
]
