"""What a replay's source knew of the market: spans, silences, seams and damage, for the certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import databento_dbn
import numpy as np

from vp_book.book.state import Arrays
from vp_book.dbn.files import utc
from vp_book.dbn.reading import ReadReport
from vp_book.dbn.source import DbnSource
from vp_book.dbn.stream_clock import CLOCK, follow
from vp_book.records import NS_PER_S

from .seam import Seam

_RTYPES: Final = frozenset(int(kind.value) for kind in databento_dbn.RType.variants())


class Silence:
    """The longest time between two neighbouring records, and where it lay; None as long as there are no two."""

    def __init__(self, longest: Sequence[int] | None = None) -> None:
        self.longest = None if longest is None else (int(longest[0]), int(longest[1]))

    def observe(self, a: Arrays, records: np.ndarray, before: np.ndarray) -> None:
        """After `records` were applied to the engine of `a`, whose clock was `before` (`engine_clock`) until then."""
        gap = int(a.scalars[0].max_gap)
        if gap == 0 or (self.longest is not None and gap <= self.longest[1] - self.longest[0]):
            return
        if follow(records, before, gap - 1) < len(records):
            start = int(before[CLOCK])
            self.longest = (start, start + gap)


def coverage_facts(
    source: DbnSource | None, span: tuple[int, int], warm_up: tuple[int, int], silence: Silence, clock_ns: int
) -> dict[str, Any]:
    """The certificate's `coverage`. `span` is what is covered, `warm_up` the span that it was wanted for."""
    start, end = span
    begin, stop = warm_up
    files = () if source is None else source.files
    longest = silence.longest
    return {
        "start_ns": start,
        "end_ns": end,
        "files": [{"name": f.path.name, "start_ns": f.start_ns, "end_ns": f.end_ns} for f in files],
        "warm_up_covered_s": max(min(stop, end) - max(begin, start), 0) / NS_PER_S,
        "longest_silence": None if longest is None else {"start_ns": longest[0], "end_ns": longest[1]},
        "silence_at_end_ns": max(end - clock_ns, 0) if clock_ns else end - start,
    }


def reading_facts(source: DbnSource | None, report: ReadReport | None) -> dict[str, Any] | None:
    """The certificate's `reading`: whose records were taken, and what else there was. None for arrays.

    Of a feed that knows the best levels of the book only, `depth_levels` says how many.
    """
    if source is None or report is None:
        return None
    feed, _, levels = source.dataset.partition(".")
    limited = {"depth_levels": int(levels)} if feed == "LOBSTER" and levels.isdecimal() else {}
    return limited | {
        "symbol": source.symbol,
        "publisher": source.publisher,
        "dataset": source.dataset,
        "records": report.records,
        "filtered": report.filtered,
        "unmapped": report.unmapped,
        "skipped": {str(rtype): times for rtype, times in sorted(report.skipped.items())},
    }


def damage_text(source: DbnSource | None, report: ReadReport | None) -> str | None:
    """What ended reading early, without the directories of this machine: a certificate is of the data."""
    if source is None or report is None or report.damage is None:
        return None
    text = report.damage
    for file in source.files:
        text = text.replace(str(file.path), file.path.name)
    return text


def source_reasons(
    damage: str | None,
    report: ReadReport | None,
    seams: Mapping[int, Seam],
    span: tuple[int, int],
    wanted_end_ns: int | None,
    quiet_end: tuple[int, int] | None,
) -> list[str]:
    """What is wrong with the source of a replay, in words. `quiet_end` are a last record and a claimed end too late."""
    reasons = []
    if damage is not None:
        reasons.append(f"the source is damaged: {damage}")
    reasons += [
        f"the snapshot at {utc(seam.ts_ns)} differs from the book: of {seam.orders} orders {seam.extra} were not in "
        f"the book and {seam.different} were different there, and {seam.missing} of the book were not in it"
        for seam in seams.values()
        if not seam.agrees
    ]
    if wanted_end_ns is not None and wanted_end_ns > span[1]:
        reasons.append(f"the source ends at {utc(span[1])}, bins were wanted up to {utc(wanted_end_ns)}")
    if quiet_end is not None:
        last, claimed = map(utc, quiet_end)
        reasons.append(f"the last record is at {last}, more than a day before the end {claimed} of the metadata")
    if report is not None and report.unmapped:
        reasons.append(f"{report.unmapped:,} records are of no instrument that the metadata names for their time")
    skipped = report.skipped if report is not None else {}
    unknown = sorted(set(skipped) - _RTYPES)
    if unknown:
        times = sum(skipped[rtype] for rtype in unknown)
        reasons.append(f"{times:,} records are of types that DBN does not have ({', '.join(map(str, unknown))})")
    return reasons
