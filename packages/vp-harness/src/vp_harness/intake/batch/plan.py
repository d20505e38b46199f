"""What of some roots and days is to be ordered, and what that costs. Nothing here is billed."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from vp_contract import InstrumentLock, instrument_path, load_instrument
from vp_harness.errors import DownloadError
from vp_harness.intake.batch.api import Api
from vp_harness.intake.batch.patience import Patience
from vp_harness.intake.batch.state import OPEN, StateFile, Wanted
from vp_harness.lake.paths import Lake
from vp_harness.lake.raw import SUFFIXES, recorded

DATASETS: Final = {"future_mbo": "GLBX.MDP3", "equity_mbo": "XNAS.ITCH"}
"""The dataset of a product type where none is named."""
MOST_FILES: Final = 2_000

Standing = Literal["stored", "ordered", "to order", "no data", "no contract"]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A root's day in a plan.

    `standing` is `stored` (in the lake), `ordered` (wanted already), `to order`, `no data` (the market did not trade)
    or `no contract` (no contract of the root on that day).
    """

    symbol_root: str
    date: dt.date
    standing: Standing
    wanted: Wanted | None = None


class Plan(msgspec.Struct, frozen=True):
    """The days of the roots, by date."""

    rows: tuple[Planned, ...]

    @property
    def to_order(self) -> list[Wanted]:
        """What has to be ordered."""
        return [row.wanted for row in self.rows if row.standing == "to order" and row.wanted is not None]

    @property
    def usd(self) -> float:
        """What the orders cost, in US dollars."""
        return sum(wanted.usd for wanted in self.to_order)


def days_of(texts: Sequence[str]) -> list[dt.date]:
    """Days written as 2026-01-05 or, first and last, 2026-01-05..2026-01-09; each once, in order.

    Raises DownloadError for what is no day.
    """
    found: set[dt.date] = set()
    for text in texts:
        first_text, dots, last_text = text.partition("..")
        try:
            first = dt.date.fromisoformat(first_text)
            last = dt.date.fromisoformat(last_text) if dots else first
        except ValueError:
            raise DownloadError(f"date={text!r}: is no day; write 2026-01-05, or 2026-01-05..2026-01-09") from None
        if last < first:
            raise DownloadError(f"date={text!r}: the last day is before the first")
        if last >= dt.datetime.now(dt.UTC).date():
            raise DownloadError(f"date={text!r}: {last} (UTC) is not over; ask for days before it")
        found.update(first + dt.timedelta(days=n) for n in range((last - first).days + 1))
    return sorted(found)


def instruments(config_root: str | os.PathLike[str]) -> dict[str, InstrumentLock]:
    """The instruments that the configs describe, by symbol root; of several the lock of the environment is meant.

    Raises SpecError for a file that cannot be read, and DownloadError for files of one root that differ in their tick.
    """
    own = instrument_path(config_root)
    found: dict[str, InstrumentLock] = {}
    places: dict[str, Path] = {}
    for path in [own, *sorted((Path(config_root) / "instruments").glob("*.yaml"))]:
        if not path.exists():
            continue
        lock = load_instrument(path)
        before = found.setdefault(lock.symbol_root, lock)
        first = places.setdefault(lock.symbol_root, path)
        if (before.product_type, before.tick_int) != (lock.product_type, lock.tick_int) and first != own:
            raise DownloadError(f"{path}: differs from {first} in the tick or type of {lock.symbol_root}; keep one")
    return found


def locks_of(roots: Sequence[str], config_root: str | os.PathLike[str]) -> list[InstrumentLock]:
    """The instruments of some roots. Raises DownloadError naming a root that no file describes."""
    known = instruments(config_root)
    for root in roots:
        if root not in known:
            raise DownloadError(
                f"root={root!r}: no instrument file has this symbol_root; there are {', '.join(sorted(known))}; "
                f"write one for it in {Path(config_root) / 'instruments'}"
            )
    return [known[root] for root in dict.fromkeys(roots)]


def make_plan(
    api: Api,
    lake: Lake,
    state: StateFile,
    locks: Sequence[InstrumentLock],
    days: Sequence[dt.date],
    *,
    dataset: str | None = None,
    patience: Patience,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """What of these roots and days is there, what is ordered, and what the rest costs.

    A future is that contract of its root which has the most volume on the day, by the service's own symbology; an
    equity has one symbol. `progress` is called with the days looked at and their number.

    Raises DownloadError when the service cannot be asked.
    """
    if len(locks) * len(days) > MOST_FILES:
        raise DownloadError(f"{len(locks)} roots on {len(days)} days are more than {MOST_FILES} files; ask in parts")
    open_ones = {wanted.key: wanted for wanted in state.all(*OPEN)}
    symbols = _symbols(api, locks, days, dataset, patience)
    rows: list[Planned] = []
    for day in days:
        for lock in locks:
            named = dataset or DATASETS[lock.product_type]
            symbol = symbols.get((lock.symbol_root, day))
            if progress:
                progress(len(rows), len(locks) * len(days))
            if symbol is None:
                rows.append(Planned(symbol_root=lock.symbol_root, date=day, standing="no contract"))
                continue
            wanted = Wanted(
                dataset=named,
                symbol=symbol,
                date=day,
                product_type=lock.product_type,
                symbol_root=lock.symbol_root,
                tick_size=str(lock.tick_size),
            )
            wanted, standing = _standing(api, lake, wanted, open_ones, patience)
            rows.append(Planned(symbol_root=lock.symbol_root, date=day, standing=standing, wanted=wanted))
    return Plan(tuple(rows))


def stored_file(lake: Lake, wanted: Wanted) -> Path | None:
    """The file of a day of a symbol in the lake, if it was imported whole."""
    directory = lake.raw_dir(wanted.product_type, wanted.symbol_root)
    for suffix in SUFFIXES:
        path = directory / f"{wanted.symbol.lower()}-{wanted.date:%Y%m%d}.mbo{suffix}"
        if path.exists() and recorded(path) is not None:
            return path
    return None


def _standing(
    api: Api, lake: Lake, wanted: Wanted, open_ones: dict[tuple[str, str, str], Wanted], patience: Patience
) -> tuple[Wanted, Standing]:
    if stored_file(lake, wanted) is not None:
        return wanted, "stored"
    if wanted.key in open_ones:
        return open_ones[wanted.key], "ordered"
    price = patience.asking(lambda: api.price(wanted.dataset, wanted.symbol, wanted.date))
    priced = msgspec.structs.replace(wanted, usd=price.usd, billable_size=price.billable_size)
    return priced, "to order" if price.billable_size else "no data"


def _symbols(
    api: Api, locks: Sequence[InstrumentLock], days: Sequence[dt.date], dataset: str | None, patience: Patience
) -> dict[tuple[str, dt.date], str]:
    found = {(lock.symbol_root, day): lock.symbol for lock in locks for day in days}
    roots = [lock.symbol_root for lock in locks if lock.product_type == "future_mbo"]
    if not roots or not days:
        return found
    named = dataset or DATASETS["future_mbo"]
    fronts = patience.asking(lambda: api.front_contracts(named, roots, days[0], days[-1]))
    return {(root, day): symbol for (root, day), symbol in found.items() if root not in roots} | fronts
