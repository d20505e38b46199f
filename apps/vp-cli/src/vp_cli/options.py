"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vp_contract import InstrumentLock, instrument_path, load_instrument

LakeRoot = Annotated[
    Path, typer.Option("--lake-root", envvar="VP_LAKE_ROOT", show_default=True, help="Root of the data lake.")
]
ConfigRoot = Annotated[
    Path, typer.Option("--config-root", envvar="VP_CONFIG_ROOT", show_default=True, help="Root of the YAML specs.")
]
PipelineName = Annotated[
    str | None,
    typer.Option("--pipeline", help="Pipeline whose capture says which publisher is meant and what damage is taken."),
]
ExecutorName = Annotated[
    Literal["local", "processes", "dask"] | None,
    typer.Option("--executor", help="local (threads), processes or dask; the results are the same."),
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Threads or processes of this machine.")]
Scheduler = Annotated[str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, tcp://HOST:PORT.")]
RegistryUrl = Annotated[
    str | None,
    typer.Option(
        "--registry-url",
        envvar="VP_REGISTRY_URL",
        show_default=False,
        help="SQLAlchemy URL of the registry; the lake's own if not given.",
    ),
]

LAKE_ROOT = Path("lake")
CONFIG_ROOT = Path("configs")


def load_lock(config_root: Path) -> InstrumentLock:
    """The instrument this environment is locked to."""
    return load_instrument(instrument_path(config_root))
