"""`vp doctor`: decode files, replay their book, print what its integrity certificate says."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer

from vp_book import DbnSource, Instrument, Physics, Replay, open_dbn, replay
from vp_book.instrument import PRICE_SCALE
from vp_book.records import NS_PER_S, UNDEF_PRICE
from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, ConfigRoot, PipelineName
from vp_cli.output import AsJson, print_facts, print_json
from vp_cli.printed.examined import CaptureTaken, Doctor, Quote, Silence
from vp_contract import InstrumentLock, RuntimeConfig, VpContractError, instrument_path, load_instrument
from vp_harness import CoverageError, RawFileError, instrument_of, physics_of, pipeline_config, source_options, utc_text

_NS_PER_MS: Final = 1_000_000
_BIN_MS: Final = 60_000
"""Length of the bins of the replay, which are made for their silences and nothing else."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    files: Annotated[
        list[Path],
        typer.Argument(help="A .dbn or .dbn.zst file of the mbo schema; several, in order, are one session."),
    ],
    pipeline: PipelineName = None,
    symbol: Annotated[str | None, typer.Option(help="Instrument, when the file has several.")] = None,
    tick_size: Annotated[
        str | None, typer.Option(help="Price tick. Else that of the specs for the symbol, or what the prices show.")
    ] = None,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Decode a file to its end or damage, replay its book, print the integrity facts; exit code 1 if they fail."""
    config = None if pipeline is None else pipeline_config(pipeline, config_root)
    source = open_dbn(
        files,
        symbol=symbol or (None if config is None else config.symbol),
        publisher=None if config is None else config.publisher,
        tolerate_truncated=True,
    )
    replayed = replay(
        source,
        _instrument(source, tick_size, config, config_root),
        Physics() if config is None else physics_of(config),
        cell_width_ms=_width_ms(source),
        max_silence_s=None if config is None else config.max_silence_s,
    )
    deque(replayed, maxlen=0)
    if not replayed.engine.clock_ns:
        raise CliError(source.report.damage or f"{source.path} has no record of {source.symbol}")
    facts = examine(source, replayed)
    problems = list(replayed.certificate()["reasons"])
    if config is not None:
        facts["capture"], problem = _capture(config, files)
        problems += problem
    if as_json:
        print_json(facts)
    else:
        shown = {name.replace("_", " "): value for name, value in facts.items() if name not in ("ticks", "capture")}
        print_facts(", ".join(map(str, files)), shown)
        if facts["capture"] is not None:
            print_facts("\ncapture", facts["capture"])
        for state in facts["ticks"]:
            print_facts(f"\nat {state['price']} at the last record", _physics(state))
    if problems:
        raise CliError(
            f"{source.symbol} in {', '.join(file.path.name for file in source.files)}: {'; '.join(problems)}"
        )


def _width_ms(source: DbnSource) -> int:
    """A width of bins that divides the end of the metadata: a replay reads no further than its last whole bin."""
    end_ms = 0 if source.end_ns is None else source.end_ns // _NS_PER_MS
    return max(math.gcd(end_ms, _BIN_MS), 1000)


def _capture(config: RuntimeConfig, files: list[Path]) -> tuple[CaptureTaken, list[str]]:
    """What a pipeline takes of the files, and what keeps it from being replayed from them."""
    facts: CaptureTaken = {
        "pipeline": config.pipeline,
        "publisher": config.publisher,
        "on_damage": config.on_damage,
        "on_short": config.on_short,
        "max_silence_s": config.max_silence_s,
        "covered": False,
        "window": None,
        "files": None,
    }
    try:
        sources = source_options(config, files[0].parent, files)
    except (CoverageError, RawFileError) as error:
        return facts, [str(error)]
    facts["covered"] = True
    facts["window"] = [utc_text(sources.start_ns), utc_text(sources.end_ns)]
    facts["files"] = {file.name: file.sha256 for file in sources.files}
    return facts, []


def examine(source: DbnSource, replayed: Replay) -> Doctor:
    """The facts of a whole replay, plain values; no pipeline has been asked."""
    certificate = replayed.certificate()
    engine = replayed.engine
    coverage = certificate["coverage"]
    bbo = engine.bbo()
    conservation = certificate["conservation"]
    paired = certificate["trades_and_fills"]
    bid_change, ask_change = (conservation[side]["flow_change"] for side in ("bid", "ask"))
    (bid_prices, _), (ask_prices, _) = engine.levels("bid"), engine.levels("ask")
    flow = engine.flow_totals()
    return {
        "symbol": source.symbol,
        "dataset": source.dataset,
        "dbn_version": source.version,
        "files": [file.path.name for file in source.files],
        "covers": [utc_text(coverage["start_ns"]), utc_text(coverage["end_ns"])],
        "longest_silence": _silence(coverage["longest_silence"]),
        "silence_at_end_s": coverage["silence_at_end_ns"] / NS_PER_S,
        "seams": [
            {
                "ts_utc": utc_text(seam["ts_ns"]),
                "orders": seam["orders"],
                "missing": seam["missing"],
                "extra": seam["extra"],
                "different": seam["different"],
            }
            for seam in certificate["seams"]
        ],
        "damage": certificate["damage"],
        "records": certificate["records"],
        "by_action": certificate["records_by_action"],
        "other_records_skipped": sum(source.report.skipped.values()),
        "other_instruments_filtered": source.report.filtered,
        "snapshot_records": certificate["snapshot_records"],
        "event_boundaries": certificate["events"],
        "first_clock": utc_text(certificate["first_clock_ns"]),
        "last_clock": utc_text(certificate["last_clock_ns"]),
        "longest_gap_s": certificate["longest_gap_ns"] / NS_PER_S,
        "crossed_boundaries": certificate["crossed_boundaries"],
        "locked_boundaries": certificate["locked_boundaries"],
        "resting_orders": certificate["resting_orders"],
        "best_bid": _quote(bbo.bid_price_int, bbo.bid_size),
        "best_ask": _quote(bbo.ask_price_int, bbo.ask_size),
        "levels": {"bid": len(bid_prices), "ask": len(ask_prices)},
        "flow": {"add": flow["add"], "pull": flow["pull"], "fill": flow["fill"]},
        "displayed_depth_change": {"total": bid_change + ask_change, "bid": bid_change, "ask": ask_change},
        "hidden_fills": certificate["anomalies"]["hidden_fill"],
        "iceberg_refreshes": certificate["iceberg_refreshes"],
        "aggressor_trades": {
            "records": certificate["records_by_action"]["T"],
            "volume": certificate["traded_volume"],
            "without_side": certificate["traded_without_aggressor"],
            "own_fills": certificate["aggressor_fill"]["records"],
        },
        "trades_against_fills": {
            "events": paired["events"],
            "unequal": paired["unequal_events"],
            "without_side": paired["without_aggressor"]["events"],
        },
        "anomalies": {name: n for name, n in certificate["anomalies"].items() if n},
        "conserved": certificate["conserved"],
        "certificate_ok": certificate["ok"],
        "reasons": certificate["reasons"],
        "ticks": [
            {"price": _price(price), **engine.tick_state(price, engine.clock_ns)}
            for price, size in ((bbo.bid_price_int, bbo.bid_size), (bbo.ask_price_int, bbo.ask_size))
            if size
        ],
        "capture": None,
    }


def _physics(state: Mapping[str, float]) -> dict[str, str]:
    """Depth, forces, and per channel velocity, acceleration, jerk and mass, as lines."""
    lines = {
        "depth": f"bid {state['bid_depth']} · ask {state['ask_depth']}",
        "forces": f"pressure {state['pressure_variant']:.8f} · vacuum {state['vacuum_variant']:.8f}",
    }
    for channel in ("add", "pull", "fill", "rest_depth"):
        chain = " · ".join(f"{order} {state[f'{order}_{channel}']:.8f}" for order in "vaj")
        mass = state.get(f"{channel}_mass")
        lines[channel] = chain if mass is None else f"{chain} · mass {mass:.8f}"
    return lines


def _instrument(
    source: DbnSource, tick_size: str | None, config: RuntimeConfig | None, config_root: Path
) -> Instrument:
    if tick_size is not None:
        return Instrument(source.symbol, tick_size)
    if config is not None and source.symbol == config.symbol:
        return instrument_of(config)
    lock = _specified(source.symbol, config_root)
    if lock is not None:
        return Instrument(source.symbol, lock.tick_size, product_type=lock.product_type)
    return Instrument(source.symbol, f"{_tick_of_prices(source) / PRICE_SCALE:.9f}")


def _specified(symbol: str, config_root: Path) -> InstrumentLock | None:
    """What the lock or one of the shipped instruments says about a symbol: by its name, else by its root."""
    locks = []
    for path in [instrument_path(config_root), *sorted((config_root / "instruments").glob("*.yaml"))]:
        try:
            locks.append(load_instrument(path))
        except VpContractError:  # a broken spec is reported by the commands that use it
            continue
    by_name = [lock for lock in locks if lock.symbol == symbol]
    by_root = [lock for lock in locks if symbol[:-2] == lock.symbol_root]  # ESH4: month and year follow the root
    return next(iter(by_name + by_root), None)


def _tick_of_prices(source: DbnSource) -> int:
    """The largest step that all prices of resting orders are multiples of, in 1e-9."""
    tick = 0
    for records in source:
        prices = records["price"][(records["action"] == b"A") & (records["price"] != UNDEF_PRICE)]
        tick = int(np.gcd.reduce(np.abs(prices), initial=tick))
    if not tick:
        raise CliError(f"{source.path} has no priced order to tell the tick from: pass --tick-size")
    return tick


def _silence(span: Mapping[str, int] | None) -> Silence | None:
    if span is None:
        return None
    seconds = (span["end_ns"] - span["start_ns"]) / NS_PER_S
    return {"s": seconds, "from": utc_text(span["start_ns"]), "to": utc_text(span["end_ns"])}


def _quote(price_int: int, size: int) -> Quote:
    return {"price": _price(price_int) if size else None, "size": size}


def _price(price_int: int) -> float:
    return price_int / PRICE_SCALE
