"""Whether the values of a signal can be believed: checked at every run, before a value is judged.

A look-ahead makes any signal win, and it is easily written: a value standardised over the whole day, an array shifted
the wrong way. So stretches of the dataset, at its start, at a place drawn at random and at its end, are gone through in
three ways:

- steppers that run by turns, each over a stretch of its own, must give what `compute` gives on it: a step sees no bin
  but those it was handed, and by turns shows whether steppers share something;
- `compute` on a stretch whose later part is replaced by noise, by bins of another time, or cut off, must not change
  before it;
- `compute` on the first bins of the dataset, up to a place drawn at random, must give what the run has there.

Places are drawn with a seed made of dataset, signal and parameters. What is compared is equal within `TOLERANCE`.

An experiment checks the first parameter set of a signal on a dataset thoroughly and the others briefly, which are the
same code: a sweep of hundreds would take half as long again otherwise, most of it steps.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.errors import SignalError, SignalTrustError, VpHarnessError
from vp_harness.lake.manifest import canonical_json
from vp_harness.signals.base import Signal
from vp_harness.signals.declared import GridSource, SignalData

Values = NDArray[np.float64]

TOLERANCE: Final = 1e-12
"""Relative above 1, absolute below: what a sum in another order may differ by."""

_FIRST_BINS: Final = 240
_BINS: Final = 120
_BRIEF_BINS: Final = 40
_LIVE_BINS: Final = 120
_LONGEST_BINS: Final = 600
_LONGEST_SHARE: Final = 8  # of the dataset, that the first stretch grows to where a signal needs long to come alive
_RUN_SHARE: Final = (16, 8)  # where the run is cut off: between a 16th and an 8th of the dataset, or once it is alive
_BRIEF_RUN_SHARE: Final = (32, 16)


class TrustCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One of the checks: how many values were compared, or at which bin it failed with which two values."""

    name: str
    ok: bool
    compared: int
    bin: int | None = None
    expected: float | None = None
    found: float | None = None
    reason: str = ""


class TrustReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked. `stretches` are the bins (first, end) that steppers ran over; `live` the compared values of
    theirs that differ from the one before: where there are none, little was shown.
    """

    signal: str
    dataset_id: str
    thorough: bool
    seed: str
    stretches: tuple[tuple[int, int], ...]
    live: int
    checks: tuple[TrustCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.ok for check in self.checks)

    def require(self) -> None:
        """Raises SignalTrustError saying what failed, at which bin, with both values."""
        for check in self.checks:
            if not check.ok:
                raise SignalTrustError(check.reason)


def trusted_values(signal: Signal, dataset: GridSource, *, thorough: bool = True) -> tuple[Values, TrustReport]:
    """The values of a signal at every bin of a dataset, and the report that lets them be judged.

    Raises SignalTrustError when a check failed, and SignalError when the signal fails in some other way.
    """
    data = SignalData.of(dataset, signal.reads())
    values = compute(signal, data)
    report = check(signal, data, values, thorough=thorough)
    report.require()
    return values, report


def check(signal: Signal, dataset: GridSource, values: Values | None = None, *, thorough: bool = True) -> TrustReport:
    """Check whether a signal can be believed on a dataset; `values` are what it computed there, if they are at hand.

    `values` are float64 (n_bins,). The report names the first thing that failed, and is not `ok` then; its `require`
    raises SignalTrustError. Raises SignalError when the signal cannot run, or the dataset has no bins.

        report = check(create("ofi"), Dataset.open("lake", dataset_id))
        print(report.ok, [(one.name, one.compared) for one in report.checks])
    """
    data = SignalData.of(dataset, signal.reads())
    if values is None:
        values = compute(signal, data)
    if not data.n_bins:
        raise SignalError(f"signal {signal.name!r} cannot be checked on {_named(data)}: it has no bins")
    return _Examination(signal, data, values, thorough).report()


def compute(signal: Signal, data: SignalData) -> Values:
    """`signal.compute`, whatever a foreign package does in it: float64 (n_bins,) or a SignalError that names it."""
    try:
        values = np.asarray(signal.compute(data), np.float64)
    except VpHarnessError:
        raise
    except Exception as error:
        raise SignalError(f"signal {signal.name!r} fails on {_named(data)}: {_cause(error)}") from error
    if values.shape != (data.n_bins,):
        raise SignalError(
            f"signal {signal.name!r} computes values of shape {values.shape} for the {data.n_bins} bins of "
            f"{_named(data)}: one value a bin is expected"
        )
    return values


class _Failure(Exception):  # noqa: N818
    """Carries the check that failed."""

    def __init__(self, check: TrustCheck) -> None:
        self.check = check


class _Examination:
    def __init__(self, signal: Signal, data: SignalData, values: Values, thorough: bool) -> None:
        self._signal, self._data, self._values, self._thorough = signal, data, values, thorough
        params = canonical_json(msgspec.to_builtins(signal.params))
        self._seed = hashlib.sha256(f"{data.name} {signal.name} ".encode() + params).hexdigest()[:16]
        self._rng = np.random.default_rng(int(self._seed, 16))
        self._batch = type(signal).compute is not Signal.compute
        changes = np.flatnonzero(values[1:] != values[:-1])
        self._alive_bins = min(len(values), int(changes[0]) + _LIVE_BINS) if len(changes) else 0
        self._trains_after = signal.trains_after_bins
        self._compared: dict[str, int] = {}
        self._live = 0

    def report(self) -> TrustReport:
        stretches = self._stretches()
        checks: list[TrustCheck] = []
        try:
            parts = [self._data.part(first, end) for first, end in stretches]
            expected = [compute(self._signal, part) for part in parts]
            self._live = sum(int(np.count_nonzero(np.diff(values))) for values in expected)
            self._by_turns(stretches, parts, expected)
            for first, part, values in self._replaced(stretches, parts, expected):
                self._later_bins(first, part, values)
            self._cut_run()
        except _Failure as failure:
            checks.append(failure.check)
        passed = [TrustCheck(name=name, ok=True, compared=count) for name, count in self._compared.items()]
        return TrustReport(
            signal=self._signal.name,
            dataset_id=self._data.name,
            thorough=self._thorough,
            seed=self._seed,
            stretches=stretches,
            live=self._live,
            checks=tuple(passed + checks),
        )

    def _stretches(self) -> tuple[tuple[int, int], ...]:
        n = self._data.n_bins
        if not self._thorough:
            length = min(n, _BRIEF_BINS)
            at = int(self._rng.integers(n - length + 1))
            return (0, length), (at, at + length)
        longest = max(_LONGEST_BINS, n // _LONGEST_SHARE, self._trains_after + 2 * _LIVE_BINS)
        first = min(n, max(_FIRST_BINS, min(self._alive_bins, longest)))
        length = min(n, _BINS)
        return ((0, first), *((at, at + length) for at in (int(self._rng.integers(n - length + 1)), n - length)))

    def _replaced(
        self, stretches: tuple[tuple[int, int], ...], parts: list[SignalData], expected: list[Values]
    ) -> list[tuple[int, SignalData, Values]]:
        """(first bin, bins, values) of the stretches whose later bins are replaced."""
        if not self._batch:  # `compute` is the steps then, which see nothing of what follows
            return [(stretches[0][0], parts[0], expected[0])]
        if self._thorough:
            return list(zip((first for first, _ in stretches), parts, expected, strict=True))
        length = min(self._data.n_bins, _FIRST_BINS)
        at = int(self._rng.integers(self._data.n_bins - length + 1))
        part = self._data.part(at, at + length)
        return [(at, part, compute(self._signal, part))]

    def _by_turns(
        self, stretches: tuple[tuple[int, int], ...], parts: list[SignalData], expected: list[Values]
    ) -> None:
        """One stepper a stretch, all of them running by turns."""
        running = [self._signal.run(self._data.context) for _ in parts]
        bins = [part.steps() for part in parts]
        found = [np.full(part.n_bins, np.nan) for part in parts]
        for t in range(max(part.n_bins for part in parts)):
            for i, part in enumerate(parts):
                if t < part.n_bins:
                    found[i][t] = self._step(running[i], next(bins[i]))
        for i, (first, _) in enumerate(stretches):
            at = first_difference(expected[i], found[i])
            if at is not None:
                self._explain(first, at, parts[i], expected[i], found[i])
            self._count("steps", len(found[i]))

    def _explain(self, first: int, at: int, part: SignalData, batch: Values, by_turns: Values) -> None:
        """Steppers by turns and the batch differ: the reason, from what each gives by itself."""
        running = self._signal.run(self._data.context)
        alone = np.array([self._step(running, bin) for bin in part.steps()])
        differs = first_difference(alone, by_turns)
        if differs is not None:
            self._fail(
                "steppers",
                first + differs,
                alone[differs],
                by_turns[differs],
                f"signal {self._signal.name!r} keeps state outside of its steppers: at bin {first + differs} of "
                f"{_named(self._data)} a stepper started at bin {first} gives {alone[differs]:.9g} alone and "
                f"{by_turns[differs]:.9g} while others run; keep all state in the stepper",
            )
        self._later_bins(first, part, batch)
        self._fail(
            "steps",
            first + at,
            batch[at],
            by_turns[at],
            f"signal {self._signal.name!r} is not the same in batch and bin by bin: at bin {first + at} of "
            f"{_named(self._data)}, started at bin {first}, `compute` gives {batch[at]:.9g} and `step` "
            f"{by_turns[at]:.9g}; both must agree within {TOLERANCE:g}, and neither may use what follows",
        )

    def _later_bins(self, first: int, part: SignalData, values: Values) -> None:
        """What follows a bin is replaced by noise, shifted in time, cut off."""
        if part.n_bins < 2:
            return
        # past the first training, if there is one: its outcomes are what could be known too early
        low = max(part.n_bins // 2, min(self._trains_after + 1, part.n_bins - 1))
        cut = int(self._rng.integers(low, part.n_bins))
        before = part.part(0, cut)
        rest = part.n_bins - cut
        for name, words, later in (
            ("noise", "is replaced by noise", self._noise(rest)),
            ("shift", "is taken from another time", self._elsewhere(first + cut, rest)),
            ("cut", "is cut off", None),
        ):
            changed = compute(self._signal, before if later is None else before.then(later))
            self._unchanged(name, words, first, values[:cut], changed[:cut])

    def _cut_run(self) -> None:
        """What the run itself has at the start of the dataset must be there without the rest of it."""
        n = self._data.n_bins
        low, high = (n // share for share in (_RUN_SHARE if self._thorough else _BRIEF_RUN_SHARE))
        least = max(min(n, _BINS), self._alive_bins)
        low, high = (max(low, least), max(high, least)) if self._batch else (least, least)
        cut = int(self._rng.integers(low, high + 1))
        found = compute(self._signal, self._data.part(0, cut))
        self._unchanged("run", "is cut off", 0, self._values[:cut], found)

    def _unchanged(self, name: str, words: str, first: int, values: Values, changed: Values) -> None:
        at = first_difference(values, changed)
        if at is not None:
            self._fail(
                name,
                first + at,
                values[at],
                changed[at],
                f"signal {self._signal.name!r} looks ahead: at bin {first + at} of {_named(self._data)}, started at "
                f"bin {first}, it is {values[at]:.9g}, and {changed[at]:.9g} when what follows bin "
                f"{first + len(values) - 1} {words}; a value may depend on no bin after its own",
            )
        self._count(name, len(values))

    def _noise(self, n_bins: int) -> SignalData:
        """Bins drawn at random, rates shrunk by a factor a bin: nothing that could not be in a dataset."""
        drawn = self._data.picked(self._rng.integers(0, self._data.n_bins, n_bins))
        return drawn.scaled(self._rng.random(n_bins))

    def _elsewhere(self, at: int, n_bins: int) -> SignalData:
        """As many bins from 1 to 50 bins later on, going on at the start of the dataset after its end."""
        shift = int(self._rng.integers(1, 51))
        return self._data.picked((at + shift + np.arange(n_bins)) % self._data.n_bins)

    def _step(self, running: Any, bin: Any) -> float:
        try:
            return float(running.step(bin))
        except VpHarnessError:
            raise
        except Exception as error:
            raise SignalError(f"signal {self._signal.name!r} fails in a step: {_cause(error)}") from error

    def _count(self, name: str, compared: int) -> None:
        self._compared[name] = self._compared.get(name, 0) + compared

    def _fail(self, name: str, at: int, expected: float, found: float, reason: str) -> None:
        raise _Failure(
            TrustCheck(
                name=name,
                ok=False,
                compared=self._compared.pop(name, 0) + 1,
                bin=at,
                expected=float(expected),
                found=float(found),
                reason=reason,
            )
        )


def first_difference(a: Values, b: Values) -> int | None:
    """Index of the first values that are not equal within TOLERANCE; NaN equals NaN, an infinity itself."""
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= TOLERANCE * np.maximum(1.0, np.abs(a))
    same = (a == b) | near & np.isfinite(a) | np.isnan(a) & np.isnan(b)
    return None if same.all() else int(np.argmin(same))


def _named(data: SignalData) -> str:
    return data.name or "the dataset"


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
