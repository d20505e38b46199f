"""Databento's batch API as the downloads use it: answers with types, and failures told apart by what may follow.

The official client does the talking. It is the extra `download`; nothing of it is imported before an api is made.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import logging
import re
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import msgspec

from vp_harness.errors import DownloadError

SCHEMA: Final = "mbo"
ENCODING: Final = "dbn"
CLIENT_THREADS: Final = "databento_batch"
"""How the threads are called in which the official client downloads."""

_KEPT_DAYS: Final = 31
"""Files of a job can be had for 30 days; older jobs are of no use."""
_STALLED_S: Final = 120.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_PERMANENT: Final = (401, 402, 403)

_Form = TypeVar("_Form")
_logger = logging.getLogger(__name__)
_abandoned: Final[list[threading.Thread]] = []


def is_stuck() -> bool:
    """Whether a download that was given up is still there: nothing ends its thread, and an exit would wait for it."""
    return any(thread.is_alive() for thread in _abandoned)


class TroubleError(DownloadError):
    """An answer did not come, or says that the service cannot now: what was asked may have been done all the same.

    `retry_after_s` is how long the service asks to wait, if it does; `too_many` that it has done nothing of what was
    asked.
    """

    def __init__(self, text: str, *, retry_after_s: float | None = None, too_many: bool = False) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.too_many = too_many


class RefusedError(DownloadError):
    """The service will not do what was asked, and has not done it."""


class AccountError(RefusedError):
    """The service refuses the key or the account: nothing else that is asked can go better."""


class Price(msgspec.Struct, frozen=True):
    """What a request costs in US dollars, and the bytes of uncompressed records that it is billed by."""

    usd: float
    billable_size: int


class Listed(msgspec.Struct, frozen=True):
    """A job in the list of the account's jobs."""

    id: str
    state: str


class Job(msgspec.Struct, frozen=True):
    """A job as the service describes it; of what was asked only the parts that decide what its files hold."""

    id: str
    state: str
    dataset: str
    schema: str
    symbols: str | tuple[str, ...]
    stype_in: str
    encoding: str
    start: str
    end: str | None = None
    cost_usd: float | None = None
    limit: int | None = None
    split_size: int | None = None

    def is_of(self, dataset: str, symbol: str, date: dt.date) -> bool:
        """Whether the job makes the file of this symbol and UTC day, and nothing else."""
        symbols = self.symbols.split(",") if isinstance(self.symbols, str) else list(self.symbols)
        asked = (self.dataset, symbols, self.schema, self.stype_in, self.encoding, self.limit, self.split_size)
        return (
            asked == (dataset, [symbol], SCHEMA, "raw_symbol", ENCODING, None, None)
            and _midnight(self.start) == date
            and _midnight(self.end) == date + dt.timedelta(days=1)
        )


class JobFile(msgspec.Struct, frozen=True):
    """A file of a job: its name, its size in bytes, and its hash as `sha256:` and 64 hex digits."""

    filename: str
    size: int
    hash: str


class _Interval(msgspec.Struct, frozen=True):
    d0: str
    d1: str
    s: str


class _Resolution(msgspec.Struct, frozen=True):
    result: dict[str, list[_Interval]]


class Api(Protocol):
    """What the downloads ask of the service. Every method raises TroubleError, RefusedError or AccountError."""

    def front_contracts(
        self, dataset: str, roots: Sequence[str], first: dt.date, last: dt.date
    ) -> dict[tuple[str, dt.date], str]:
        """Raw symbol of the contract with the most volume, by root and UTC day; days without one are missing."""
        ...

    def price(self, dataset: str, symbol: str, date: dt.date) -> Price:
        """What a day of a symbol costs."""
        ...

    def submit(self, dataset: str, symbol: str, date: dt.date) -> Job:
        """Order a day of a symbol. This is billed."""
        ...

    def jobs(self) -> list[Listed]:
        """The account's jobs whose files can be had, now or later."""
        ...

    def job(self, job_id: str) -> Job:
        """One job."""
        ...

    def files(self, job_id: str) -> list[JobFile]:
        """The files of a finished job."""
        ...

    def download(self, job_id: str, file: JobFile, directory: Path, progress: Callable[[int], None]) -> Path:
        """Bring a file to `directory`/`job_id`, going on where an earlier time stopped; returns its path."""
        ...


