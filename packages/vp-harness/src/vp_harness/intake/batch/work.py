"""What is wanted is ordered, looked after and brought into the lake, in rounds that may end anywhere.

Whatever is done is written down before (an order goes out) or after (a file is in its place), so that a round that
was killed is gone on with by the next. An order whose answer is not known is looked for in the list of the account's
jobs: a job that makes the same file, whoever ordered it, is used and not ordered again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec

from vp_book.atomic import remove_tree
from vp_harness.errors import DownloadError, RawFileError
from vp_harness.execution.turns import only_one
from vp_harness.intake.batch.api import AccountError, Api, Job, RefusedError, TroubleError
from vp_harness.intake.batch.fetch import BadCopyError, fetch
from vp_harness.intake.batch.patience import Patience
from vp_harness.intake.batch.plan import Plan, stored_file
from vp_harness.intake.batch.state import OPEN, StateFile, Wanted
from vp_harness.lake.paths import Lake, LakeLike, open_lake

MOST_BAD_COPIES: Final = 5
_AT_WORK: Final = ("received", "queued", "processing")

_T = TypeVar("_T")
Tell = Callable[[str], None]
Progress = Callable[[str, int, int], None]


class _RoundOverError(Exception):
    """The service asks to be left alone for a while."""


class Downloads:
    """The downloads of a lake, held by one process at a time: use it as a context.

    `tell` gets a line for every change. Raises BusyError naming who has them, and DownloadError for a state file that
    cannot be used.

        with Downloads("lake", DatabentoApi(key)) as downloads:
            downloads.want(plan)
            downloads.run()
    """

    def __init__(
        self,
        lake: LakeLike,
        api: Api,
        *,
        patience: Patience | None = None,
        tell: Tell = lambda _line: None,
        progress: Progress = lambda _what, _done, _total: None,
    ) -> None:
        self.lake: Lake = open_lake(lake)
        self.patience = patience or Patience()
        self._api = api
        self._say = tell
        self._progress = progress
        self._troubles: list[TroubleError] = []
        self._last_trouble: str | None = None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Downloads:
        with contextlib.ExitStack() as held:
            held.enter_context(only_one(self.lake.turns_dir / "downloads.lock", f"downloads into {self.lake.root}"))
            self.state = held.enter_context(StateFile(self.lake.downloads_path))
            self._held = held.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def want(self, plan: Plan) -> None:
        """Take up the orders of a plan: their price is agreed to."""
        for wanted in plan.to_order:
            self.state.plan(wanted)

    def order(self) -> list[Wanted]:
        """Send the orders that are open, and wait for their answers. Raises DownloadError when one stays unknown."""
        self._until(lambda: not self.state.all("planned", "submitting"), self._order, attempts=self.patience.attempts)
        return self.state.all()

    def poll(self) -> list[Wanted]:
        """Send open orders, ask how far the jobs are, and bring what is finished; waits for no job."""
        done = False

        def once() -> None:
            nonlocal done
            self._round()
            done = not self._troubles

        self._until(lambda: done, once, attempts=self.patience.attempts)
        return self.state.all()

    def run(self) -> list[Wanted]:
        """The same until nothing is open, however long the service is in trouble. Returns everything ever wanted."""
        self._until(lambda: not self.state.all(*OPEN), self._round, attempts=None)
        remove_tree(self.lake.downloads_dir)
        return self.state.all()

    def _until(self, over: Callable[[], bool], act: Callable[[], None], attempts: int | None) -> None:
        failures = 0
        while not over():
            self._troubles = []
            with contextlib.suppress(_RoundOverError):
                act()
            if over():
                return
            if not self._troubles:
                failures = 0
                time.sleep(self.patience.poll_s)
                continue
            failures += 1
            if attempts is not None and failures >= attempts:
                raise self._troubles[-1]
            asked = [error.retry_after_s for error in self._troubles if error.retry_after_s is not None]
            wait_s = self.patience.wait_s(failures, max(asked, default=None))
            if (text := str(self._troubles[-1])) != self._last_trouble:
                self._last_trouble = text
                self._say(f"{text}; asking again in {wait_s:.0f} s")
            time.sleep(wait_s)

    def _round(self) -> None:
        self._order()
        self._fetch()

    def _order(self) -> None:
        """Find the jobs of open orders in the account's list, and order what is not there."""
        if not self.state.all("planned", "submitting"):
            return
        asked_at = dt.datetime.now(dt.UTC)
        jobs = self._asked(self._known_jobs)
        if jobs is None:
            return  # what is there already is not known
        for wanted in self.state.all("planned", "submitting"):
            if (path := stored_file(self.lake, wanted)) is not None:
                self._move(wanted, "stored", f"is in the lake: {path.name}")
            elif (job := _job_of(wanted, jobs)) is not None:
                self._move(wanted, "waiting", f"is made by job {job.id}, which was there", job_id=job.id)
            elif wanted.state == "planned":
                self._submit(wanted)
            elif self._had_settled(wanted, asked_at):
                self._move(wanted, "planned", "the order that was sent made no job")

    def _submit(self, wanted: Wanted) -> None:
        if not self.state.submitting(wanted):
            return
        sent = msgspec.structs.replace(wanted, state="submitting")
        try:
            job = self._api.submit(wanted.dataset, wanted.symbol, wanted.date)
        except AccountError:
            self.state.move(sent, "planned")
            raise
        except RefusedError as error:
            self._move(sent, "failed", str(error))
        except TroubleError as error:
            if error.too_many:
                self.state.move(sent, "planned")
            self._in_trouble(error)
        else:
            self.state.know_job(job)
            price = "" if job.cost_usd is None else f" for {job.cost_usd:.2f} USD"
            self._move(sent, "waiting", f"is ordered as job {job.id}{price}", job_id=job.id)

    def _fetch(self) -> None:
        """Ask how far the jobs are, and bring what is finished."""
        waiting = self.state.all("waiting")
        if not waiting:
            return
        jobs = self._asked(self._api.jobs)
        if jobs is None:
            return
        listed = {one.id: one.state for one in jobs}
        for wanted in waiting:
            if (path := stored_file(self.lake, wanted)) is not None:
                self._move(wanted, "stored", f"is in the lake: {path.name}")
                continue
            with self._trouble():
                try:
                    state = listed.get(wanted.job_id or "") or self._api.job(wanted.job_id or "").state
                    if state == "done":
                        self._bring(wanted)
                    elif state not in _AT_WORK:
                        self._move(wanted, "failed", f"job {wanted.job_id} is {state}: order it again")
                except AccountError:
                    raise
                except RefusedError as error:
                    self._move(wanted, "failed", str(error))

    def _bring(self, wanted: Wanted) -> None:
        try:
            path = fetch(self.lake, self._api, wanted, self._progress)
        except BadCopyError as error:
            copies = wanted.bad_copies + 1
            if copies >= MOST_BAD_COPIES:
                self._move(wanted, "failed", f"{error}, {copies} times", bad_copies=copies)
                return
            self._move(wanted, "waiting", f"{error}; it is brought again", bad_copies=copies)
            raise TroubleError(str(error)) from None
        except (TroubleError, RefusedError):
            raise
        except (DownloadError, RawFileError) as error:
            self._move(wanted, "failed", str(error))
        else:
            self._move(wanted, "stored", f"is in the lake: {path.name}")

    def _known_jobs(self) -> list[Job]:
        """The account's jobs whose files can be had, with what they are of: each is asked about once."""
        listed = {one.id: one.state for one in self._api.jobs()}
        known = self.state.known_jobs()
        self.state.forget_jobs(known.keys() - listed.keys())
        for number, job_id in enumerate(listed):
            if job_id not in known:
                self._progress("jobs of the account", number, len(listed))
                with contextlib.suppress(RefusedError):
                    known[job_id] = self._api.job(job_id)
                    self.state.know_job(known[job_id])
        return [msgspec.structs.replace(known[one], state=state) for one, state in listed.items() if one in known]

    def _had_settled(self, wanted: Wanted, asked_at: dt.datetime) -> bool:
        """Whether an order had been sent so long before the list was asked for that its job would be in it."""
        if wanted.submitted_at is None:
            return True
        return (asked_at - wanted.submitted_at).total_seconds() >= self.patience.settle_s

    def _move(self, wanted: Wanted, state: str, note: str, **changes: object) -> None:
        if self.state.move(wanted, state, note, **changes):  # type: ignore[arg-type]
            self._last_trouble = None
            self._say(f"{wanted.name} {note}" if state != "failed" else f"{wanted.name} failed: {note}")

    def _asked(self, ask: Callable[[], _T]) -> _T | None:
        try:
            return ask()
        except TroubleError as error:
            self._in_trouble(error)
            return None

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except TroubleError as error:
            self._in_trouble(error)

    def _in_trouble(self, error: TroubleError) -> None:
        self._troubles.append(error)
        if error.too_many:
            raise _RoundOverError


def _job_of(wanted: Wanted, jobs: list[Job]) -> Job | None:
    """A job that makes the file, a finished one rather than one that is at work."""
    fitting = [job for job in jobs if job.is_of(wanted.dataset, wanted.symbol, wanted.date)]
    usable = [job for job in fitting if job.state == "done"] or [job for job in fitting if job.state in _AT_WORK]
    return usable[0] if usable else None
