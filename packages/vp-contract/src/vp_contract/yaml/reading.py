"""YAML files to structs, with errors that say where: file, line and dotted field path."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, get_args

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning

from vp_contract.errors import SpecError, SpecNotFoundError, shown
from vp_contract.fitting import Misfit, Step, dotted, misfit, steps

PathLike: TypeAlias = str | os.PathLike[str]
Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""What a document holds once the YAML is gone: JSON's types."""

MAX_BYTES: Final = 1 << 20
_MAX_NODES: Final = 50_000  # aliases may share nodes: a few lines can expand to billions
_MAX_DEPTH: Final = 24
_MAX_INT: Final = 2**63

Lines: TypeAlias = dict[tuple[Step, ...], int]
"""The 1-based line of each value of a document by its path."""

_T = TypeVar("_T")

# Re-entrant: the checks of a struct may convert a part of it.
_CONVERTING: Final = threading.RLock()
_DATE: Final = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", re.ASCII)

# Given arbitrary bytes the parser raises more than its own errors: malformed tags, numbers and timestamps end in
# whatever exception the conversion met. All of them mean "this is not a document we read".
_PARSER_FAILURES: Final = (
    YAMLError,
    YAMLWarning,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)


def load_yaml(path: PathLike, kind: type[_T]) -> _T:
    """Read the YAML file at `path` as a `kind`, a msgspec struct type.

    Raises `SpecError` when the file is missing, unreadable, larger than 1 MiB, not UTF-8, not YAML, has a duplicate
    key, is not a mapping, or does not fit `kind`.
    """
    return parse_yaml(read_bytes(path), kind, file=os.fspath(path))


