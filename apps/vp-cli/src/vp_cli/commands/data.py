"""Commands about data: bringing files in, making datasets, listing them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from vp_book.feeds import Conversion, convert_csv, convert_itch50, convert_lobster
from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, PipelineName, RegistryUrl, load_lock
from vp_cli.output import AsJson, print_facts, print_json, print_rows, progress, say, say_left_out
from vp_cli.printed.data import Generated, GeneratedDay, GeneratedDays, Imported, ListedDataset
from vp_harness import (
    Dataset,
    DaysMade,
    Lake,
    RawFile,
    days_of_pipeline,
    generate,
    generate_days,
    import_converted,
    import_file,
    list_datasets,
    load_csv_map,
    open_lake,
    overview,
    pipeline_config,
    utc_text,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_)
    app.command("generate")(generate_)
    app.command("list-datasets")(list_datasets_)


_SELDOM: Final = ("unsound_reasons", "ended_early")
"""What is shown of a dataset where there is something to show."""

Feed = Literal["itch50", "lobster", "csv"]
NEEDS: Final = {"itch50": ("date",), "lobster": ("date", "book"), "csv": ("map",)}
"""Options of `import --from` that a feed cannot do without."""


def import_(
    file: Annotated[Path, typer.Argument(help="A .dbn or .dbn.zst file of the mbo schema, or with --from another.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    pipeline: PipelineName = None,
    feed: Annotated[
        Feed | None,
        typer.Option(
            "--from",
            help="Convert a file of another feed: Nasdaq TotalView-ITCH 5.0, LOBSTER, or a table of order events.",
        ),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="With --from: what to take; the symbol of the instrument lock.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="With --from: the day in New York, YYYY-MM-DD.")] = None,
    book: Annotated[Path | None, typer.Option(help="With --from lobster: the order book file.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--map", help="With --from csv: the YAML file that says what its columns mean.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a replay file whole and copy it into the lake; without a pipeline nothing wrong with it is taken."""
    given = {"symbol": symbol, "date": date, "book": book, "map": mapping}
    if feed is None:
        for name, value in given.items():
            if value is not None:
                raise typer.BadParameter("needs --from", param_hint=f"--{name}")
        target, found = _import_dbn(file, lake_root, config_root, pipeline)
    else:
        for name in NEEDS[feed]:
            if given[name] is None:
                raise typer.BadParameter(f"is missing: --from {feed} needs it", param_hint=f"--{name}")
        for name, value in given.items():
            if value is not None and name not in ("symbol", *NEEDS[feed]):
                raise typer.BadParameter(f"has no meaning with --from {feed}", param_hint=f"--{name}")
        if pipeline is not None:
            raise typer.BadParameter("has no meaning with --from", param_hint="--pipeline")
        lock = load_lock(config_root)
        if symbol not in (None, lock.symbol):
            raise CliError(
                f"symbol={symbol}: the instrument lock is of {lock.symbol}; set VP_INSTRUMENT_CONFIG_PATH to a file "
                f"of {symbol}"
            )
        columns = None if mapping is None else load_csv_map(mapping)
        with progress("messages") as update:

            def count(messages: int) -> None:
                update("messages", messages, None)

            def convert(output: Path) -> Conversion:
                if columns is not None:
                    return convert_csv(
                        file,
                        output,
                        symbol=lock.symbol,
                        columns=columns.columns,
                        dataset=columns.dataset,
                        progress=count,
                    )
                if book is not None:
                    return convert_lobster(file, book, output, symbol=lock.symbol, date=date or "", progress=count)
                return convert_itch50(file, output, symbol=lock.symbol, date=date or "", progress=count)

            target, found = import_converted(
                lake_root, lock, convert, progress=lambda records: update("records", records, None)
            )
    facts: Imported = {
        "path": str(target),
        "symbol": found.symbol,
        "dataset": found.dataset,
        "publishers": list(found.publishers),
        "covers": [utc_text(ns) for ns in found.covered_ns or (found.first_ns, found.last_ns)],
        "records": found.records,
        "first_record": utc_text(found.first_ns),
        "last_record": utc_text(found.last_ns),
        "size": found.size,
        "sha256": found.sha256,
        "damage": found.damage,
        "origin": found.origin,
    }
    if as_json:
        print_json(facts)
        return
    shown: dict[str, object] = {name: value for name, value in facts.items() if name != "origin"}
    if found.origin is not None:
        shown |= {"feed": found.origin.feed, "converted from": found.origin.sha256, **found.origin.facts}
    print_facts("imported", shown)


