"""The uvicorn that is installed is the one whose internals were read, and has all that is relied on."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

import vp_stream
from vp_stream.clients.connections import StreamProtocol
from vp_stream.http.exchanges import RequestProtocol
from vp_stream.server import _StreamServer
from vp_stream.uvicorn_internals import RELIED_ON, SEEN_WITH


@pytest.mark.parametrize("distribution", SEEN_WITH)
def test_the_installed_version_is_the_one_that_was_read(distribution: str) -> None:
    assert version(distribution).startswith(f"{SEEN_WITH[distribution]}."), "read vp_stream.uvicorn_internals first"


@pytest.mark.parametrize("kind", [StreamProtocol, RequestProtocol, _StreamServer])
def test_every_method_that_is_overridden_or_called_is_there(kind: type) -> None:
    (base,) = kind.__bases__
    source = inspect.getsource(base)
    for name in RELIED_ON[base]:
        assert hasattr(base, name) or re.search(rf"self\.{name}\b", source), f"{base.__name__} has no {name}"
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    own = set(vars(kind)) | set(re.findall(r"self\.(_\w+)", inspect.getsource(kind)))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    overridden = {name for name, value in vars(kind).items() if inspect.isfunction(value) and hasattr(base, name)}
    overridden = {name for name in overridden if not name.startswith("__")}
    assert (used - own) | overridden <= set(RELIED_ON[base])


def test_nothing_else_imports_uvicorn() -> None:
    folder = Path(vp_stream.__file__).parent
    importing = [
        path.name for path in folder.rglob("*.py") if re.search(r"^(import|from) uvicorn\b", path.read_text(), re.M)
    ]
    assert importing == ["uvicorn_internals.py"]
