"""One file of a synthetic market in the making: DBN bytes, what is counted of them, and the sidecar beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from vp_book.atomic import StagedFile, replace_file
from vp_book.dbn.writing import DBN_VERSION, HashedOutput, mbo_metadata
from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_MODIFY,
    ACTION_TRADE,
    F_SNAPSHOT,
    NS_PER_S,
)
from vp_book.synthetic.market.generate import Market, Session
from vp_book.synthetic.market.model import MarketModel

DATASET: Final = "GLBX.MDP3"
GENERATOR: Final = "vp_book.synthetic 2"
"""Name and version of the model: the version changes whenever a seed would give other records."""

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
    """A file that `write_market` or `write_session` wrote. It can be passed wherever a path can.

    Attributes:
        path: The DBN file.
        sidecar: The JSON file beside it.
        records: Records in the file.
        sha256: Hash of the file's bytes, in hexadecimal.
        instrument_id: The one instrument's id.
        start_ns: First instant that the file covers, ns UTC.
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


class Part:
    """A file that covers `start_ns` to `end_ns` of a session. Use it as a context: unpublished, it leaves nothing."""

    def __init__(self, target: Path, session: Session, start_ns: int, end_ns: int) -> None:
        self._target = target
        self._session = session
        self._span = start_ns, end_ns
        self._tally = _Tally()
        self._file = StagedFile(target)
        self._output = HashedOutput(self._file, compress=target.suffix == ".zst")

    def __enter__(self) -> Part:
        self._file.__enter__()
        metadata = mbo_metadata(DATASET, self._session.symbol, self._session.instrument_id, *self._span)
        self._output.write(metadata.encode())
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def write(self, records: np.ndarray) -> None:
        """Append records of `MBO_DTYPE`."""
        self._tally.add(records)
        self._output.write(records.tobytes())

    def finish(self) -> None:
        """Everything is written."""
        self._output.finish()

    def publish(self, arguments: dict[str, Any], market: Market) -> MarketFile:
        """Give the finished file its name, and write its sidecar."""
        self._file.publish()
        written = MarketFile(
            path=self._target,
            sidecar=self._target.with_name(f"{self._target.name}.json"),
            records=self._tally.records,
            sha256=self._output.written.hexdigest(),
            instrument_id=self._session.instrument_id,
            start_ns=self._span[0],
            end_ns=self._span[1],
        )
        facts = _sidecar(written, arguments, market, self._tally, self._output.content.hexdigest())
        replace_file(written.sidecar, (json.dumps(facts, indent=2) + "\n").encode())
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


def _sidecar(
    written: MarketFile, arguments: dict[str, Any], market: Market, tally: _Tally, dbn_sha256: str
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
        "dbn_sha256": dbn_sha256,
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
        "episode_s": [model.episode_min_ns / NS_PER_S, model.episode_max_ns / NS_PER_S],
    }
