"""`vp download`: days of a market by Databento's batch service, from their price to their files in the lake."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from vp_book.live import api_key
from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, load_lock
from vp_cli.output import AsJson, print_json, print_rows, progress, say
from vp_cli.printed.data import Refused
from vp_harness import Lake, VpHarnessError, open_lake
from vp_harness.errors import BusyError
from vp_harness.intake import (
    DatabentoApi,
    Downloads,
    Patience,
    Plan,
    StateFile,
    Wanted,
    days_of,
    locks_of,
    make_plan,
)

download = typer.Typer(help="Order days of a market of Databento by batch, and bring them into the lake.")

Roots = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROOT]...", help="Symbol roots, as ES NQ or AAPL; that of the instrument lock if none."),
]
Dates = Annotated[
    list[str] | None, typer.Option("--date", help="UTC day 2026-01-05, or 2026-01-05..2026-01-09; repeatable.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Agree to what the orders cost.")]
MaxUsd = Annotated[
    float | None, typer.Option("--max-usd", min=0.0, help="Refuse orders that cost more together, in US dollars.")
]
Dataset = Annotated[
    str | None,
    typer.Option(help="Databento dataset; GLBX.MDP3 for futures and XNAS.ITCH for equities if not given."),
]
Gateway = Annotated[str | None, typer.Option(help="Another address of the service, as https://HOST:PORT.")]
PollS = Annotated[float, typer.Option("--poll-s", min=0.01, help="Seconds between two polls of jobs that are at work.")]

COLUMNS: Final = ["root", "symbol", "date", "state", "MB", "USD", "what"]
WORDS: Final = {"planned": "to order", "submitting": "ordering", "waiting": "ordered"}
"""Words for states whose name does not say what they are."""


class _Choice(NamedTuple):
    """What a command was asked for."""

    roots: Sequence[str] | None
    dates: Sequence[str]
    dataset: str | None
    yes: bool
    max_usd: float | None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(download, name="download", no_args_is_help=True)


@download.command("submit")
def submit(
    roots: Roots = None,
    dates: Dates = None,
    yes: Yes = False,
    max_usd: MaxUsd = None,
    dataset: Dataset = None,
    gateway: Gateway = None,
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Show what days of some roots cost, and with --yes order them.

    Of a future it is the contract with the most volume on each day. What is in the lake, or ordered, is not ordered
    again.
    """
    if not dates:
        raise typer.BadParameter("is missing: say which days", param_hint="--date")
    with _downloads(lake_root, gateway, Patience()) as (downloads, api):
        plan = _agreed(downloads, api, config_root, _Choice(roots, dates, dataset, yes, max_usd), as_json)
        downloads.want(plan)
        _print(downloads.order(), as_json)


@download.command("poll")
def poll(gateway: Gateway = None, lake_root: LakeRoot = LAKE_ROOT, as_json: AsJson = False) -> None:
    """Ask once how far the jobs are, and bring what is finished into the lake."""
    try:
        with _downloads(lake_root, gateway, Patience()) as (downloads, _):
            _print(downloads.poll(), as_json)
    except BusyError as busy:
        say(str(busy))
        with StateFile(open_lake(lake_root).downloads_path) as state:
            _print(state.all(), as_json)


@download.command("daemon")
def daemon(
    roots: Roots = None,
    dates: Dates = None,
    yes: Yes = False,
    max_usd: MaxUsd = None,
    dataset: Dataset = None,
    gateway: Gateway = None,
    poll_s: PollS = 15.0,
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Order, poll and fetch until nothing is left, however long the service is in trouble.

    Without --date it goes on with what was ordered. It may be killed at any moment: the next one goes on where it was.
    """
    if roots and not dates:
        raise typer.BadParameter("is missing: say which days of the roots", param_hint="--date")
    began = dt.datetime.now(dt.UTC)
    with _downloads(lake_root, gateway, Patience(poll_s=poll_s)) as (downloads, api):
        if dates:
            plan = _agreed(downloads, api, config_root, _Choice(roots, dates, dataset, yes, max_usd), as_json)
            downloads.want(plan)
        found = downloads.run()
        _print(found, as_json)
    over = [wanted for wanted in found if wanted.changed_at is not None and wanted.changed_at >= began]
    failed = [wanted for wanted in over if wanted.state == "failed"]
    if failed:
        raise CliError(
            f"{len(failed)} of {len(over)} files cannot be had: {failed[0].name}: {failed[0].note}; "
            "what can be mended is ordered again by `vp download submit`"
        )


@contextmanager
def _downloads(lake_root: Path, gateway: str | None, patience: Patience) -> Iterator[tuple[Downloads, DatabentoApi]]:
    """The downloads of a lake and the api of the account; bars on a terminal, and a line for every change."""
    lake: Lake = open_lake(lake_root)
    key = api_key()
    with progress("files") as update:

        def print_line(line: str) -> None:
            say(f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} {line}")

        api = DatabentoApi(key, gateway)
        with Downloads(lake, api, patience=patience, tell=print_line, progress=update) as downloads:
            yield downloads, api


def _agreed(downloads: Downloads, api: DatabentoApi, config_root: Path, choice: _Choice, as_json: bool) -> Plan:
    """What is to be ordered, printed with its price. Raises VpHarnessError unless the price is agreed to."""
    locks = locks_of(choice.roots or [load_lock(config_root).symbol_root], config_root)
    with progress("prices") as update:
        plan = make_plan(
            api,
            downloads.lake,
            downloads.state,
            locks,
            days_of(choice.dates),
            dataset=choice.dataset,
            patience=downloads.patience,
            progress=lambda done, total: update("prices", done, total),
        )
    count = len(plan.to_order)
    orders = f"{count} file{'' if count == 1 else 's'} for {plan.usd:.2f} USD"
    refused = None
    if count and choice.max_usd is not None and plan.usd > choice.max_usd:
        refused = VpHarnessError(f"{orders} is more than {choice.max_usd:.2f}: nothing was ordered", argument="max_usd")
    elif count and not choice.yes:
        refused = VpHarnessError(f"{orders}: nothing was ordered; agree to the price", argument="yes")
    rows = [_row(row.wanted, row.symbol_root, row.date, row.standing) for row in plan.rows]
    if not as_json:
        print_rows(f"{orders} to order", rows, COLUMNS[:-1])
    elif refused:
        order: Refused = {"usd": plan.usd, "files": list(plan.rows)}
        print_json(order)
    if refused:
        raise refused
    return plan


def _print(found: list[Wanted], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        rows = [_row(one, one.symbol_root, one.date, one.state) | {"what": one.note} for one in found]
        print_rows("downloads", rows, COLUMNS)


def _row(wanted: Wanted | None, root: str, date: dt.date, state: str) -> dict[str, object]:
    priced = wanted is not None and wanted.billable_size > 0
    return {
        "root": root,
        "symbol": None if wanted is None else wanted.symbol,
        "date": date.isoformat(),
        "state": WORDS.get(state, state),
        "MB": round(wanted.billable_size / 1e6, 1) if wanted is not None and priced else None,
        "USD": round(wanted.usd, 2) if wanted is not None and priced else None,
    }
