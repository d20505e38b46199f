"""The `vp` command: every subcommand, and one way for all of them to fail."""

from __future__ import annotations

import os
import sys
import threading
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from vp_book import VpBookError
from vp_cli.commands import (
    aliases,
    bench,
    cache,
    campaign,
    config,
    data,
    demo,
    doctor,
    research,
    serving,
    signals,
    verify,
)
from vp_cli.errors import CliError
from vp_cli.output import fail, refuse
from vp_cli.typer_internals import UsageError
from vp_contract import VpContractError
from vp_harness import TASK_THREADS, VpHarnessError
from vp_registry import VpRegistryError
from vp_spectrum import VpSpectrumError
from vp_stream import VpStreamError

EXPECTED = (
    CliError,
    VpBookError,
    VpContractError,
    VpHarnessError,
    VpRegistryError,
    VpSpectrumError,
    VpStreamError,
    OSError,
)
"""What is told in one line; anything else is a defect and shows its traceback."""

app = typer.Typer(
    name="vp",
    help="Vacuum-pressure signals from market-by-order data: replay, research, serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
demo.register(app)
doctor.register(app)
data.register(app)
campaign.register(app)
config.register(app)
cache.register(app)
research.register(app)
signals.register(app)
serving.register(app)
verify.register(app)
aliases.register(app)
bench.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vp {version('vp-cli')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Vacuum-pressure signals from market-by-order data: replay, research, serve."""
    context.obj = {"debug": debug}


def main() -> None:
    """Run the command line. Exit code 0 done, 1 failed, 2 wrong usage."""
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        refuse(error)
    except EXPECTED as error:
        if "--debug" in sys.argv:
            raise
        fail(error)
    except (KeyboardInterrupt, typer.Abort):
        _leave_interrupted()
    sys.exit(code or 0)


def _leave_interrupted() -> NoReturn:
    """Exit code 130, without waiting for threads that compute something: nobody will take it."""
    if any(thread.name.startswith(TASK_THREADS) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(130)  # an exit would join them; files are whole at every moment, a kill does them no harm either
    sys.exit(130)