def _import_dbn(file: Path, lake_root: Path, config_root: Path, pipeline: str | None) -> tuple[Path, RawFile]:
    capture = None if pipeline is None else pipeline_config(pipeline, config_root)
    with progress("records") as update:
        return import_file(
            lake_root,
            file,
            load_lock(config_root),
            publisher=None if capture is None else capture.publisher,
            on_damage="refuse" if capture is None else capture.on_damage,
            progress=lambda records: update("records", records, None),
        )


def generate_(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline spec, or the path of one.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Make the immutable dataset of a pipeline, or find it made; of a pipeline with several dates one a day."""
    lake = open_lake(lake_root)
    before = list_datasets(lake)
    if len(days_of_pipeline(pipeline, config_root)) > 1:
        with progress("days") as update:
            update("days", 0, None)
            days = generate_days(
                pipeline,
                lake,
                config_root=config_root,
                progress=lambda done, total: update("days", done, total),
            )
        _say_days(lake, days, before, as_json)
        return
    with progress("bins") as update:
        update("bins", 0, None)  # hashing, compiling and warming up come before the first of them
        dataset_id = generate(
            pipeline,
            lake,
            config_root=config_root,
            progress=lambda done, total: update("bins", done, total),
        )
    dataset = Dataset.open(lake, dataset_id)
    found = dataset_id in before
    counts = dataset.manifest["counts"]
    facts: Generated = {
        "dataset_id": dataset_id,
        "path": str(dataset.path),
        "made": not found,
        "bins": counts["bins"],
        "valid_bins": counts["valid_bins"],
        "events": counts["events"],
        "grid_rows": counts["grid_rows"],
        "rows_per_bin": counts["rows_per_bin"],
        "bytes": sum(path.stat().st_size for path in dataset.path.iterdir()),
        "sources": list(dataset.sources.names),
        "sound": dataset.sound,
        "unsound_reasons": list(dataset.unsound_reasons),
        "ended_early": dataset.manifest["ended_early"],
    }
    if as_json:
        print_json(facts)
        return
    title = "dataset, there already and whole" if found else "dataset"
    print_facts(title, {name: value for name, value in facts.items() if value or name not in _SELDOM})


def _say_days(lake: Lake, days: DaysMade, before: Sequence[str], as_json: bool) -> None:
    rows: list[GeneratedDay] = []
    for date, dataset_id in days.dataset_ids.items():
        dataset = Dataset.open(lake, dataset_id)
        counts = dataset.manifest["counts"]
        rows.append(
            {
                "date": date,
                "dataset_id": dataset_id,
                "made": dataset_id not in before,
                "bins": counts["bins"],
                "events": counts["events"],
                "sound": dataset.sound,
            }
        )
    if as_json:
        made: GeneratedDays = {"days": rows, "left_out": dict(days.left_out)}
        print_json(made)
        return
    print_rows("a dataset a day", rows, list(rows[0]))
    say_left_out(days.left_out)


def list_datasets_(
    verify: Annotated[bool, typer.Option("--verify", help="Recompute every checksum too.")] = False,
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the datasets of the lake: size, status, where they come from and what rests on them."""
    with progress("datasets") as update:
        update("datasets", 0, None)
        found = overview(open_lake(lake_root), config_root=config_root, registry_url=registry_url, verify=verify)
    for problem in found.problems:
        say(problem)
    rows: list[dict[str, Any]] = [msgspec.to_builtins(dataset) for dataset in found.datasets]
    if as_json:
        print_json([_listed(row) for row in rows])
        return
    shown = [
        {
            "dataset_id": row["dataset_id"],
            "status": row["status"],
            "bins": row["bins"],
            "MB": round(row["size_bytes"] / 1e6, 1),
            "source": f"{row['source']} {row['source_sha256'][:8]}".strip(),
            "campaigns": " ".join(row["campaigns"]),
            "runs": row["runs"],
            "aliases": " ".join(row["aliases"]),
        }
        for row in rows
    ]
    columns = ["dataset_id", "status", "bins", "MB", "source", "campaigns", "runs", "aliases"]
    print_rows("datasets", shown, columns)
    for row in rows:
        if row["problem"]:
            say(f"{row['dataset_id']}: {row['problem']}")


def _listed(row: dict[str, Any]) -> ListedDataset:
    """A dataset as JSON has it: what cannot be known of one whose manifest cannot be read is null."""
    read = bool(row["created_utc"])
    return {
        "dataset_id": row["dataset_id"],
        "status": row["status"],
        "size_bytes": row["size_bytes"],
        "pipeline": row["pipeline"] if read else None,
        "bins": row["bins"] if read else None,
        "source": row["source"] if read else None,
        "source_sha256": row["source_sha256"] if read else None,
        "created_utc": row["created_utc"] if read else None,
        "campaigns": row["campaigns"],
        "runs": row["runs"],
        "aliases": row["aliases"],
        "problem": row["problem"] or None,
    }