class DatabentoApi:
    """The api of an account. `gateway` is another address than that of the service, as https://HOST:PORT.

    `stalled_s` is how long a download may bring nothing before it is given up. Raises DownloadError when the official
    client is not installed.
    """

    def __init__(self, key: str, gateway: str | None = None, *, stalled_s: float = _STALLED_S) -> None:
        try:
            from databento import BentoError, BentoHttpError, Historical
        except ImportError as error:
            raise DownloadError(
                f"batch downloads need the official client ({error}): pip install 'vp-harness[download]'"
            ) from None
        self._http_error: type[Any] = BentoHttpError
        self._failures: tuple[type[Exception], ...] = (BentoError, OSError, ValueError, RuntimeError)
        try:
            self._client = Historical(key) if gateway is None else Historical(key, gateway=gateway)
        except ValueError as error:
            raise DownloadError(f"gateway={gateway}: is no address; use https://HOST:PORT ({error})") from None
        self._stalled_s = stalled_s
        self._given_up: dict[str, int] = {}

    def front_contracts(
        self, dataset: str, roots: Sequence[str], first: dt.date, last: dt.date
    ) -> dict[tuple[str, dt.date], str]:
        """See `Api`. An instrument id can be another contract on another day, so ids are resolved by day too."""
        continuous = {f"{root}.v.0": root for root in roots}
        until = last + dt.timedelta(days=1)
        ids = self._resolved(dataset, list(continuous), "continuous", "instrument_id", first, until)
        numbers = sorted({interval.s for intervals in ids.values() for interval in intervals})
        names = self._resolved(dataset, numbers, "instrument_id", "raw_symbol", first, until) if numbers else {}
        found: dict[tuple[str, dt.date], str] = {}
        for asked, intervals in ids.items():
            for day in _days(first, last):
                number = _on(intervals, day)
                symbol = None if number is None else _on(names.get(number, []), day)
                if symbol is not None and asked in continuous:
                    found[continuous[asked], day] = symbol
        return found

    def price(self, dataset: str, symbol: str, date: dt.date) -> Price:
        """See `Api`."""
        asked: dict[str, Any] = {
            "dataset": dataset,
            "symbols": [symbol],
            "schema": SCHEMA,
            "start": date.isoformat(),
            "end": (date + dt.timedelta(days=1)).isoformat(),
        }
        what = f"the price of {symbol} on {date}"
        size = self._asked(what, lambda: self._client.metadata.get_billable_size(**asked), int)
        usd = self._asked(what, lambda: self._client.metadata.get_cost(**asked), float) if size else 0.0
        return Price(usd, size)

    def submit(self, dataset: str, symbol: str, date: dt.date) -> Job:
        """See `Api`."""
        return self._asked(
            f"the order of {symbol} on {date}",
            lambda: self._client.batch.submit_job(
                dataset=dataset,
                symbols=[symbol],
                schema=SCHEMA,
                start=date.isoformat(),
                end=(date + dt.timedelta(days=1)).isoformat(),
                encoding=ENCODING,
                compression="zstd",
                split_duration="day",
                stype_in="raw_symbol",
            ),
            Job,
        )

    def jobs(self) -> list[Listed]:
        """See `Api`."""
        since = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=_KEPT_DAYS)
        return self._asked(
            "the list of jobs",
            lambda: self._client.batch.list_jobs(states=None, since=since.isoformat()),
            list[Listed],
        )

    def job(self, job_id: str) -> Job:
        """See `Api`."""
        return self._asked(f"job {job_id}", lambda: self._client.batch.get_job_details(job_id), Job)

    def files(self, job_id: str) -> list[JobFile]:
        """See `Api`."""
        return self._asked(f"the files of job {job_id}", lambda: self._client.batch.list_files(job_id), list[JobFile])

    def download(self, job_id: str, file: JobFile, directory: Path, progress: Callable[[int], None]) -> Path:
        """See `Api`. The client waits for ever on a connection that brings nothing, so it is watched from here."""
        for name in (job_id, file.filename):
            if not _NAME.fullmatch(name):
                raise RefusedError(f"job {job_id!r}: {name!r} is no name of a file")
        place = self._place(job_id, file, directory)
        path = place / job_id / file.filename
        outcome: list[Exception | None] = []

        def bring() -> None:
            try:
                self._asked(
                    f"{file.filename} of job {job_id}",
                    lambda: [str(at) for at in self._client.batch.download(job_id, place, file.filename)],
                    list[str],
                )
                outcome.append(None)
            except Exception as error:  # noqa: BLE001 - handed to the thread that asked
                outcome.append(error)

        thread = threading.Thread(target=bring, name=f"{CLIENT_THREADS}_watched", daemon=True)
        thread.start()
        size, moved = -1, time.monotonic()
        while thread.is_alive():
            thread.join(0.1 if size >= 0 else 0.01)
            now = _size(path)
            if now != size:
                size, moved = now, time.monotonic()
                progress(max(size, 0))
            elif time.monotonic() - moved > self._stalled_s:
                _abandoned.append(thread)
                self._given_up[job_id] = self._given_up.get(job_id, 0) + 1
                raise TroubleError(f"{file.filename} of job {job_id}: nothing came for {self._stalled_s:.0f} s")
        if outcome[0] is not None:
            raise outcome[0]
        return path

    def _place(self, job_id: str, file: JobFile, directory: Path) -> Path:
        """Where a download goes on; after one that was given up on a copy, for its thread may still write."""
        given_up = self._given_up.get(job_id, 0)
        if not given_up:
            return directory
        before = directory if given_up == 1 else directory / f"{given_up - 1}"
        place = directory / f"{given_up}"
        there, copy = (at / job_id / file.filename for at in (before, place))
        if there.exists() and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there, copy)
        return place

    def _resolved(
        self, dataset: str, symbols: list[str], stype_in: str, stype_out: str, first: dt.date, until: dt.date
    ) -> dict[str, list[_Interval]]:
        return self._asked(
            f"the symbols of {', '.join(symbols[:5])}",
            lambda: self._client.symbology.resolve(
                dataset=dataset,
                symbols=symbols,
                stype_in=stype_in,
                stype_out=stype_out,
                start_date=first.isoformat(),
                end_date=until.isoformat(),
            ),
            _Resolution,
        ).result

    def _asked(self, what: str, call: Callable[[], object], form: type[_Form]) -> _Form:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                answer = call()
            for warning in caught:
                _logger.info("%s: %s", what, warning.message)
            return msgspec.convert(answer, form, strict=False)
        except msgspec.ValidationError as error:
            raise TroubleError(f"{what}: the answer is not what the service answers ({error})") from None
        except self._http_error as error:
            raise _failure(what, error) from None
        except self._failures as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
                raise  # of this machine, as a full disk
            raise TroubleError(f"{what}: {_first_line(error)}") from None


