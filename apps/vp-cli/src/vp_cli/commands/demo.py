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

EXPERIMENT: Final = "demo"
ALIAS: Final = "demo"
SEED: Final = 20260206
EFFECT: Final = 0.6
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
) -> None:
    """Make a synthetic market day, a dataset, an experiment of several signals, promote its winner and serve it."""
    if check:
        print_json(_check(config_root, bins))
        return
    made = make(lake_root, config_root)
    say(f"serving {made.served.serving_id} as alias {ALIAS}")
    settings = StreamSettings(
        lake_root=lake_root,
        config_root=config_root,
        web_root=built_page(config_root),
        host=host,
        port=port,
        speed=speed_of(speed),
    )
    run(settings, f"/?serving={ALIAS}")


def make(lake_root: Path, config_root: Path) -> Demo:
    """Everything up to the promotion. Whatever is made already is found and kept."""
    say("compiling the kernels and making the market (the first time this takes a minute)")
    raw = _market(lake_root, config_root)
    with progress("experiment") as update:
        result = run_experiment(EXPERIMENT, lake_root, config_root=config_root, progress=update)
    fewest = experiment_chain(EXPERIMENT, config_root).experiment.eval.min_signals
    rows = compare(ResultsStore(open_lake(lake_root)), experiment=EXPERIMENT, min_signals=fewest)
    rows = rows.filter(rows["run_id"].is_in(list(result.run_ids)))
    if rows.is_empty():
        raise CliError(f"experiment {EXPERIMENT} has no row with enough signals: were its specs changed?")
    winner = rows.row(0, named=True)
    doubt = f" ({winner['doubt']})" if winner["doubt"] else ""
    say(f"the best of {winner['n_trials']} trials is {winner['verdict']}{doubt}, p {winner['p_corrected']:.3f}")
    # its own registry, whatever VP_REGISTRY_URL says: a demo changes nothing that others use
    with closing(open_registry(lake_root, config_root, open_lake(lake_root).registry_url)) as registry:
        served = promote(
            winner["run_id"],
            ALIAS,
            lake_root,
            config_root=config_root,
            threshold=winner["threshold"],
            accept_unproven=True,  # a demo shows what there is, says whether it is proven, and the serving records it
            reason="vp demo shows what there is",
            registry=registry,
        )
    return Demo(raw, winner["dataset_id"], served, len(rows))


def _market(lake_root: Path, config_root: Path) -> Path:
    """The synthetic day in the lake."""
    chain = experiment_chain(EXPERIMENT, config_root)
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
            effect=EFFECT,
            date=chain.config.dt,
            start=MARKET_START,
        )
        return import_file(lake_root, path, load_lock(config_root))[0]


def _check(config_root: Path, bins: int) -> dict[str, object]:
    """The demo in a temporary lake, seen by a client."""
    with temporary_demo(config_root) as (lake, configs, made):
        # without a schedule no bin is ever late, so none is skipped
        settings = StreamSettings(
            lake_root=lake, config_root=configs, web_root=built_page(config_root), port=0, speed=math.inf
        )
        with start_in_background(settings) as server:
            seen = probe(server.url, ALIAS, bins, lake, made.dataset_id)
        return {
            "ok": True,
            "serving_id": made.served.serving_id,
            "dataset_id": made.dataset_id,
            "signal": made.served.spec.source.signal,
            "rows_compared": made.rows,
            "verdict": made.served.spec.evidence.get("verdict"),
            "proven": made.served.spec.evidence.get("proven"),
            **seen,
        }


@contextmanager
def temporary_demo(config_root: Path) -> Iterator[tuple[Path, Path, Demo]]:
    """A demo in a temporary lake with a copy of the specs, so that nothing of the checkout changes.

    Yields the roots of lake and specs, and what was made.
    """
    if not config_root.is_dir():
        raise CliError(f"config root {config_root} is not a directory: run in a checkout, or pass --config-root")
    with tempfile.TemporaryDirectory(prefix="vp-demo-") as scratch:
        lake, configs = Path(scratch) / "lake", Path(scratch) / "configs"
        shutil.copytree(config_root, configs)
        yield lake, configs, make(lake, configs)
