"""`vp serve`: the stream server, with the page built if need be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from vp_cli.page import built_page
from vp_cli.typer_internals import give_options
from vp_stream import StreamSettings
from vp_stream import serve as serve_stream
from vp_stream.logs import LogFormat, configure_logging
from vp_stream.options import OPTIONS, ServerOption, settings_of

_BY_NAME: Final = {option.name: option for option in OPTIONS}

Host = Annotated[str, typer.Option(help=_BY_NAME["host"].help)]
Port = Annotated[int, typer.Option(help=_BY_NAME["port"].help)]
Speed = Annotated[str, typer.Option(help=_BY_NAME["speed"].help)]


def register(app: typer.Typer) -> None:
    """Add the command, with the options of the server."""
    give_options(serve, [(option.name, option_type(option), option.default) for option in OPTIONS])
    app.command("serve")(serve)


def serve(**values: Any) -> None:
    """Serve promoted servings and the page until interrupted."""
    parsed = {name: parsed_option(_BY_NAME[name], value) for name, value in values.items()}
    page: Path | None = parsed["web_root"] or built_page(parsed["config_root"])
    run(settings_of(parsed | {"web_root": page}), log_format=parsed["log_format"])


def run(settings: StreamSettings, path: str = "/", log_format: LogFormat = "text") -> None:
    """Serve until interrupted, saying where."""
    configure_logging(log_format)
    serve_stream(settings, on_ready=lambda url: typer.echo(f"open {url}{path} (Ctrl+C stops)"))


def speed_of(text: str) -> float:
    """A replay speed as it is written on the command line; StreamSettings checks the range."""
    return float(parsed_option(_BY_NAME["speed"], text))


def parsed_option(option: ServerOption, value: Any) -> Any:
    """The value of an option as the settings take it. Raises `typer.BadParameter`."""
    if option.parse is None:
        return value
    try:
        return option.parse(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option.flag) from None


def option_type(option: ServerOption) -> Any:
    """The annotation by which Typer knows an option."""
    kind: Any = Literal[option.choices] if option.choices else option.type
    if option.repeatable:
        kind = list[kind]
    if option.default is None:
        kind = kind | None
    described = typer.Option(
        option.flag,
        help=option.help,
        metavar=None if option.choices else option.metavar,
        envvar=option.variable,
        show_default=option.default is not None,
    )
    return Annotated[kind, described]
