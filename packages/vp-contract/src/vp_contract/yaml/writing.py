"""Writing specs: a struct as YAML, and a file that a person wrote with some values changed and its comments kept."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import SafeRepresenter

from vp_contract.errors import SpecError
from vp_contract.yaml.reading import convert_plain, one_line, parse_plain, parse_yaml

_NO_FOLDING: Final = 1 << 30
_T = TypeVar("_T", bound=msgspec.Struct)


def dump_spec(spec: msgspec.Struct) -> bytes:
    """A spec as a YAML document, from which an equal one is read. Raises `SpecError` for what is not allowed in it."""
    plain = msgspec.json.decode(msgspec.json.encode(spec))
    # a struct built in Python is not checked field by field: nothing is written that could not be read back
    convert_plain(plain, type(spec))
    return dump_yaml(plain)


def dump_yaml(plain: Mapping[str, object]) -> bytes:
    """Plain values (JSON's types) as a YAML document in UTF-8, block style, keys in the order given."""
    writer = YAML(typ="safe", pure=True)
    writer.Representer = _Representer
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its stub knows only None
    writer.allow_unicode = True
    writer.width = _NO_FOLDING
    stream = io.BytesIO()
    try:
        writer.dump(dict(plain), stream)
    except (YAMLError, UnicodeError) as error:
        raise SpecError(f"cannot be written as YAML: {one_line(str(error))}") from error
    return stream.getvalue()


class _Representer(SafeRepresenter):
    """Quotes and escapes text with unprintable characters, some of which would be read back as line breaks."""

    def represent_text(self, text: str) -> Any:
        """A scalar node."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Representer.add_representer(str, _Representer.represent_text)


def edit_yaml(data: bytes, kind: type[_T], changes: Mapping[str, Any], *, file: str) -> bytes:
    """The document with the values at dotted paths (`pipeline.tau_jerk`) changed or added, and all else as it was.

    Comments, order and quotes stay; only blanks within a line may change. The result is a `kind` that says what the
    document said before, except for the changes. Raises `SpecError` for a path below something that is no mapping, and
    for what `kind` does not allow.
    """
    expected, _ = parse_plain(data, file=file)
    editor = YAML(typ="rt")
    editor.preserve_quotes = True
    editor.width = _NO_FOLDING
    document = editor.load(data.decode("utf-8-sig"))
    for path, value in changes.items():
        *above, name = path.split(".")
        node, plain = document, expected
        for step in above:
            node = node.setdefault(step, CommentedMap())
            if not isinstance(node, CommentedMap):
                raise SpecError(f"cannot set what is below {step}, which is no mapping", field=path, file=file)
            plain = plain.setdefault(step, {})  # type: ignore[assignment]  # a mapping here, as in the document
        node[name] = plain[name] = msgspec.to_builtins(value)
    stream = io.BytesIO()
    try:
        editor.dump(document, stream)
    except (YAMLError, UnicodeError) as error:
        raise SpecError(f"cannot be written as YAML: {error}", file=file) from error
    edited = stream.getvalue()
    parse_yaml(edited, kind, file=file)
    found, _ = parse_plain(edited, file=file)
    if found != _as_json(expected):
        raise SpecError("cannot be edited without changing something else: edit it by hand", file=file)
    return edited


def _as_json(plain: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(plain))
