"""For the documentation site: examples of docstrings that begin with `>>>` are shown as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

# from a line with >>> up to the next blank line
_EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)


class Doctests(Extension):
    """Puts a fence around each example."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for every object once its docstring is known."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)
