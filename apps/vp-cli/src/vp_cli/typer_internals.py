"""What is used of Typer beyond its documented interface, in one place.

A test holds the installed version to `SEEN_WITH`: read this module against the new source before raising it.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, cast

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup, TyperOption

from vp_cli.catalogue import Entry

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


_type_of_any: Final = TyperOption.display_type_rich


def _type_of_valued(self: TyperOption, ctx: Any) -> str | None:
    return None if self.is_flag else _type_of_any(self, ctx)


def show_flags_without_type() -> None:
    """Have the help of every command show no `<bool>` beside an option that takes no value.

    The table of options asks each for its type, `--help` included, which Typer makes when it is needed.
    """
    TyperOption.display_type_rich = _type_of_valued  # type: ignore[method-assign]


@contextmanager
def _kept() -> Iterator[None]:
    """What is made within stays: garbage is not looked for meanwhile, nor later in what is there by then.

    The modules of a command are a hundred thousand objects, and collections would walk through them again and again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def lazy_group(entries: Mapping[str, Entry], package: str) -> type[TyperGroup]:
    """A group whose commands are known by name and help, and imported from `package` when one of them runs.

    Typer resolves the command that a command line names with `resolve_command`; help and completion of names only list
    the group, and get commands that have a name and a help.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self._unloaded = dict(entries)
            for name, entry in entries.items():
                self.add_command(TyperCommand(name, help=entry.help))

        def load(self, name: str) -> None:
            """Import the module of a command, if there is one of this name and it is not loaded."""
            if name not in self._unloaded:
                return
            module = self._unloaded[name].module
            app = typer.Typer()
            with _kept():
                commands = import_module(f"{package}.{module}")
            commands.register(app)
            for found, command in typer.main.get_group(app).commands.items():
                self.commands[found] = command
                self._unloaded.pop(found, None)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """The command that the first argument names, loaded."""
            self.load(args[0])
            return super().resolve_command(ctx, args)

    return LazyGroup


def whole(app: typer.Typer) -> Any:
    """The command of an app with every command below it loaded."""
    command: Any = typer.main.get_command(app)
    for name in list(command.commands):
        command.load(name)
    return command
