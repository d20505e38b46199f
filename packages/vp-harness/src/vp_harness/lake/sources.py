"""The raw files of a capture: which of the lake's they are, whether they cover it, and finding the same ones again.

A `SourceOptions` is made once of a config and a lake. Whoever replays the capture later, for a dataset or for a stream,
opens exactly the files that stand in it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from vp_book import open_dbn
from vp_book.atomic import sha256_file
from vp_book.records import NS_PER_S
from vp_contract import RuntimeConfig, SourceFile, SourceOptions
from vp_harness.errors import CoverageError, PipelineError, RawFileChangedError, RawFileError
from vp_harness.execution.pipeline import (
    NS_PER_MS,
    WARM_UP_S,
    Files,
    bins_in_capture,
    capture_ns,
    files_of,
    new_york_clock,
    short_capture,
    utc_text,
)
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.lake.raw import RawFile, no_raw_file, raw_file_of_day, recorded, utc_day

_DAY_NS: Final = 86_400 * NS_PER_S


class FileSpan(NamedTuple):
    """The time [start_ns, end_ns) in which a file knows the market; None where only reading it tells.

    `damage` is what its import found, which is then the reason why it ends there.
    """

    path: Path
    start_ns: int | None
    end_ns: int | None
    damage: str | None = None


def source_options(config: RuntimeConfig, lake: LakeLike, files: Files | None = None) -> SourceOptions:
    """The sources of a config: the lake's files of every UTC day that its capture and warm-up touch, or `files`.

    A day of the warm-up alone may be missing. Raises RawFileError naming a day of the capture that has no file or
    several, CoverageError when the files do not cover the capture and the config does not allow that, PipelineError for
    a capture that is not a whole number of bins, and what vp_book raises for a file that cannot be opened.
    """
    lake = open_lake(lake)
    bins_in_capture(config)
    if files is None:
        spans = _of_lake(config, lake)
    else:
        spans = [_span(config, path) for path in files_of(files)]
    spans = _one_session(config, spans)
    start_ns, end_ns = capture_ns(config)
    return SourceOptions(
        product_type=config.product_type,
        symbol=config.symbol,
        publisher=config.publisher,
        on_damage=config.on_damage,
        on_short=config.on_short,
        max_silence_s=config.max_silence_s,
        start_ns=start_ns,
        end_ns=end_ns,
        warm_up_s=WARM_UP_S,
        files=tuple(
            SourceFile(
                name=span.path.name,
                sha256=content_hash(span.path),
                size=span.path.stat().st_size,
                path=_below(lake, span.path),
            )
            for span in spans
        ),
    )


def located(sources: SourceOptions, lake: LakeLike, files: Files | None = None) -> tuple[Path, ...]:
    """The files of `sources` in a lake (or among `files`), each of which is, byte for byte, the one that is meant.

    Raises RawFileError for a file that is not there, and RawFileChangedError naming one that has other bytes.
    """
    lake = open_lake(lake)
    given = {content_hash(path): path for path in files_of(files or ())}
    found = []
    for file in sources.files:
        places = [given[file.sha256]] if file.sha256 in given else _places(lake, file)
        path = next((path for path in places if path.is_file()), None)
        if path is None:
            raise RawFileError(f"no raw file {file.name} with sha256 {file.sha256[:16]} in the lake: bring it back")
        sha256 = content_hash(path)
        if sha256 != file.sha256:
            raise RawFileChangedError(
                f"raw file {path.name} has sha256 {sha256[:16]}, expected {file.sha256[:16]}: bring the original back"
            )
        found.append(path)
    return tuple(found)


def check_sources(config: RuntimeConfig, sources: SourceOptions) -> None:
    """Raise PipelineError unless `sources` are of the capture and warm-up of `config`, as this version has them."""
    sources.check_of(config)
    expected = (*capture_ns(config), WARM_UP_S)
    found = (sources.start_ns, sources.end_ns, sources.warm_up_s)
    if found != expected:
        raise PipelineError(
            f"the sources are of {found[0]} to {found[1]} ns with {found[2]} s of warm-up, but the capture is "
            f"{expected[0]} to {expected[1]} ns with {expected[2]} s"
        )


def content_hash(path: Path) -> str:
    """The sha256 of a file, read again only when its size, place on the disk or a time of change differ."""
    status = path.stat()
    return _hashed(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=4096)
def _hashed(path: Path, _inode: int, _size: int, _modified_ns: int, _changed_ns: int) -> str:
    return sha256_file(path)


def _places(lake: Lake, file: SourceFile) -> list[Path]:
    """Where a file may lie: where it lay, and wherever in the lake a raw file has its name."""
    there = (lake.root / file.path).resolve()
    inside = there.is_relative_to(lake.root.resolve())  # a path in a published file may say anything
    tables = sorted((lake.root / "raw").rglob("table=*"))
    return [*([there] if inside else []), *(table / file.name for table in tables)]


def _of_lake(config: RuntimeConfig, lake: Lake) -> list[FileSpan]:
    start_ns, end_ns = capture_ns(config)
    spans: list[FileSpan] = []
    for day in range((start_ns - WARM_UP_S * NS_PER_S) // _DAY_NS, (end_ns - 1) // _DAY_NS + 1):
        begins, ends = day * _DAY_NS, (day + 1) * _DAY_NS
        known_to = spans[-1].end_ns if spans else None
        if known_to is not None and known_to >= min(ends, end_ns):
            continue  # the file of the day before goes on through this one
        path = raw_file_of_day(lake, config, utc_day(begins))
        if path is not None:
            spans.append(_span(config, path))
        elif ends > start_ns and not (spans and config.on_short == "end_early"):
            raise no_raw_file(lake, config, utc_day(begins), _way_out(config, begins) if spans else "")
    return spans


def _way_out(config: RuntimeConfig, midnight_ns: int) -> str:
    return (
        f"pipeline {config.pipeline!r} needs it for {config.start_time} to {config.end_time} New York; a capture that "
        f"ends at {new_york_clock(midnight_ns)} does not, and capture.on_short end_early ends it there"
    )


def _span(config: RuntimeConfig, path: Path) -> FileSpan:
    """What the metadata of a file says of its span, and where that says nothing, what its import found."""
    opened = open_dbn(path, symbol=config.symbol, publisher=config.publisher)
    found: RawFile | None = recorded(path)
    start_ns, end_ns = opened.start_ns, opened.end_ns
    if found is not None and found.covered_ns is not None:
        start_ns = found.covered_ns[0] if start_ns is None else start_ns
        end_ns = found.covered_ns[1] if end_ns is None or found.damage is not None else end_ns
    return FileSpan(path, start_ns, end_ns, None if found is None else found.damage)


def _one_session(config: RuntimeConfig, spans: list[FileSpan]) -> list[FileSpan]:
    """The files without a hole between them that the capture begins in. Raises CoverageError unless they cover it."""
    start_ns, end_ns = capture_ns(config)
    session: list[FileSpan] = []
    for span in spans:
        ends = session[-1].end_ns if session else None
        if ends is not None and span.start_ns is not None and ends < span.start_ns:
            if ends > start_ns:
                break  # a hole in the capture: what comes after it is another session
            session.clear()  # a hole in the warm-up
        session.append(span)
    first, last = session[0], session[-1]
    damaged = next((span for span in session if span.damage is not None), None)
    if damaged is not None and config.on_damage == "refuse":
        raise RawFileError(
            f"{damaged.path} is damaged: {damaged.damage}; bring a whole one in, or set capture.on_damage until_damage",
            brief=f"{damaged.path.name} is damaged",
        )
    if first.start_ns is not None and first.start_ns > start_ns:
        early = (
            f"its capture begins at {utc_text(start_ns)}, but {first.path.name} begins at {utc_text(first.start_ns)}"
        )
        raise CoverageError(
            f"pipeline {config.pipeline!r}: {early}: use a start_time of "
            f"{new_york_clock(first.start_ns, up=True)} New York or later, or bring in a file of the time before",
            brief=early,
        )
    if last.end_ns is None or last.end_ns >= end_ns or (last.damage is not None and last.end_ns > start_ns):
        return session
    if config.on_short == "end_early" and last.end_ns - start_ns >= config.cell_width_ms * NS_PER_MS:
        return session
    raise short_capture(config, last.end_ns, last.path.name)


def _below(lake: Lake, path: Path) -> str:
    """The path below the lake's root; of a file elsewhere its name, for manifests are given to others."""
    try:
        return path.resolve().relative_to(lake.root.resolve()).as_posix()
    except ValueError:
        return path.name
