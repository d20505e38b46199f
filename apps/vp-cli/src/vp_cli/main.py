"""The `vp` command: every subcommand, and one way for all of them to fail."""

from __future__ import annotations

import atexit
import os
import sys
from importlib.metadata import version
from typing import Annotated, Final, NoReturn

import typer

from vp_cli.catalogue import COMMANDS
from vp_cli.errors import CliError
from vp_cli.typer_internals import UsageError, lazy_group, show_flags_without_type

INTERRUPTED: Final = 130
EXPECTED: Final = {
    "vp_book": "VpBookError",
    "vp_contract": "VpContractError",
    "vp_harness": "VpHarnessError",
    "vp_registry": "VpRegistryError",
    "vp_spectrum": "VpSpectrumError",
    "vp_stream": "VpStreamError",
}
"""By package, what is reported in one line as `CliError` and `OSError` are; anything else is a defect and shows its
traceback. A package that nothing has imported has raised nothing."""

show_flags_without_type()
app = typer.Typer(
    name="vp",
    cls=lazy_group(COMMANDS, "vp_cli.commands"),
    help="Vacuum-pressure signals from market-by-order data: replay, research, serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        _run()
    except SystemExit as end:
        intake = sys.modules.get("vp_harness.intake")
        if intake and intake.is_stuck():
            _leave_at_once(end.code if isinstance(end.code, int) else 0)
        raise


def _run() -> NoReturn:
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        from vp_cli.output import refuse

        refuse(error)
    except Exception as error:
        if "--debug" in sys.argv or not isinstance(error, expected()):
            raise
        from vp_cli.output import fail

        fail(error)
    except (KeyboardInterrupt, typer.Abort):
        _leave_interrupted()
    if code == INTERRUPTED:  # Typer's own answer to an interrupt
        _leave_interrupted()
    sys.exit(code or 0)


def expected() -> tuple[type[Exception], ...]:
    """The errors that are reported in one line, of the packages that are imported by now."""
    loaded = ((sys.modules.get(package), name) for package, name in EXPECTED.items())
    return CliError, OSError, *(getattr(module, name) for module, name in loaded if module is not None)


def _leave_interrupted() -> NoReturn:
    """Exit code 130 at once. An exit would wait for threads that compute what nobody will take, and then take apart all
    that is loaded, which is seconds where other processes have the cores.
    """
    atexit._run_exitfuncs()  # worker processes have semaphores to be taken back
    _leave_at_once(INTERRUPTED)


def _leave_at_once(code: int) -> NoReturn:
    """Exit without joining threads: files are whole at every moment, a kill does them no harm either."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
