"""Which stored logs were judged, and what was made of their frames then."""

from __future__ import annotations

import contextlib
import logging
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from vp_book.atomic import replace_file

_logger = logging.getLogger(__name__)

JUDGED_LOGS_DIR: Final = "judged_logs"
"""Beside the published versions: what was found of stored logs."""

_PASSED_SUFFIX: Final = ".passed"
_RECORD_SUFFIX: Final = ".json"
_JUDGES: Final = ("vp-contract", "vp-harness", "vp-spectrum", "vp-stream")
"""What a log is judged by: the packages whose other version may judge otherwise."""


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found of one log: `checksum` is that of its header and footer, which names every block.

    `passed` is the sha256 of the file beside the log with what was made of its frames as they passed.
    """

    checksum: str
    head: str
    bins: int
    judges: dict[str, str]
    passed: str


class Passed(msgspec.Struct, frozen=True, array_like=True):
    """What is made of the frames of a log as they pass: the links before every `LINK_EVERY`-th bin, one after the
    other, and the columns of `PassingColumns.whole`.
    """

    links: bytes
    columns: dict[int, list[bytes]]


# Made here, not at their first use: logs are opened by several threads, and msgspec does not bear that.
_RECORDS: Final = msgspec.json.Decoder(_Record)
_PASSED: Final = msgspec.msgpack.Decoder(Passed)


def passed_path(log: Path) -> Path:
    """Where what was made of a log's frames lies, beside it."""
    return log.with_suffix(_PASSED_SUFFIX)


class JudgedLogs:
    """Which stored logs were held to what was judged, frame by frame, and found to be that.

    A small record of each lies where who edits the lake may not write, so that a log need not be judged anew whenever
    it is opened: it is the same log if its checksum is the same. Where no record can be written it is known to this
    process alone. What was made of its frames lies beside the log, and is taken if it is what the record says. Safe
    across threads and processes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._records: dict[str, _Record] = {}
        self._judges = {name: version(name) for name in _JUDGES}

    def knows(self, log: Path, checksum: str, head: str, bins: int) -> bool:
        """Whether a log of this checksum was found to be the frames of a chain, by these versions."""
        record = self._record(log)
        return record is not None and record == _Record(checksum, head, bins, self._judges, record.passed)

    def passed(self, log: Path) -> Passed | None:
        """What was made of the frames of a known log; None if that is not there, or not what it was."""
        record = self._record(log)
        with contextlib.suppress(OSError, msgspec.DecodeError):
            data = passed_path(log).read_bytes()
            if record is not None and sha256(data).hexdigest() == record.passed:
                return _PASSED.decode(data)
        return None

    def add(self, log: Path, checksum: str, head: str, bins: int, passed: Passed) -> None:
        """It was found to be them."""
        data = msgspec.msgpack.encode(passed)
        record = self._records[log.name] = _Record(checksum, head, bins, self._judges, sha256(data).hexdigest())
        try:
            if self.passed(log) is None:
                replace_file(passed_path(log), data)
            if self._read(log) != record:
                replace_file(self._path(log), msgspec.json.encode(record))
        except OSError as error:
            _logger.warning("that %s was judged is not kept, so it will be judged again: %s", log.name, error)

    def _record(self, log: Path) -> _Record | None:
        return self._records.get(log.name) or self._read(log)

    def _read(self, log: Path) -> _Record | None:
        try:
            return _RECORDS.decode(self._path(log).read_bytes())
        except (OSError, msgspec.DecodeError):  # then the log is judged, and the record written anew
            return None

    def _path(self, log: Path) -> Path:
        return self._directory / f"{log.name}{_RECORD_SUFFIX}"
