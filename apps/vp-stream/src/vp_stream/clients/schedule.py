"""When a client gets which bin. Pure: the caller brings the time and the bins.

The schedule is absolute. Bin `i` is due at `anchor_time + (i - anchor_bin) * period`, so sleeping a little too long
for one bin does not move the next one. Four things move the anchor: the first bin of the stream, a seek, the end of a
pause, and another speed.

A bin can be late for two reasons, and they are treated differently. If it was not ready in time (the engine is
behind), it is sent as soon as it is. If it was ready but this client could not take it, the client is behind: once it
is more than `max_lag_s` late, everything up to the newest bin that is due is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vp_stream.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send yet. `until` is the time to look again, None if only new bins or a message can change that."""

    until: float | None


@dataclass(frozen=True, slots=True)
class Send:
    """Send this bin now; `skipped` bins before it were left out because the client was too slow.

    `since` is the time from which it could have been sent: it was due, and it was ready. None without a schedule.
    """

    bin_seq: int
    skipped: int
    since: float | None = field(default=None, compare=False)


class Pacer:
    """The cursor of one client.

    `period_s` is the time between bins in seconds, 0 for no schedule at all: bins then go out as fast as the client
    takes them and none is ever skipped. `ready_at(i)` tells when bin `i` became available, on the caller's clock.
    """

    def __init__(self, period_s: float, ready_at: Callable[[int], float], *, max_lag_s: float = 1.0) -> None:
        if not period_s >= 0.0:
            raise SettingsError(f"period_s={period_s!r}: must be at least 0 seconds")
        self._period = period_s
        self._ready_at = ready_at
        self._max_lag = max_lag_s
        self._anchor_bin = 0
        self._anchor_time: float | None = None
        self._cursor = 0
        self._paused = False
        self._single = False
        self._starving_since: float | None = None

    @property
    def cursor(self) -> int:
        """The next bin to be sent."""
        return self._cursor

    @property
    def paused(self) -> bool:
        """Whether the client asked to pause."""
        return self._paused

    @property
    def shows_one(self) -> bool:
        """Whether one bin is still to be shown during a pause, after a seek."""
        return self._single

    def engine_lag(self, now: float) -> float:
        """Seconds for which this client has been waiting for a bin that is due and not made yet; 0 if it is not."""
        if self._starving_since is None or self._paused:
            return 0.0
        return max(now - max(self._starving_since, self._due(self._cursor)), 0.0)

    def pause(self) -> None:
        """Hold the cursor where it is."""
        self._paused = True
        self._single = False

    def resume(self) -> None:
        """Go on from the cursor: the schedule restarts there, bins that passed during the pause are not skipped."""
        if self._paused:
            self._paused = False
            self._anchor_time = None

    def play_at(self, period_s: float) -> None:
        """Another time between bins, from the cursor on: the schedule restarts there."""
        self._period = period_s
        self._anchor_time = None

    def seek(self, bin_seq: int) -> None:
        """Move the cursor. While paused exactly that one bin is sent, so that a page can show the place."""
        self._cursor = bin_seq
        self._anchor_time = None
        self._single = self._paused

    def choose(self, now: float, ready: int) -> Wait | Send:
        """What to do at time `now`, with the bins 0 .. `ready` - 1 available. Does not move the cursor."""
        if self._paused and not self._single:
            return Wait(None)
        if self._cursor >= ready:
            if self._starving_since is None:
                self._starving_since = now
            return Wait(None)
        self._starving_since = None
        if self._period == 0.0 or self._single:
            return Send(self._cursor, 0)
        if self._anchor_time is None:
            self._anchor_time, self._anchor_bin = now, self._cursor
        due = self._due(self._cursor)
        if now < due:
            return Wait(due)
        # Measured from the later of the two: a bin the engine finished late is not the client's fault.
        since = max(due, self._ready_at(self._cursor))
        if now - since > self._max_lag:
            target = min(self._newest_due(now), ready - 1)
            return Send(target, target - self._cursor, max(self._due(target), self._ready_at(target)))
        return Send(self._cursor, 0, since)

    def sent(self, bin_seq: int) -> None:
        """Bin `bin_seq` went out: the one after it is next."""
        self._cursor = bin_seq + 1
        self._single = False

    def _due(self, bin_seq: int) -> float:
        anchor = self._anchor_time
        return 0.0 if anchor is None else anchor + (bin_seq - self._anchor_bin) * self._period

    def _newest_due(self, now: float) -> int:
        newest = self._anchor_bin + int((now - self._due(self._anchor_bin)) / self._period)
        # The division may round up across a bin that is due a moment from now.
        while newest > self._cursor and self._due(newest) > now:
            newest -= 1
        return max(newest, self._cursor)
