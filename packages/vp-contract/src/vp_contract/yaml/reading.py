"""YAML files to structs, with errors that say where: file, line and dotted field path."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import inspect
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning

from vp_contract.errors import SpecError, SpecNotFoundError

PathLike: TypeAlias = str | os.PathLike[str]
Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""What a document holds once the YAML is gone: JSON's types."""

MAX_BYTES: Final = 1 << 20
_MAX_NODES: Final = 50_000  # aliases may share nodes: a few lines can expand to billions
_MAX_DEPTH: Final = 24
_MAX_INT: Final = 2**63

_Step: TypeAlias = str | int
_Lines: TypeAlias = dict[tuple[_Step, ...], int]
_T = TypeVar("_T")

# Re-entrant: the checks of a struct may convert a part of it.
_CONVERTING: Final = threading.RLock()
_VALIDATION_PATH: Final = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
_PATH_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_DATE: Final = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", re.ASCII)
_UNKNOWN_FIELD: Final = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING_FIELD: Final = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)

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
    return _convert(plain, kind, file=file, lines=lines)


def line_of(path: PathLike, field: str) -> int | None:
    """The 1-based line of a dotted field (`sweep.scoring.tanh_scale[1]`) in a YAML file, or of what is around it.

    None where the file does not state even the outermost name. Raises `SpecError` as `load_yaml` does.
    """
    _, lines = parse_plain(read_bytes(path), file=os.fspath(path))
    steps = _steps("." + field)
    return next((lines[steps[:end]] for end in range(len(steps), 0, -1) if steps[:end] in lines), None)


def convert_plain(plain: Mapping[str, object], kind: type[_T]) -> _T:
    """Plain values as a `kind`, checked like a document but with no file. Raises `SpecError`."""
    return _convert(dict(plain), kind, file=None, lines={})


def parse_plain(data: bytes, *, file: str) -> tuple[dict[str, Plain], _Lines]:
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
        raise SpecError("is empty, expected a mapping of fields", file=file)
    if not isinstance(document, CommentedMap):
        raise SpecError(f"expected a mapping of fields, found {_found(document)}", file=file, line=1)
    lines: _Lines = {}
    plain = _PlainReader(file, lines).mapping(document, ())
    return plain, lines


def _impossible_date(text: str) -> tuple[str, int] | None:
    """What is wrong and the line, when it is a date that is in no calendar: the parser does not say where it is."""
    for number, line in enumerate(text.split("\n"), start=1):
        for date in _DATE.findall(line):
            try:
                dt.date.fromisoformat(date)
            except ValueError:
                return f"expected a day of the calendar as YYYY-MM-DD, found {date}", number
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

    def __init__(self, file: str, lines: _Lines) -> None:
        self._file = file
        self._lines = lines
        self._nodes = 0

    def mapping(self, node: CommentedMap, path: tuple[_Step, ...]) -> dict[str, Plain]:
        """A mapping with string keys."""
        result: dict[str, Plain] = {}
        for key, value in node.items():
            line = _line_of(node, key)
            if not isinstance(key, str):
                raise self._error(f"field names must be text, found {_found(key)}", path, line)
            result[str(key)] = self._value(value, (*path, str(key)), line)
        return result

    def _value(self, value: object, path: tuple[_Step, ...], line: int | None) -> Plain:
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

    def _scalar(self, value: object, path: tuple[_Step, ...], line: int | None) -> Plain:
        # the parser's scalars are subclasses of Python's that remember how they were written
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            if not -_MAX_INT <= value < _MAX_INT:
                raise self._error("integer outside 64 bits", path, line)
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise self._error(f"expected a finite number, found {float(value)}", path, line)
            return float(value)
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value.isoformat()
        raise self._error(f"expected text, a number, a list or a mapping, found {_found(value)}", path, line)

    def _error(self, problem: str, path: tuple[_Step, ...], line: int | None) -> SpecError:
        return SpecError(problem, field=_dotted(path), file=self._file, line=line)


def _convert(plain: object, kind: type[_T], *, file: str | None, lines: _Lines) -> _T:
    try:
        # msgspec looks a struct up when it is first used; two threads that do so at once end the process (SIGSEGV).
        with _CONVERTING:
            return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, SpecError):  # raised by the struct's own checks, with a path below the struct
            path = (*_error_path(str(error))[1], *(_steps("." + cause.field) if cause.field else ()))
            problem = cause.problem
        else:
            problem, path = _error_path(str(error))
            problem, path = _explained(problem, _with_keys(path, plain, kind), plain, kind)
        raise SpecError(problem, field=_dotted(path), file=file, line=_nearest_line(lines, path, problem)) from error
    except RecursionError as error:
        raise SpecError("is nested too deeply", file=file) from error


