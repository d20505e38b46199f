"""`vp doctor`: decode a file, replay it, print what its integrity certificate says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from vp_book import BookEngine, DbnSource, Instrument, open_dbn
from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, ConfigRoot, Publisher, TolerateTruncated
from vp_cli.output import AsJson, print_facts, print_json
from vp_contract import InstrumentLock, VpContractError, instrument_path, load_instrument


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    file: Annotated[Path, typer.Argument(help="A .dbn or .dbn.zst file of the mbo schema.")],
    symbol: Annotated[str | None, typer.Option(help="Instrument, when the file has several.")] = None,
    tick_size: Annotated[
        str | None, typer.Option(help="Price tick. Else that of the specs for the symbol, or what the prices show.")
    ] = None,
    publisher: Publisher = None,
    config_root: ConfigRoot = CONFIG_ROOT,
    tolerate_truncated: TolerateTruncated = False,
    as_json: AsJson = False,
) -> None:
    """Decode a file, replay its book and print the integrity facts."""
    source = open_dbn(file, symbol=symbol, publisher=publisher, tolerate_truncated=tolerate_truncated)
    instrument = _instrument(source, tick_size, config_root)
    engine = BookEngine(instrument)
    for records in source:
        engine.apply(records)
    if not engine.clock_ns:
        raise CliError(f"{file} has no record of {source.symbol}")
    facts = examine(source, engine)
    if as_json:
        print_json(facts)
        return
    ticks = facts.pop("ticks")
    print_facts(str(file), facts)
    for state in ticks:
        print_facts(f"\nat {state['price']} at the last record", _physics(state))


def examine(source: DbnSource, engine: BookEngine) -> dict[str, Any]:
    """The facts of a whole replay, plain values."""
    certificate: dict[str, Any] = engine.certificate()
    scale = 1e-9
    bbo = engine.bbo()
    conservation = certificate["conservation"]
    depth_change = {side: row["flow_change"] for side, row in conservation.items()}
    return {
        "symbol": source.symbol,
        "dataset": source.dataset,
        "DBN version": source.version,
        "damage": source.report.damage or "none",
        "records": certificate["records"],
        "by action": certificate["records_by_action"],
        "other records skipped": sum(source.report.skipped.values()),
        "other instruments filtered": source.report.filtered,
        "snapshot records": certificate["snapshot_records"],
        "event boundaries": certificate["events"],
        "first clock": _utc(certificate["first_clock_ns"]),
        "last clock": _utc(certificate["last_clock_ns"]),
        "longest gap, s": certificate["longest_gap_ns"] * scale,
        "crossed boundaries": certificate["crossed_boundaries"],
        "locked boundaries": certificate["locked_boundaries"],
        "resting orders": certificate["resting_orders"],
        "best bid": {"price": _price(bbo.bid_price_int), "size": bbo.bid_size},
        "best ask": {"price": _price(bbo.ask_price_int), "size": bbo.ask_size},
        "levels": {side: len(engine.levels(side)[0]) for side in ("bid", "ask")},
        "flow": engine.flow_totals(),
        "displayed depth change": {"total": sum(depth_change.values()), **depth_change},
        "hidden fills": certificate["anomalies"]["hidden_fill"],
        "iceberg refreshes": certificate["iceberg_refreshes"],
        "aggressor trades": {
            "records": certificate["records_by_action"]["T"],
            "volume": certificate["traded_volume"],
            "without side": certificate["traded_without_aggressor"],
        },
        "anomalies": {name: n for name, n in certificate["anomalies"].items() if n} or "none",
        "conserved": certificate["conserved"],
        "certificate ok": certificate["ok"],
        "ticks": [
            {"price": _price(price), **engine.tick_state(price, engine.clock_ns)}
            for price, size in ((bbo.bid_price_int, bbo.bid_size), (bbo.ask_price_int, bbo.ask_size))
            if size
        ],
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


def _instrument(source: DbnSource, tick_size: str | None, config_root: Path) -> Instrument:
    if tick_size is not None:
        return Instrument(source.symbol, tick_size)
    lock = _specified(source.symbol, config_root)
    if lock is not None:
        return Instrument(source.symbol, lock.tick_size, product_type=lock.product_type)
    return Instrument(source.symbol, f"{_tick_of_prices(source) / 1e9:.9f}")


def _specified(symbol: str, config_root: Path) -> InstrumentLock | None:
    """What the lock or one of the shipped instruments says about a symbol: by its name, else by its root."""
    locks = []
    for path in [instrument_path(config_root), *sorted((config_root / "instruments").glob("*.yaml"))]:
        try:
            locks.append(load_instrument(path))
        except VpContractError:  # a broken spec is reported where it is used, not by a look at a file
            continue
    by_name = [lock for lock in locks if lock.symbol == symbol]
    by_root = [lock for lock in locks if symbol[:-2] == lock.symbol_root]  # ESH4: month and year follow the root
    return next(iter(by_name + by_root), None)


def _tick_of_prices(source: DbnSource) -> int:
    """The largest step that all prices of resting orders are multiples of, in 1e-9."""
    tick = 0
    for records in source:
        prices = records["price"][(records["action"] == b"A") & (records["price"] != 2**63 - 1)]
        tick = int(np.gcd.reduce(np.abs(prices), initial=tick))
    if not tick:
        raise CliError(f"{source.path} has no priced order to tell the tick from: pass --tick-size")
    return tick


def _utc(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{rest:09d}Z"


def _price(price_int: int) -> float:
    return price_int / 1e9