def _failure(what: str, error: Any) -> DownloadError:
    """Which of the errors an HTTP status is."""
    status, text = int(error.http_status), f"{what}: {_first_line(error)}"
    if status in _PERMANENT:
        return AccountError(f"{text}; check DATABENTO_API_KEY and the account")
    if status >= 500 or status in (408, 429):
        headers = error.headers or {}
        wait_s = _wait_s(headers.get("Retry-After"))
        return TroubleError(text, retry_after_s=wait_s, too_many=status == 429)
    return RefusedError(text)


def _wait_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which has them or a date."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        then = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (then - dt.datetime.now(then.tzinfo)).total_seconds())


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _midnight(text: str | None) -> dt.date | None:
    """The day of a time that is a midnight UTC; None for any other."""
    day, _, clock = (text or "").partition("T")
    if clock and not re.fullmatch(r"00:00(:00(\.0+)?)?(Z|\+00:00)?", clock):
        return None
    try:
        return dt.date.fromisoformat(day)
    except ValueError:
        return None


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def _on(intervals: Sequence[_Interval], day: dt.date) -> str | None:
    """The symbol on a day: of the interval whose [d0, d1) holds it."""
    text = day.isoformat()
    return next((one.s for one in intervals if one.s and one.d0 <= text < one.d1), None)