def _error_path(text: str) -> tuple[str, tuple[_Step, ...]]:
    """Problem and path of a msgspec validation error."""
    match = _VALIDATION_PATH.search(text)
    if match is None:
        return text, ()
    return text[: match.start()], _steps(match["path"])


def _steps(path: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    for match in _PATH_STEP.finditer(path):
        if match[1] is not None:
            steps.append(match[1])
        else:
            steps.append("*" if match[2] is None else int(match[2]))
    return tuple(steps)


def _with_keys(path: tuple[_Step, ...], plain: object, kind: type[object]) -> tuple[_Step, ...]:
    """The path with the key in place of each "*", which is all that msgspec says of an entry of a dict.

    The key is the one whose entry alone fails too.
    """
    for position, step in enumerate(path):
        mapping = _value_at(plain, path[:position])
        if step != "*" or not isinstance(mapping, dict):
            continue
        for key, value in mapping.items():
            try:
                msgspec.convert(_replaced(plain, path[:position], {key: value}), kind)
            except msgspec.ValidationError:
                path = (*path[:position], key, *path[position + 1 :])
                break
    return path


def _replaced(plain: object, path: tuple[_Step, ...], value: object) -> object:
    """A copy of `plain` with `value` at `path`."""
    if not path:
        return value
    if isinstance(plain, dict):
        return {k: _replaced(v, path[1:], value) if k == path[0] else v for k, v in plain.items()}
    if isinstance(plain, list):
        return [_replaced(v, path[1:], value) if i == path[0] else v for i, v in enumerate(plain)]
    return plain


def _explained(
    problem: str, path: tuple[_Step, ...], plain: object, kind: type[object]
) -> tuple[str, tuple[_Step, ...]]:
    """msgspec's problem in our words: the allowed names for an unknown one, the value found for a bad one."""
    unknown = _UNKNOWN_FIELD.match(problem)
    if unknown is not None:
        name = unknown["name"]
        return f"unknown field, allowed: {', '.join(_field_names(kind, path))}", (*path, name)
    missing = _MISSING_FIELD.match(problem)
    if missing is not None:
        return "is required and missing", (*path, missing["name"])
    found = _value_at(plain, path)
    choices = _choices(_type_at(kind, path))
    if problem.startswith("Invalid enum value") and choices:
        problem = f"expected one of {', '.join(map(str, choices))}"
    if isinstance(found, (str, int, float)) and not isinstance(found, bool):
        problem = f"{problem.partition(', got')[0]}, found {found!r}"
    return problem[:1].lower() + problem[1:], path


def _value_at(plain: object, path: Iterable[_Step]) -> object:
    value = plain
    for step in path:
        if isinstance(value, (dict, list, tuple)):
            try:
                value = value[step]  # type: ignore[index]  # a step is a key of one, an index of the others
            except (KeyError, IndexError, TypeError):
                return None
    return value


def _field_names(kind: type[object], path: Iterable[_Step]) -> list[str]:
    """Names that the struct at `path` below the struct type `kind` accepts."""
    node = _struct_in(_type_at(kind, path))
    return [] if node is None else [field.encode_name for field in node.fields]


def _type_at(kind: type[object], path: Iterable[_Step]) -> object:
    """The type of what is at `path` below the struct type `kind`; None where that is inside no struct."""
    node: object = inspect.type_info(kind)
    for step in path:
        struct = _struct_in(node)
        field = next((f for f in struct.fields if f.encode_name == step), None) if struct is not None else None
        node = None if field is None else field.type
    return node


def _choices(node: object) -> list[object]:
    """The values of a literal type."""
    nodes = node.types if isinstance(node, inspect.UnionType) else (node,)
    return [value for one in nodes if isinstance(one, inspect.LiteralType) for value in one.values]


def _struct_in(node: object) -> inspect.StructType | None:
    if isinstance(node, inspect.StructType):
        return node
    if isinstance(node, inspect.UnionType):
        return next((t for t in node.types if isinstance(t, inspect.StructType)), None)
    return None


def _line_of(node: CommentedMap | CommentedSeq, key: object) -> int | None:
    try:
        line, _ = node.lc.key(key) if isinstance(node, CommentedMap) else node.lc.item(key)
    except (KeyError, AttributeError, TypeError):  # merged from an anchor: no place of its own
        return None
    return int(line) + 1


def _nearest_line(lines: _Lines, path: tuple[_Step, ...], problem: str) -> int | None:
    """Line of the field; of one beside it that the problem names, when the field has its default; of what is around."""
    if path and path not in lines:
        for word in re.findall(r"[a-z][a-z0-9_]*", problem):
            if (*path[:-1], word) in lines:
                return lines[(*path[:-1], word)]
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return 1 if lines else None


def _dotted(path: Iterable[_Step]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


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
