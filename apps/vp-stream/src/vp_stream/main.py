"""The `vp-stream` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from vp_stream.errors import VpStreamError
from vp_stream.http.openapi import document_bytes
from vp_stream.logs import configure_logging
from vp_stream.options import OPTIONS, ServerOption, settings_of
from vp_stream.server import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Exit code 0 after that, 1 when it failed; wrong usage exits with 2."""
    options = _parser().parse_args(arguments)
    if options.openapi:
        sys.stdout.write(document_bytes().decode())
        return 0
    configure_logging(options.log_format, debug=options.debug)
    try:
        serve(settings_of(vars(options)), on_ready=_announce)
    except KeyboardInterrupt:
        return 0
    except VpStreamError as error:
        if options.debug:
            raise
        sys.stderr.write(f"vp-stream: {error}\n")
        return 1
    return 0


def _announce(url: str) -> None:
    sys.stdout.write(f"serving {url}/ (press Ctrl+C to stop)\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vp-stream",
        description="Stream server: WebSocket grid stream of promoted servings, health and the built page.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vp-stream {version('vp-stream')}")
    parser.add_argument(
        "--openapi", action="store_true", help="Print the OpenAPI document of the REST routes and exit."
    )
    for option in OPTIONS:
        _add(parser, option)
    parser.add_argument("--debug", action="store_true", help="Log everything and show tracebacks.")
    return parser


def _add(parser: argparse.ArgumentParser, option: ServerOption) -> None:
    variable = f" ({option.variable})" if option.variable else ""
    settings: dict[str, Any] = {"help": option.help + variable, "default": option.default}
    if option.variable and option.default is not None:  # one without a default may be a secret: no help text shows it
        settings["default"] = os.environ.get(option.variable, option.default)
    if option.choices:
        settings["choices"] = option.choices
    else:
        settings["metavar"] = option.metavar
        settings["type"] = option.type if option.parse is None else partial(_parsed, option.parse)
    if option.repeatable:
        settings |= {"action": "append", "default": []}
    parser.add_argument(option.flag, **settings)


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
