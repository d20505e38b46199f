"""What is wanted of the batch service and how far it is: a SQLite file in the lake, right after a kill at any moment.

A file that is wanted goes from `planned` (its price was agreed to) to `submitting` (the order was sent, its answer is
not known), `waiting` (its job is known) and `stored`. `failed` is the end of one that cannot be had without another
order.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from vp_contract import InstrumentLock
from vp_harness.errors import DownloadError
from vp_harness.intake.batch.api import Job

FILE: Final = "downloads.sqlite"
State = Literal["planned", "submitting", "waiting", "stored", "failed"]
OPEN: Final = ("planned", "submitting", "waiting")

_VERSION: Final = 1
_TABLES: Final = """
CREATE TABLE wanted (
    dataset TEXT NOT NULL,
    symbol TEXT NOT NULL,
    date TEXT NOT NULL,
    product_type TEXT NOT NULL,
    symbol_root TEXT NOT NULL,
    tick_size TEXT NOT NULL,
    usd REAL NOT NULL,
    billable_size INTEGER NOT NULL,
    state TEXT NOT NULL,
    submitted_at TEXT,
    job_id TEXT,
    bad_copies INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    changed_at TEXT NOT NULL,
    PRIMARY KEY (dataset, symbol, date)
) STRICT;
CREATE TABLE jobs (job_id TEXT PRIMARY KEY, details TEXT NOT NULL) STRICT;
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a symbol: what it is, what it cost when it was agreed to, and how far it is.

    `date` is the UTC day, `usd` US dollars, `billable_size` bytes, `bad_copies` how often what came was not what the
    service says its file is, `note` what happened last, `submitted_at` and `changed_at` times in UTC.
    """

    dataset: str
    symbol: str
    date: dt.date
    product_type: Literal["future_mbo", "equity_mbo"]
    symbol_root: str
    tick_size: str
    usd: float = 0.0
    billable_size: int = 0
    state: State = "planned"
    submitted_at: dt.datetime | None = None
    job_id: str | None = None
    bad_copies: int = 0
    note: str = ""
    changed_at: dt.datetime | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return self.dataset, self.symbol, self.date.isoformat()

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"{self.symbol} {self.date}"

    @property
    def lock(self) -> InstrumentLock:
        """The instrument that its file must be of."""
        return msgspec.convert(
            {
                "product_type": self.product_type,
                "symbol": self.symbol,
                "symbol_root": self.symbol_root,
                "tick_size": self.tick_size,
                "price_decimals": 9,
            },
            InstrumentLock,
        )


class StateFile:
    """The file. Every method is one transaction that is on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._as_harness_errors():
            # autocommit: `_transaction` says where one begins
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA synchronous=FULL")
            with self._transaction():
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    for statement in _TABLES.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version={_VERSION}")
        if version > _VERSION:
            self.close()
            raise DownloadError(f"{path}: was written by a later version ({version}); install that one")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> StateFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def all(self, *states: str) -> list[Wanted]:
        """What is wanted, in `states` or at all, by date and symbol."""
        with self._as_harness_errors():
            rows = self._db.execute("SELECT * FROM wanted ORDER BY date, symbol, dataset").fetchall()
            found = [msgspec.convert(dict(row), Wanted, strict=False) for row in rows]
        return [wanted for wanted in found if not states or wanted.state in states]

    def plan(self, wanted: Wanted) -> None:
        """Want a file whose price was agreed to, in the place of one of the same name that is over."""
        values = msgspec.to_builtins(wanted) | {"changed_at": _now()}
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        with self._as_harness_errors(), self._transaction():
            self._db.execute(
                f"INSERT INTO wanted ({names}) VALUES ({marks}) ON CONFLICT DO UPDATE SET "
                + ", ".join(f"{name}=excluded.{name}" for name in values)
                + " WHERE state IN ('stored', 'failed')",
                values,
            )

    def move(self, wanted: Wanted, state: State, note: str = "", **changes: Any) -> bool:
        """Take a file from the state that it is in to another one; False if it is not in that state any more."""
        values = {"state": state, "note": note, "changed_at": _now(), **changes}
        sets = ", ".join(f"{name}=?" for name in values)
        with self._as_harness_errors(), self._transaction():
            done = self._db.execute(
                f"UPDATE wanted SET {sets} WHERE dataset=? AND symbol=? AND date=? AND state=?",
                [*values.values(), *wanted.key, wanted.state],
            )
        return done.rowcount == 1

    def submitting(self, wanted: Wanted) -> bool:
        """Say that the order goes out now; True for the one who may send it."""
        return self.move(wanted, "submitting", submitted_at=_now())

    def known_jobs(self) -> dict[str, Job]:
        """The account's jobs that were asked about, by id; their states are those of then."""
        with self._as_harness_errors():
            rows = self._db.execute("SELECT job_id, details FROM jobs").fetchall()
            return {row["job_id"]: msgspec.json.decode(row["details"], type=Job) for row in rows}

    def know_job(self, job: Job) -> None:
        """Keep what a job is of, so that it is asked about once."""
        with self._as_harness_errors(), self._transaction():
            details = msgspec.json.encode(job).decode()
            self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", (job.id, details))

    def forget_jobs(self, ids: set[str]) -> None:
        """Forget jobs that are not listed any more."""
        with self._as_harness_errors(), self._transaction():
            self._db.executemany("DELETE FROM jobs WHERE job_id=?", [(one,) for one in ids])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _as_harness_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise DownloadError(
                f"{self.path}: cannot be used ({error}); move it away if it is damaged: jobs that were ordered are "
                "found again in the list of the account's jobs, and files in the lake are not ordered again"
            ) from None


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()
