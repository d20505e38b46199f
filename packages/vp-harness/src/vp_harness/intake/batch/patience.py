"""How long is waited before something is asked again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from vp_harness.intake.batch.api import TroubleError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between two questions. Each has a default that suits the service.

    `first_s` is waited after a first failure and twice as long after each further one, up to `longest_s`, a part of
    it at random; a wait that the service asks for is kept to. `attempts` is how often one thing is asked before a
    command that is no daemon gives up. `poll_s` is between two looks at jobs that are at work. An order whose answer
    did not come is looked for in the list of jobs, and sent again when it is not there `settle_s` after it was sent.
    """

    first_s: float = 1.0
    longest_s: float = 300.0
    attempts: int = 6
    poll_s: float = 15.0
    settle_s: float = 180.0

    def wait_s(self, failures: int, retry_after_s: float | None) -> float:
        """How long to wait after so many failures in a row."""
        grown = min(self.first_s * 2.0 ** min(failures - 1, 30), self.longest_s)
        drawn = grown * random.uniform(0.5, 1.0)
        return drawn if retry_after_s is None else max(drawn, retry_after_s)

    def asking(self, ask: Callable[[], _T]) -> _T:
        """What `ask` returns, asked again while the service is in trouble. Raises its last error."""
        failures = 0
        while True:
            try:
                return ask()
            except TroubleError as error:
                failures += 1
                if failures >= self.attempts:
                    raise
                time.sleep(self.wait_s(failures, error.retry_after_s))