def read_bytes(path: PathLike) -> bytes:
    """The bytes of a spec file, at most 1 MiB. Raises `SpecError`, or `SpecNotFoundError` when there is none."""
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecNotFoundError("no such file", file=os.fspath(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError(f"cannot be read: {reason}", file=os.fspath(path)) from error
    if len(data) > MAX_BYTES:
        raise SpecError(f"is larger than {MAX_BYTES} bytes, which no spec is", file=os.fspath(path))
    return data


def parse_yaml(data: bytes, kind: type[_T], *, file: str) -> _T:
    """The document in `data` as a `kind`; `file` names it in errors. Raises `SpecError` as `load_yaml` does."""
    plain, lines = parse_plain(data, file=file)
    return convert_parsed(plain, kind, file=file, lines=lines)


def line_of(path: PathLike, field: str) -> int | None:
    """The 1-based line of a dotted field (`sweep.scoring.tanh_scale[1]`) in a YAML file, or of what is around it.

    None where the file does not state even the outermost name. Raises `SpecError` as `load_yaml` does.
    """
    _, lines = parse_plain(read_bytes(path), file=os.fspath(path))
    wanted = steps(field)
    return next((lines[wanted[:end]] for end in range(len(wanted), 0, -1) if wanted[:end] in lines), None)


def convert_plain(plain: Mapping[str, object], kind: type[_T]) -> _T:
    """Plain values as a `kind`, checked like a document but with no file. Raises `SpecError`."""
    return convert_parsed(dict(plain), kind, file=None, lines={})


def parse_plain(data: bytes, *, file: str) -> tuple[dict[str, Plain], Lines]:
    """The mapping in a YAML document, and the 1-based line of each value by its path.

    Raises `SpecError` as `load_yaml` does.
    """
    text = _decoded(data, file)
    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # ruamel's texts go on with advice about its own settings after the first line
        problem = one_line(str(error.problem or error.context or error).partition("\n")[0])
        raise SpecError(
            f"not valid YAML: {problem}", file=file, line=None if mark is None else mark.line + 1
        ) from error
    except RecursionError as error:
        raise SpecError("not valid YAML: is nested too deeply", file=file) from error
    except _PARSER_FAILURES as error:
        problem, line = _impossible_date(text) or (
            f"not valid YAML: {one_line(str(error)) or type(error).__name__}",
            None,
        )
        raise SpecError(problem, file=file, line=line) from error
    if document is None:
        raise SpecError("is empty; must be a mapping of fields", file=file)
    if not isinstance(document, CommentedMap):
        raise SpecError(f"must be a mapping of fields, is {_found(document)}", file=file, line=1)
    lines: Lines = {}
    plain = _PlainReader(file, lines).mapping(document, ())
    return plain, lines


def _impossible_date(text: str) -> tuple[str, int] | None:
    """What is wrong and the line, when it is a date that is in no calendar: the parser does not say where it is."""
    for number, line in enumerate(text.split("\n"), start=1):
        for date in _DATE.findall(line):
            try:
                dt.date.fromisoformat(date)
            except ValueError:
                return f"{date}: must be a day of the calendar as YYYY-MM-DD", number
    return None


def _decoded(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(f"is not UTF-8 (byte 0x{data[error.start]:02x})", file=file, line=line) from None
    for number, line_text in enumerate(text.split("\n"), start=1):
        # a directive can switch to the rules of YAML 1.1, in which 09:25 is a number and `no` is false
        if line_text.startswith("%"):
            raise SpecError("YAML directives are not allowed in specs", file=file, line=number)
    return text


class _PlainReader:
    """Turns parsed YAML nodes into JSON's types and notes the line of each."""

    def __init__(self, file: str, lines: Lines) -> None:
        self._file = file
        self._lines = lines
        self._nodes = 0

    def mapping(self, node: CommentedMap, path: tuple[Step, ...]) -> dict[str, Plain]:
        """A mapping with string keys."""
        result: dict[str, Plain] = {}
        for key, value in node.items():
            line = _line_of(node, key)
            if not isinstance(key, str):
                raise self._error(f"field names must be text, one is {_found(key)}", path, line)
            result[str(key)] = self._value(value, (*path, str(key)), line)
        return result

    def _value(self, value: object, path: tuple[Step, ...], line: int | None) -> Plain:
        if line is None:
            line = self._lines.get(path[:-1])
        if line is not None:
            self._lines[path] = line
        self._nodes += 1
        if self._nodes > _MAX_NODES or len(path) > _MAX_DEPTH:
            raise self._error("is too deep or, with its aliases, too large", path[:1], line)
        if isinstance(value, CommentedMap):
            return self.mapping(value, path)
        if isinstance(value, CommentedSeq):
            return [self._value(item, (*path, i), _line_of(value, i)) for i, item in enumerate(value)]
        return self._scalar(value, path, line)

    def _scalar(self, value: object, path: tuple[Step, ...], line: int | None) -> Plain:
        # the parser's scalars are subclasses of Python's that remember how they were written
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            if not -_MAX_INT <= value < _MAX_INT:
                raise self._error("must fit into 64 bits", path, line, value)
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise self._error("must be a finite number", path, line, float(value))
            return float(value)
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value.isoformat()
        raise self._error(f"must be text, a number, a list or a mapping, is {_found(value)}", path, line)

    def _error(self, problem: str, path: tuple[Step, ...], line: int | None, value: float | None = None) -> SpecError:
        found = None if value is None else shown(value)
        return SpecError(problem, field=dotted(path), file=self._file, line=line, found=found)


def convert_parsed(plain: object, kind: type[_T], *, file: str | None, lines: Lines) -> _T:
    """What `parse_plain` gave as a `kind`: errors name file and line. Raises `SpecError`."""
    try:
        # msgspec looks a struct up when it is first used; two threads that do so at once end the process (SIGSEGV).
        with _CONVERTING:
            try:
                return msgspec.convert(plain, kind)
            except msgspec.ValidationError as error:
                found = misfit(plain, kind) or Misfit(one_line(str(error)), ())
                line = _nearest_line(lines, found)
                field = dotted(found.path)
                raise SpecError(
                    found.problem, field=field, file=file, line=line, found=found.found, related=found.related
                ) from error
    except RecursionError as error:
        raise SpecError("is nested too deeply", file=file) from error


def _line_of(node: CommentedMap | CommentedSeq, key: object) -> int | None:
    try:
        line, _ = node.lc.key(key) if isinstance(node, CommentedMap) else node.lc.item(key)
    except (KeyError, AttributeError, TypeError):  # merged from an anchor: no place of its own
        return None
    return int(line) + 1


def _nearest_line(lines: Lines, found: Misfit) -> int | None:
    """Line of the field; of a related one beside it, when the field has its default; of what is around."""
    path = found.path
    if path and path not in lines:
        for name in found.related:
            if (*path[:-1], name) in lines:
                return lines[(*path[:-1], name)]
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return 1 if lines else None


def _found(value: object) -> str:
    names = {CommentedMap: "a mapping", CommentedSeq: "a list", dt.datetime: "a timestamp", type(None): "nothing"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    if isinstance(value, get_args(bool | int | float | str)):
        return f"{value!r}"[:80]
    return f"a {type(value).__name__}"


def one_line(text: str) -> str:
    """A message of a library, as much of it as stands in one line of ours."""
    return " ".join(text.split())[:300]
