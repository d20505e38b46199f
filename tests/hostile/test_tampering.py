"""Whoever may write a lake, and sets every checksum of what was edited right again, is found all the same.

A case says what is edited, and who has to find it: `serve` sends no number of it, `run` and `promote` take nothing from
it, `verify` (`vp verify lake`) names it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
import zstandard
from support import forging
from support.forging import canonical, reseal, rewrite_manifest
from support.small_lake import import_market, promote_small, write_configs, write_small_market

from vp_book import VpBookError
from vp_book.checkpoint import state_file as checkpoint
from vp_book.synthetic import write_market
from vp_contract import Frame
from vp_harness import Lake, ResultsStore, compare, generate, promote, run_experiment
from vp_harness.errors import FrameMismatchError, VpHarnessError
from vp_harness.lake.verification import WRONG, verify_lake
from vp_registry import VpRegistryError
from vp_stream import LogDamagedError, Refusal
from vp_stream.frames import logfile
from vp_stream.frames.logfile import read_frames
from vp_stream.frames.runs import RunSpec
from vp_stream.frames.verification import frame_logs
from vp_stream.frames.warming import warm_log
from vp_stream.servings.published import LakeCatalogue

FINDS = (
    *(VpHarnessError, VpBookError, VpRegistryError),
    *(Refusal, FrameMismatchError, LogDamagedError),
)


@dataclass
class Desk:
    """A lake with everything in it: raw file, dataset, runs, ledger, checkpoint, serving, frame log."""

    root: Path
    dataset_id: str
    run_id: str
    spec: RunSpec
    frames: list[Frame]

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    @property
    def configs(self) -> Path:
        return self.root / "configs"

    @property
    def dataset(self) -> Path:
        return self.lake.dataset_dir(self.dataset_id)

    @property
    def version(self) -> Path:
        return next((self.configs / "serving_versions").glob("*.yaml"))

    @property
    def raw(self) -> Path:
        return next((self.lake.root / "raw").rglob("*.dbn.zst"))

    @property
    def log(self) -> Path:
        return next(self.lake.stream_caches_dir.rglob("*.vplog"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    root = tmp_path_factory.mktemp("tampering")
    lake, configs = Lake(root / "lake"), write_configs(root / "configs")
    import_market(lake, configs, write_small_market(root / "market.dbn.zst"))
    source = promote_small(lake, configs).spec.source
    spec = LakeCatalogue(lake, configs).open("small").run
    assert warm_log(spec).built
    write_market(root / "other.dbn.zst", seed=8, minutes=1)
    return Desk(root, source.dataset_id, source.run_id, spec, list(read_frames(spec.path, spec.key)))


@pytest.fixture
def desk(original: Desk, tmp_path: Path) -> Iterator[Desk]:
    for part in ("lake", "configs"):
        shutil.copytree(original.root / part, tmp_path / "desk" / part)
    shutil.copy(original.root / "other.dbn.zst", tmp_path / "desk")
    yield replace(original, root=tmp_path / "desk")
    shutil.rmtree(tmp_path / "desk")


# --- who finds it ---


def serve(desk: Desk) -> bool:
    """As the server before it sends anything: it opens the serving, and holds its log or a replay to its chain."""
    run = LakeCatalogue(desk.lake, desk.configs).open("small").run
    assert run.judged is not None
    if run.path.exists():
        judge = run.judged.stored()
        for frame in read_frames(run.path, run.key):
            judge.check(frame)
        judge.finish()
    else:
        judge = run.judged.made()
        for item in itertools.islice(run.feed.bins(), 3):
            judge.check(run.feed.encode(item).frame)
    return False


def replay(desk: Desk) -> bool:
    """The same, or the book checkpoint is refused: the replay then begins cold, and writes it anew."""
    (path,) = desk.lake.book_cache_dir.glob("*.book")
    before = path.read_bytes()
    return serve(desk) or path.read_bytes() != before


def verify(desk: Desk) -> bool:
    return any(found.state in WRONG for found in verify_lake(desk.lake, config_root=desk.configs))


def verify_logs(desk: Desk) -> bool:
    """The part of `vp verify lake` that reads frame logs, by their own checksums alone."""
    return any(found.state in WRONG for found in frame_logs(desk.lake))


def run(desk: Desk) -> bool:
    run_experiment("small", desk.lake, config_root=desk.configs)
    return False


def promoted(desk: Desk) -> bool:
    best = compare(ResultsStore(desk.lake), experiment="small", min_signals=0).row(0, named=True)
    promote(
        desk.run_id,
        "other",
        desk.lake,
        config_root=desk.configs,
        threshold=best["threshold"],
        accept_unproven=True,
        reason="test",
    )
    return False


Finder = Callable[[Desk], bool]


# --- what is edited ---


def bins(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Desk], None]:
    return functools.partial(edit_table, name="bins.parquet", change=change)


def grid(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Desk], None]:
    return functools.partial(edit_table, name="grid_clean.parquet", change=change)


def fills(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Desk], None]:
    return functools.partial(edit_table, name="fills.parquet", change=change)


def restate_fills(desk: Desk) -> None:
    """Say in the manifest too what the table of passive orders is now."""
    path = desk.dataset / "fills.parquet"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest(lambda held: held["passive"].update(sha256=digest))(desk)


def lose_fills(desk: Desk) -> None:
    (desk.dataset / "fills.parquet").unlink()


def edit_table(desk: Desk, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = desk.dataset / name
    path.chmod(0o644)
    change(pl.read_parquet(path)).write_parquet(path)
    reseal(desk.dataset, name, path.read_bytes())


def manifest(change: Callable[[dict[str, Any]], Any]) -> Callable[[Desk], None]:
    def edit(desk: Desk) -> None:
        held = json.loads((desk.dataset / "manifest.json").read_bytes())
        change(held)
        rewrite_manifest(desk.dataset, **held)

    return edit


def both(*edits: Callable[[Desk], None]) -> Callable[[Desk], None]:
    def edit(desk: Desk) -> None:
        for one in edits:
            one(desk)

    return edit


def rechain(desk: Desk) -> None:
    forging.rechain(desk.lake, desk.dataset_id)


def forget_ledger(desk: Desk) -> None:
    shutil.rmtree(desk.lake.ledger_dir)


def forget_log(desk: Desk) -> None:
    shutil.rmtree(desk.lake.stream_caches_dir)


def checksums(change: Callable[[dict[str, str]], Any]) -> Callable[[Desk], None]:
    def edit(desk: Desk) -> None:
        path = desk.dataset / "checksums.json"
        held = json.loads(path.read_bytes())
        change(held)
        path.chmod(0o644)
        path.write_bytes(canonical(held))

    return edit


def another_dataset(desk: Desk) -> None:
    """The tables of a replay of other parameters, under the name of the one that was judged, whole in itself."""
    bins(lambda table: table.with_columns(pl.col("mid_price") * 2))(desk)
    grid(lambda table: table.with_columns(pl.col("composite") * -1))(desk)
    rechain(desk)
    forget_ledger(desk)


def part(table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Desk], None]:
    """Edit a part of the results, and name it by its new content."""

    def edit(desk: Desk) -> None:
        for path in sorted((desk.lake.results_dir / table).iterdir()):
            changed = path.with_name("new")
            change(pl.read_parquet(path)).write_parquet(changed)
            digest = hashlib.sha256(changed.read_bytes()).hexdigest()[:32]
            path.unlink()
            changed.rename(path.with_name(f"{path.name.partition('.')[0]}.{digest}.parquet"))

    return edit


def drop_part(table: str) -> Callable[[Desk], None]:
    return lambda desk: sorted((desk.lake.results_dir / table).iterdir())[0].unlink()


def ledger(change: Callable[[dict[str, Any]], Any], holding: str) -> Callable[[Desk], None]:
    """Edit the first entry that says something of `holding`, and name it by its new content."""

    def edit(desk: Desk) -> None:
        entries = {path: json.loads(path.read_bytes()) for path in sorted(desk.lake.ledger_dir.iterdir())}
        named = {name for entry in entries.values() for name in entry["after"]}  # all but the last
        for path, entry in entries.items():
            if entry[holding] and path.name in named:
                change(entry)
                data = msgspec.json.encode(entry, order="deterministic")
                path.unlink()
                path.with_name(f"{hashlib.sha256(data).hexdigest()[:32]}.json").write_bytes(data)
                return
        raise AssertionError(holding)

    return edit


def other_digests(entry: dict[str, Any]) -> None:
    for files in entry["datasets"].values():
        files["bins.parquet"] = "0" * 64


def sql(*statements: str) -> Callable[[Desk], None]:
    """Statements as the owner of the database, who drops its triggers."""

    def edit(desk: Desk) -> None:
        with contextlib.closing(sqlite3.connect(desk.lake.registry_path)) as database, database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert database.execute(statement).rowcount

    return edit


def version_file(change: Callable[[bytes], bytes]) -> Callable[[Desk], None]:
    def edit(desk: Desk) -> None:
        path = desk.version
        path.chmod(0o644)
        changed = change(path.read_bytes())
        assert changed != path.read_bytes()
        path.write_bytes(changed)

    return edit


def version_and_row(change: Callable[[bytes], bytes]) -> Callable[[Desk], None]:
    """The file of a version, and its sha256 in the registry."""

    def edit(desk: Desk) -> None:
        version_file(change)(desk)
        sha256 = hashlib.sha256(desk.version.read_bytes()).hexdigest()
        sql(f"UPDATE serving_versions SET spec_sha256 = '{sha256}'")(desk)

    return edit


def frames(change: Callable[[list[Frame]], list[Frame]]) -> Callable[[Desk], None]:
    """The frame log of other frames, whole by its own checksums."""

    def edit(desk: Desk) -> None:
        forging.write_log(desk.log, desk.spec.key, change(list(desk.frames)))

    return edit


def bend(at: int, old: bytes, new: bytes) -> Callable[[list[Frame]], list[Frame]]:
    def change(held: list[Frame]) -> list[Frame]:
        assert old in held[at].update
        held[at] = Frame(held[at].update.replace(old, new), held[at].grid)
        return held

    return change


def other_marks(change: Callable[[list[dict[str, object]]], object]) -> Callable[[list[Frame]], list[Frame]]:
    """The first frame with marks, with others."""

    def bent(held: list[Frame]) -> list[Frame]:
        at = next(at for at, frame in enumerate(held) if b'"marks":[{' in frame.update)
        update = held[at].update
        start = update.index(b'"marks":') + len(b'"marks":')
        end = update.index(b"]", start) + 1
        marks = change(json.loads(update[start:end]))
        held[at] = Frame(
            update[:start] + json.dumps(marks, separators=(",", ":")).encode() + update[end:], held[at].grid
        )
        assert held[at].update != update
        return held

    return bent


def no_marks(held: list[Frame]) -> list[Frame]:
    return [Frame(re.sub(rb',"marks":\[.*?\]', b"", frame.update), frame.grid) for frame in held]


def bend_grid(held: list[Frame]) -> list[Frame]:
    held[90] = Frame(held[90].update, held[91].grid)
    return held


def block(data: bytes) -> Callable[[Desk], None]:
    """A frame log of one block that is not what it seems."""

    def edit(desk: Desk) -> None:
        header = logfile._header(desk.spec.key)
        blocks = [[len(header), len(data), hashlib.sha256(data).hexdigest()]]
        footer = msgspec.json.encode({"bins": 16, "blocks": blocks})
        desk.log.write_bytes(header + data + footer + logfile._trailer(len(header) + len(data), header, footer))

    return edit


def compressed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def another_key(desk: Desk) -> None:
    """The log of another serving under the name of this one."""
    other = msgspec.structs.replace(desk.spec.key, config_hash="0" * 16)
    forging.write_log(desk.log, other, desk.frames)


def raw_file(change: Callable[[Desk, bytes], bytes], *, keep_record: bool = False) -> Callable[[Desk], None]:
    """Other bytes of the raw file with its time, and its digest in the record of its import."""

    def edit(desk: Desk) -> None:
        path, status = desk.raw, desk.raw.stat()
        path.chmod(0o644)
        path.write_bytes(change(desk, path.read_bytes()))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        record = path.with_name(path.name + ".json")
        held = json.loads(record.read_bytes())
        if not keep_record:
            held |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        record.chmod(0o644)
        record.write_bytes(msgspec.json.encode(held))

    return edit


def repacked(desk: Desk, data: bytes) -> bytes:
    """The same records, compressed differently: no number is another, but it is not the file that was published."""
    return zstandard.ZstdCompressor(level=1).compress(zstandard.ZstdDecompressor().decompressobj().decompress(data))


def one_byte(desk: Desk, data: bytes) -> bytes:
    plain = bytearray(zstandard.ZstdDecompressor().decompressobj().decompress(data))
    plain[-20] ^= 1
    return zstandard.ZstdCompressor().compress(bytes(plain))


def book(change: Callable[[Any], Any]) -> Callable[[Desk], None]:
    """A book checkpoint of another state with its checksum, and no frame log: the replay begins from it."""

    def edit(desk: Desk) -> None:
        (path,) = desk.lake.book_cache_dir.glob("*.book")
        facts, arrays = checkpoint.load(path)
        change(arrays)
        path.chmod(0o644)
        checkpoint.save(path, arrays, facts)
        forget_log(desk)

    return edit


def scale(name: str, by: float) -> Callable[[Any], None]:
    def change(arrays: Any) -> None:
        array = getattr(arrays, name)
        plain = array.view(np.float64) if array.dtype.names else array
        plain[:] = (plain * by).astype(plain.dtype)

    return change


CHECKPOINTS = {
    "its physics": scale("physics", 2),
    "its ladder": scale("ladder", 3),
    "its parameters": scale("params", 1.01),
    "nothing": lambda arrays: None,
}


@pytest.mark.parametrize("what", CHECKPOINTS)
def test_no_dataset_is_made_from_a_forged_checkpoint(desk: Desk, what: str) -> None:
    """It would be judged and published as it is: the digests of everything after it would be right."""
    tables = ("bins.parquet", "grid_clean.parquet", "fills.parquet")
    before = {name: (desk.dataset / name).read_bytes() for name in tables}
    (path,) = desk.lake.book_cache_dir.glob("*.book")
    sound = path.read_bytes()
    shutil.rmtree(desk.dataset)
    book(CHECKPOINTS[what])(desk)
    assert (path.read_bytes() == sound) == (what == "nothing")
    assert generate("small", desk.lake, config_root=desk.configs) == desk.dataset_id
    assert {name: (desk.dataset / name).read_bytes() for name in tables} == before
    assert path.read_bytes() == sound  # made anew, for the server to begin with
    assert not finds(serve, desk)


PRICE = pl.col("mid_price")
CASES: dict[str, tuple[Callable[[Desk], None], tuple[Finder, ...]]] = {
    # bins.parquet
    "a price": (bins(lambda t: t.with_columns(PRICE + 0.25)), (serve, verify, run, promoted)),
    "a price, and the chain": (both(bins(lambda t: t.with_columns(PRICE + 0.25)), rechain), (serve, verify)),
    "bins in another order": (bins(lambda t: t.reverse()), (serve, verify)),
    "the last bin gone": (bins(lambda t: t.head(t.height - 1)), (serve, verify)),
    "a bin twice": (bins(lambda t: pl.concat([t, t.tail(1)])), (serve, verify)),
    "a column more": (bins(lambda t: t.with_columns(more=pl.lit(1))), (serve, verify)),
    "a column gone": (bins(lambda t: t.drop("trade_count")), (serve, verify)),
    "the marks": (bins(lambda t: t.with_columns(pl.col("marks").list.head(1))), (serve, verify)),
    "a column of another type": (bins(lambda t: t.with_columns(PRICE.cast(pl.Float32))), (serve, verify)),
    "nothing but the compression": (bins(lambda t: t), (serve, verify)),
    # grid_clean.parquet
    "a cell": (grid(lambda t: t.with_columns(pl.col("composite") + 1e-12)), (serve, verify, run, promoted)),
    "a cell, and the chain": (
        both(grid(lambda t: t.with_columns(pl.col("composite") * 1.5)), rechain),
        (serve, verify),
    ),
    "a cell gone": (grid(lambda t: t.head(t.height - 1)), (serve, verify)),
    "columns exchanged": (
        grid(lambda t: t.with_columns(composite_d1=pl.col("composite_d2"), composite_d2=pl.col("composite_d1"))),
        (serve, verify),
    ),
    # fills.parquet
    "a wait": (fills(lambda t: t.with_columns(pl.col("wait_bins") - 1)), (serve, verify, run, promoted)),
    "a wait, and what the manifest says of it": (
        both(fills(lambda t: t.with_columns(pl.col("wait_bins") - 1)), restate_fills),
        (serve, verify, run, promoted),
    ),
    "no passive orders at all": (
        both(manifest(lambda m: m.update(passive=None)), checksums(lambda c: c.pop("fills.parquet")), lose_fills),
        (serve, verify),
    ),
    # manifest.json
    "when passive orders are given up": (manifest(lambda m: m["passive"].update(max_wait_bins=9)), (serve, verify)),
    "its chain ends elsewhere": (manifest(lambda m: m["frames"].update(head="0" * 64)), (serve, verify)),
    "a link of its chain": (
        manifest(lambda m: m["frames"].update(links="AAAA" + m["frames"]["links"][4:])),
        (serve, verify),
    ),
    "no chain at all": (manifest(lambda m: m.update(frames=None)), (serve, verify)),
    "a chain of another contract": (
        manifest(lambda m: m["frames"].update(contract_version="9.0")),
        (serve, verify),
    ),
    "fewer bins": (manifest(lambda m: m["counts"].update(bins=1700)), (serve, verify)),
    "a certificate": (manifest(lambda m: m["certificate"].update(ok=not m["certificate"]["ok"])), (serve, verify)),
    "its identity": (manifest(lambda m: m["identity"].update(digests={"vp_book": "0"})), (serve, verify)),
    "the tick in its config": (manifest(lambda m: m["config"].update(tick_size=0.5)), (serve, verify, run)),
    "a time constant in its config": (manifest(lambda m: m["config"].update(tau_velocity=9.5)), (serve, verify)),
    # checksums.json
    "a digest of another file": (checksums(lambda c: c.update({"bins.parquet": "0" * 64})), (serve, verify)),
    "a file left out of the list": (checksums(lambda c: c.pop("grid_clean.parquet")), (serve, verify)),
    "a file more in the list": (checksums(lambda c: c.update({"more": "0" * 64})), (serve, verify)),
    # the dataset, and the ledger with it
    "a price, the chain, and no ledger": (
        both(bins(lambda t: t.with_columns(PRICE + 0.25)), rechain, forget_ledger),
        (serve, verify, promoted),
    ),
    "another dataset of this name": (another_dataset, (serve, verify, promoted)),
    # results
    "a figure of a threshold": (
        part("runs.parquet", lambda t: t.with_columns(pl.col("mean_pnl_ticks") + 5.0)),
        (verify,),
    ),
    "parameters of a run": (
        part("runs_meta.parquet", lambda t: t.with_columns(params_json=pl.lit("{}"))),
        (verify,),
    ),
    "what a run was judged on": (
        part("runs_meta.parquet", lambda t: t.with_columns(dataset_files_json=pl.lit('{"bins.parquet":"0"}'))),
        (verify, promoted),
    ),
    "a run of another name": (part("runs_meta.parquet", lambda t: t.with_columns(run_id=pl.lit("f" * 16))), (verify,)),
    "a p-value": (part("corrections.parquet", lambda t: t.with_columns(p_corrected=pl.lit(0.0001))), (verify,)),
    "rows of thresholds gone": (drop_part("runs.parquet"), (verify,)),
    "runs gone": (drop_part("runs_meta.parquet"), (verify,)),
    "p-values gone": (drop_part("corrections.parquet"), (verify,)),
    # the ledger
    "what a dataset held": (ledger(other_digests, "datasets"), (verify, promoted)),
    "a part left out of it": (ledger(lambda e: e["parts"].pop(), "parts"), (verify,)),
    "a part more in it": (ledger(lambda e: e["parts"].append("runs.parquet/none.parquet"), "parts"), (verify,)),
    # registry
    "an alias without an event": (sql("UPDATE serving_aliases SET serving_id = 'srv_none'"), (serve, verify)),
    "an alias gone": (sql("DELETE FROM serving_aliases"), (serve,)),
    "an alias of another name": (sql("UPDATE serving_aliases SET alias = 'big'"), (serve,)),
    "the time of an alias": (sql("UPDATE serving_aliases SET updated = '2020'"), (serve,)),
    "the digest of a version": (sql("UPDATE serving_versions SET spec_sha256 = 'f'"), (serve,)),
    "the run of a version": (sql("UPDATE serving_versions SET source_run = 'f'"), (serve,)),
    "the path of a version": (sql("UPDATE serving_versions SET spec_path = '../x.yaml'"), (serve,)),
    "the target of an event": (sql("UPDATE promotion_events SET to_id = 'srv_none'"), (serve,)),
    "the actor of an event": (sql("UPDATE promotion_events SET actor = 'somebody'"), (serve,)),
    "the number of an event": (sql("UPDATE promotion_events SET seq = 7"), (serve,)),
    "an event gone": (sql("DELETE FROM promotion_events"), (serve, verify)),
    # version files
    "a version file": (version_file(lambda d: d.replace(b"tau_velocity: 2.0", b"tau_velocity: 2.5")), (serve, verify)),
    "a version file and its row": (
        version_and_row(lambda d: d.replace(b"tau_velocity: 2.0", b"tau_velocity: 2.5")),
        (serve, verify),
    ),
    "the threshold in a version file": (version_file(lambda d: d + b"\n"), (serve, verify)),
    "a version file gone": (lambda desk: desk.version.unlink(), (serve, verify)),
    # frame log
    "a number in a frame": (frames(bend(20, b'"trade_count":', b'"trade_count":1')), (serve,)),
    "a price in a frame": (frames(bend(3, b'"mid_price":', b'"mid_price":1')), (serve,)),
    "the signal in a frame": (frames(bend(200, b'"score":', b'"score":1')), (serve,)),
    "no signal in a frame": (frames(bend(20, b'"signal":', b'"signals":')), (serve,)),
    "the grid of a frame": (frames(bend_grid), (serve,)),
    "a mark in a frame": (frames(other_marks(lambda m: [{**m[0], "size": "1"}, *m[1:]])), (serve,)),
    "a mark too many": (frames(other_marks(lambda m: [*m, m[0]])), (serve,)),
    "a mark with a member too many": (frames(other_marks(lambda m: [{**m[0], "by": "me"}, *m[1:]])), (serve,)),
    "marks that are none": (frames(other_marks(lambda m: 7)), (serve,)),
    "no marks in frames": (frames(no_marks), (serve,)),
    "frames in another order": (frames(lambda f: [*f[:100], f[101], f[100], *f[102:]]), (serve,)),
    "a frame gone": (frames(lambda f: f[:-1]), (serve,)),
    "no frames": (frames(lambda f: []), (serve,)),
    "the log of another serving": (another_key, (verify_logs, serve)),
    "a block that expands to 200 MiB": (
        block(zstandard.ZstdCompressor().compress(bytes(200 << 20))),
        (verify_logs, serve),
    ),
    "a block of nonsense": (block(compressed(b"\xff" * 99)), (verify_logs, serve)),
    # raw file
    "another market": (raw_file(lambda desk, _: (desk.root / "other.dbn.zst").read_bytes()), (serve,)),
    "a byte of the raw file": (raw_file(one_byte), (serve,)),
    "a byte of it, and not its record": (raw_file(one_byte, keep_record=True), (serve, verify)),
    "the raw file, compressed again": (raw_file(repacked), (serve,)),
    "a part of the raw file": (raw_file(lambda _, data: data[: len(data) // 2]), (serve,)),
    # book checkpoint
    "the physics in a checkpoint": (book(scale("physics", 2)), (serve,)),
    "the ladder in a checkpoint": (book(scale("ladder", 3)), (replay,)),
    "parameters in a checkpoint": (book(scale("params", 1.01)), (replay,)),
}


def finds(finder: Finder, desk: Desk) -> bool:
    try:
        return finder(desk)
    except FINDS:
        return True


def test_there_are_enough_kinds() -> None:
    assert len(CASES) >= 60


def test_nothing_is_found_where_nothing_was_edited(desk: Desk) -> None:
    assert [finder.__name__ for finder in (serve, verify, verify_logs, run, promoted) if finds(finder, desk)] == []


@pytest.mark.parametrize("case", CASES)
def test_what_was_tampered_with_is_found(desk: Desk, case: str) -> None:
    edit, finders = CASES[case]
    edit(desk)
    blind = [finder.__name__ for finder in finders if not finds(finder, desk)]
    assert blind == []
