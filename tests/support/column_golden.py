"""Bins, and what `vp_stream.frames.overview` makes of the first, the first two, ... of them: the page makes the same.

    PYTHONPATH=tests uv run python -m support.column_golden

writes the file anew that the tests of the server and those of the page read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from vp_contract import Frame, GridUpdate, Mark, RuntimeConfig, decode_grid, encode_grid, encode_message, grid_schema
from vp_contract.wire.examples import example_config, example_messages
from vp_stream.frames.overview import Overview

GOLDEN: Final = Path(__file__).parents[1] / "vp_stream/golden/columns.json"
RADIUS: Final = 4
TICK: Final = 250_000_000
CONFIG: Final = msgspec.structs.replace(example_config(), grid_radius_ticks=RADIUS)
_VOLUMES: Final = ("buy_volume", "sell_volume")
_QUOTES: Final = ("bid_high_price_int", "bid_low_price_int", "ask_high_price_int", "ask_low_price_int")


def column_golden() -> bytes:
    """The file: for each case its bins with the volumes of their cells, and what changes when they are one."""
    rng = np.random.default_rng(20261129)
    cases = {
        name: [random_bin(rng, seq, spot, how) for seq, (spot, how) in enumerate(bins, 40)] for name, bins in _CASES
    }
    told = {name: _case(frames) for name, frames in cases.items()}
    # A line a case, so that a change shows as a change of that line.
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(case)}" for name, case in told.items())
    grid = json.dumps({"cell_int": str(TICK), "rows": 2 * RADIUS + 1})
    return f'{{"grid": {grid}, "cases": {{\n{lines}\n}}}}\n'.encode()


def _case(frames: list[Frame]) -> dict[str, Any]:
    overview = Overview(CONFIG)
    bins = [{"update": json.loads(frame.update), "volumes": _volumes(frame)} for frame in frames]
    made = []
    for count in range(1, len(frames) + 1):
        one, last = overview.one_of(frames[:count]), frames[count - 1]
        update, before = json.loads(one.update), json.loads(last.update)
        grid, grid_before = decode_grid(one.grid), decode_grid(last.grid)
        for name in set(grid) - set(_VOLUMES):
            np.testing.assert_array_equal(grid[name], grid_before[name])
        if missing := before.keys() - update.keys():
            raise AssertionError(f"a column lacks {missing} of its last bin")
        changed = {name: value for name, value in update.items() if before.get(name) != value}
        made.append({"changed": changed, "volumes": _volumes(one)})
    return {"bins": bins, "made": made}


def _volumes(frame: Frame) -> list[list[int]]:
    grid = decode_grid(frame.grid)
    return [grid[name].tolist() for name in _VOLUMES]


def random_bin(rng: np.random.Generator, seq: int, spot_int: int, how: str, config: RuntimeConfig = CONFIG) -> Frame:
    """A bin with its window around a price; `how` names what is odd about it, letter by letter (`_CASES`)."""
    rows = config.grid_rows
    grid = {column.name: np.zeros(rows, column.type.to_pandas_dtype()) for column in grid_schema(config)}
    grid["k"] = np.arange(-RADIUS, RADIUS + 1, dtype=np.int32)
    quiet = "q" in how
    for name in _VOLUMES:
        grid[name][:] = 0 if quiet else rng.integers(0, 9, rows) * rng.integers(0, 2, rows)
    volumes = {name: 0 if "u" in how else int(grid[name].sum()) for name in _VOLUMES}
    quotes = sorted(int(tick) for tick in rng.integers(-6, 7, 2))
    prices = [spot_int + tick * TICK for tick in (quotes[1], quotes[0], quotes[1] + 1, quotes[0] + 1)]
    if "b" in how:
        prices[2:] = [0, 0]
    if "n" in how:
        prices = [0, 0, 0, 0]
    count = 20 if "m" in how else int(rng.integers(0, 3))
    marks = tuple(
        Mark(
            kind=str(rng.choice(["iceberg", "sweep", "large", "pull", "spoof"])),
            price_int=str(spot_int + int(rng.integers(-3, 4)) * TICK),
            size=int(rng.integers(1, 4)),
            side=str(rng.choice(["buy", "sell", "none"])),
            detail=int(rng.integers(0, 3)),
        )
        for _ in range(min(count, 16))
    )
    (example,) = (message for message in example_messages() if isinstance(message, GridUpdate))
    update = msgspec.structs.replace(
        example,
        bin_seq=seq,
        bin_start_ns=str(seq * 100_000_000),
        bin_end_ns=str((seq + 1) * 100_000_000),
        spot_ref_price_int=str(spot_int),
        book_valid="n" not in how,
        skipped_bins=0,
        trade_count=int(rng.integers(0, 5)),
        bin_event_count=int(rng.integers(0, 50)),
        marks=msgspec.UNSET if "o" in how else marks,
        **volumes,
        **dict(zip(_QUOTES, map(str, prices), strict=True)),
    )
    return Frame(encode_message(update), encode_grid(grid_schema(config), grid))


def _at(*ticks: int) -> list[int]:
    return [tick * TICK for tick in ticks]


_CASES: Final[tuple[tuple[str, list[tuple[int, str]]], ...]] = (
    ("the spot goes away and comes back", [(spot, "") for spot in _at(100, 103, 109, 130, 104, 100)]),
    ("no spot, no quotes, one side", list(zip(_at(0, 100, 101, 101, 0), ("n", "b", "n", "", "n"), strict=True))),
    ("quiet, and cells without a volume of the bin", [(100 * TICK, how) for how in ("q", "u", "", "u", "q")]),
    ("more marks than one may have", [(100 * TICK, how) for how in ("m", "", "m", "m")]),
    ("marks of an older server among others", [(100 * TICK, how) for how in ("o", "o", "", "o")]),
    ("no marks at all", [(100 * TICK, "o")] * 3),
    ("prices below zero", [(spot, "") for spot in _at(-2, 0, -5, -1)]),
    ("a spot between two cells", [(spot, "") for spot in (100 * TICK, 100 * TICK + 1, 99 * TICK + 7, 103 * TICK - 1)]),
)
"""Name -> (spot, letters): n no quotes, b no asks, q no trades, u no volume of the bin, m many marks, o none known."""


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_bytes(column_golden())
