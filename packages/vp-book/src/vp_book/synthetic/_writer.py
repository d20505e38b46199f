"""A synthetic market as a DBN file with a JSON sidecar."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from databento_dbn import Metadata, Schema, SType
from databento_dbn.metadata import MappingInterval

from vp_book.atomic import StagedFile, replace_file
from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_MODIFY,
    ACTION_TRADE,
    F_SNAPSHOT,
)
from vp_book.synthetic._arguments import checked_path, checked_session
from vp_book.synthetic._files import HashedOutput
from vp_book.synthetic._generate import Market, Session
from vp_book.synthetic._model import MarketModel

DATASET: Final = "GLBX.MDP3"
DBN_VERSION: Final = 3
GENERATOR: Final = "vp_book.synthetic 2"
"""Name and version of the model: the version changes whenever a seed would give other records."""

_NS: Final = 1_000_000_000
_ACTIONS: Final = {
    "add": ACTION_ADD,
    "cancel": ACTION_CANCEL,
    "modify": ACTION_MODIFY,
    "clear": ACTION_CLEAR,
    "trade": ACTION_TRADE,
    "fill": ACTION_FILL,
}


@dataclass(frozen=True, slots=True)
class MarketFile:
    """A file that `write_market` wrote. It can be passed wherever a path can.

    Attributes:
        path: The DBN file.
        sidecar: The JSON file beside it.
        records: Records in the file.
        sha256: Hash of the file's bytes, in hexadecimal.
        instrument_id: The one instrument's id.
        start_ns: First instant of the session, ns UTC.
        end_ns: First instant after it, ns UTC.
    """

    path: Path
    sidecar: Path
    records: int
    sha256: str
    instrument_id: int
    start_ns: int
    end_ns: int

    def __fspath__(self) -> str:
        return str(self.path)


def write_market(
    path: str | os.PathLike[str],
    *,
    seed: int,
    minutes: int = 30,
    symbol: str = "SYNM6",
    effect: float = 0.0,
    date: str = "2026-02-06",
    start: str = "09:25",
) -> MarketFile:
    """Write a synthetic market-by-order session as a DBN version 3 file, and its sidecar `<path>.json`.

    The same arguments give the same records everywhere. Each file appears whole or not at all and replaces one that
    was there; missing directories are made.

    Args:
        path: File to write, ending in `.dbn`, or `.dbn.zst` to compress it.
        seed: 0 or a positive integer.
        minutes: Length of the session, 1 to 1440.
        symbol: Raw symbol of the one instrument, 1 to 70 ASCII characters. Its instrument id derives from it.
        effect: Strength of the planted effect, 0 (none) to 1: order-flow pressure near the touch leads the price by a
            lag that the sidecar states.
        date: Day in New York, `YYYY-MM-DD`.
        start: Start in New York, `HH:MM`. A session that spans 09:30 has a clear and a new snapshot there.

    Raises:
        ParameterError: An argument is not what is allowed; nothing has been written.
        OSError: The file system refused.
    """
    target = checked_path(path)
    session = checked_session(seed=seed, minutes=minutes, symbol=symbol, effect=effect, day=date, start=start)
    model = MarketModel()
    market = Market(session, model)
    tally = _Tally()
    with StagedFile(target) as file:
        output = HashedOutput(file, compress=target.suffix == ".zst")
        output.write(_metadata(session).encode())
        for records in market.blocks():
            tally.add(records)
            output.write(records.tobytes())
        output.finish()
        file.publish()
    written = MarketFile(
        path=target,
        sidecar=target.with_name(f"{target.name}.json"),
        records=tally.records,
        sha256=output.written.hexdigest(),
        instrument_id=session.instrument_id,
        start_ns=session.start_ns,
        end_ns=session.end_ns,
    )
    arguments = {
        "seed": seed,
        "minutes": minutes,
        "symbol": symbol,
        "effect": session.effect,
        "date": date,
        "start": start,
    }
    facts = json.dumps(_sidecar(written, arguments, market, tally, output), indent=2) + "\n"
    replace_file(written.sidecar, facts.encode())
    return written


@dataclass(slots=True)
class _Tally:
    """What has been written so far."""

    records: int = 0
    snapshot_records: int = 0
    volume: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_ACTIONS, 0))

    def add(self, records: np.ndarray) -> None:
        self.records += len(records)
        self.snapshot_records += int(np.count_nonzero(records["flags"] & F_SNAPSHOT))
        actions = records["action"].view(np.uint8)
        for name, action in _ACTIONS.items():
            self.counts[name] += int(np.count_nonzero(actions == action))
        self.volume += int(records["size"][actions == ACTION_TRADE].sum(dtype=np.int64))


@dataclass(slots=True)
class _Interval:
    start_date: date
    end_date: date
    symbol: str


@dataclass(slots=True)
class _Mapping:
    raw_symbol: str
    intervals: Sequence[MappingInterval]


def _metadata(session: Session) -> Metadata:
    first = datetime.fromtimestamp(session.start_ns // _NS, tz=UTC).date()
    last = datetime.fromtimestamp((session.end_ns - 1) // _NS, tz=UTC).date()
    interval = _Interval(first, last + timedelta(days=1), str(session.instrument_id))
    return Metadata(
        dataset=DATASET,
        start=session.start_ns,
        end=session.end_ns,
        stype_in=SType.from_str("raw_symbol"),
        stype_out=SType.from_str("instrument_id"),
        schema=Schema.from_str("mbo"),
        symbols=[session.symbol],
        partial=[],
        not_found=[],
        mappings=[_Mapping(session.symbol, [interval])],
        ts_out=False,
        version=DBN_VERSION,
    )


def _sidecar(
    written: MarketFile, arguments: dict[str, Any], market: Market, tally: _Tally, output: HashedOutput
) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "arguments": arguments,
        "planted_effect": _effect(market.session, market.model),
        "dataset": DATASET,
        "dbn_version": DBN_VERSION,
        "instrument_id": written.instrument_id,
        "start_ns": written.start_ns,
        "end_ns": written.end_ns,
        "reset_ns": market.session.reset_ns,
        "records": tally.records,
        "snapshot_records": tally.snapshot_records,
        "records_by_action": tally.counts,
        "volume": tally.volume,
        "price_moves": market.moves,
        "price_jumps": market.jumps,
        "file": written.path.name,
        "sha256": written.sha256,
        "dbn_sha256": output.content.hexdigest(),
    }


def _effect(session: Session, model: MarketModel) -> dict[str, Any]:
    """What is planted, in the units a reader of the file can measure; `{"kind": "none"}` when nothing is."""
    if session.effect == 0.0:
        return {"kind": "none", "strength": 0.0}
    return {
        "kind": "order-flow pressure leads price",
        "strength": session.effect,
        "lag_ms": model.effect_lag_ns // 1_000_000,
        "drift_ticks_per_s": round(session.effect * model.effect_drift_ticks, 9),
        "add_probability_tilt": round(session.effect * model.effect_tilt, 9),
        "episode_s": [model.episode_min_ns / _NS, model.episode_max_ns / _NS],
    }
