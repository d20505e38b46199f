"""What is used of Typer beyond its documented interface, in one place.

A test holds the installed version to `SEEN_WITH`: read this module against the new source before raising it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import typer

SEEN_WITH: Final = "0.29"
"""The minor version whose source was read."""

UsageError: Final = cast("type[Exception]", typer.BadParameter.__bases__[0])
"""Base of everything that Typer raises about a wrong command line; it does not export it."""


def give_options(command: Callable[..., Any], options: Sequence[tuple[str, Any, object]]) -> None:
    """Let Typer see the options (name, annotation, default) in a command that takes them as `**values`.

    Typer reads a command with `inspect.signature`, which prefers the attribute that is set here.
    """
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, keyword, default=value, annotation=kind) for name, kind, value in options]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
