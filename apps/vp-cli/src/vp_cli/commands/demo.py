"""`vp demo`: the whole way from an empty lake to a live page, with nothing configured."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from vp_book.synthetic import write_market
from vp_cli.commands.serving import Host, Port, Speed, run, speed_of
from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, load_lock
from vp_cli.output import print_json, progress, say
from vp_cli.page import built_page
from vp_cli.printed.data import DemoChecked
from vp_cli.probe import probe
from vp_harness import (
    ResultsStore,
    compare,
    experiment_chain,
    find_raw,
    import_file,
    open_lake,
    open_registry,
    promote,
    run_experiment,
)
from vp_harness.errors import RawFileError
from vp_registry import ResolvedServing
from vp_stream import StreamSettings, start_in_background

_INSTALLED_SPECS: Final = Path(__file__).parents[1] / "specs"
EXPERIMENT: Final = "demo"
ALIAS: Final = "demo"
NULL: Final = "demo_null"
"""Experiment and alias of the market without an effect, which is another day, so that one lake may have both."""
SEED: Final = 20260206
EFFECT: Final = 0.8
"""Planted strength of order-flow pressure leading price, so that the demo has something to find."""
MARKET_START: Final = "09:00"
MARKET_MINUTES: Final = 60
"""The pipeline's capture of 09:25 to 09:55 with its 30 minutes of warm-up, as far as the session reaches."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What was made."""

    raw: Path
    dataset_id: str
    served: ResolvedServing
    rows: int


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    host: Host = "127.0.0.1",
    port: Port = 8002,
    speed: Speed = "1",
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Do it all in a temporary lake on a free port, receive bins as a client, print JSON, exit.",
        ),
    ] = False,
    bins: Annotated[int, typer.Option(help="Bins that --check receives.")] = 50,
    no_effect: Annotated[
        bool, typer.Option("--no-effect", help="A market in which nothing leads the price: nothing is to be proven.")
    ] = False,
) -> None:
    """Make a synthetic market day, a dataset, an experiment of several signals, promote its winner and serve it."""
    name = NULL if no_effect else EXPERIMENT
    if check:
        print_json(_check(config_root, bins, name))
        return
    _provide_specs(config_root)
    made = make(lake_root, config_root, name)
    say(f"serving {made.served.serving_id} as alias {name}")
    settings = StreamSettings(
        lake_root=lake_root,
        config_root=config_root,
        web_root=built_page(config_root),
        host=host,
        port=port,
        speed=speed_of(speed),
    )
    run(settings, f"/?serving={name}")


def make(lake_root: Path, config_root: Path, name: str = EXPERIMENT) -> Demo:
    """Everything up to the promotion, of `EXPERIMENT` or `NULL`. Whatever is made already is found and kept."""
    say("compiling the kernels and making the market (the first time this takes a minute)")
    raw = _market(lake_root, config_root, name)
    with progress("experiment") as update:
        result = run_experiment(name, lake_root, config_root=config_root, progress=update)
    fewest = experiment_chain(name, config_root).experiment.eval.min_signals
    rows = compare(ResultsStore(open_lake(lake_root)), run_ids=result.run_ids, min_signals=fewest, top_n=1)
    if rows.is_empty():
        raise CliError(f"experiment {name} has no row with enough signals: were its specs changed?")
    winner = rows.row(0, named=True)
    proven = winner["verdict"] == "proven"
    doubt = f" ({winner['doubt']})" if winner["doubt"] else ""
    say(
        f"the best of {winner['n_trials']} trials, {winner['signal']} at {winner['threshold']:g}, is "
        f"{winner['verdict']}{doubt}, p {winner['p_corrected']:.3f}"
    )
    # its own registry, whatever VP_REGISTRY_URL says: a demo changes nothing that others use
    with closing(open_registry(lake_root, config_root, open_lake(lake_root).registry_url)) as registry:
        served = promote(
            winner["run_id"],
            name,
            lake_root,
            config_root=config_root,
            threshold=winner["threshold"],
            accept_unproven=not proven,  # a demo shows what there is, and the serving records what it is
            reason="" if proven else "vp demo shows what there is",
            registry=registry,
        )
    return Demo(raw, winner["dataset_id"], served, len(rows))


def _provide_specs(config_root: Path) -> None:
    """Where there is no directory of specs, put those that were installed with this command there, to be edited.

    Raises CliError where none were installed, as in a checkout.
    """
    if config_root.is_dir():
        return
    if not _INSTALLED_SPECS.is_dir():
        raise CliError(f"config root {config_root} is not a directory: run in a checkout, or pass --config-root")
    target = config_root.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".specs-", dir=target.parent) as scratch:
        fresh = Path(scratch) / "specs"
        shutil.copytree(_INSTALLED_SPECS, fresh)
        try:
            fresh.rename(target)
        except OSError:
            if not target.is_dir():  # another process was first
                raise
    say(f"wrote the specs of the demo to {config_root}")


def _market(lake_root: Path, config_root: Path, name: str) -> Path:
    """The synthetic day of an experiment in the lake."""
    chain = experiment_chain(name, config_root)
    try:
        return find_raw(lake_root, chain.config)
    except RawFileError:
        pass  # not made yet
    with tempfile.TemporaryDirectory(prefix="vp-demo-") as scratch:
        path = Path(scratch) / "market.dbn.zst"
        write_market(
            path,
            seed=SEED,
            minutes=MARKET_MINUTES,
            symbol=chain.config.symbol,
            effect=0.0 if name == NULL else EFFECT,
            date=chain.config.dt,
            start=MARKET_START,
        )
        return import_file(lake_root, path, load_lock(config_root))[0]


def _check(config_root: Path, bins: int, name: str) -> DemoChecked:
    """The demo in a temporary lake, seen by a client."""
    with temporary_demo(config_root, name) as (lake, configs, made):
        # without a schedule no bin is ever late, so none is skipped
        settings = StreamSettings(
            lake_root=lake, config_root=configs, web_root=built_page(config_root), port=0, speed=math.inf
        )
        with start_in_background(settings) as server:
            seen = probe(server.url, name, bins, lake, made.dataset_id)
        return {
            "ok": True,
            "serving_id": made.served.serving_id,
            "dataset_id": made.dataset_id,
            "signal": made.served.spec.source.signal,
            "rows_compared": made.rows,
            "verdict": made.served.spec.evidence.get("verdict"),
            "proven": made.served.spec.evidence.get("proven"),
            "bins_received": seen.bins_received,
            "bins_valid": seen.bins_valid,
            "grid_rows": seen.grid_rows,
            "equal_to_dataset": True,
        }


@contextmanager
def temporary_demo(config_root: Path, name: str = EXPERIMENT) -> Iterator[tuple[Path, Path, Demo]]:
    """A demo in a temporary lake with a copy of the specs, so that nothing of the checkout changes.

    Yields the roots of lake and specs, and what was made.
    """
    with tempfile.TemporaryDirectory(prefix="vp-demo-") as scratch:
        lake, configs = Path(scratch) / "lake", Path(scratch) / "configs"
        if config_root.is_dir():
            shutil.copytree(config_root, configs)
        else:
            _provide_specs(configs)
        yield lake, configs, make(lake, configs, name)
