"""What `vp doctor` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

import msgspec

from vp_contract import BOOK_COLUMNS

Silence = TypedDict("Silence", {"s": float, "from": str, "to": str})
Silence.__doc__ = "A stretch of `s` seconds without a record."


class SeamFound(TypedDict):
    """What the snapshot between two files showed: of its `orders` the book had `different` ones with another size or
    price and lacked `extra` ones; `missing` are those of the book that it lacked."""

    ts_utc: str
    orders: int
    missing: int
    extra: int
    different: int


class Quote(TypedDict):
    """The best price of a side, null where the side is empty, and the size displayed there."""

    price: float | None
    size: int


class Levels(TypedDict):
    """Price levels of each side."""

    bid: int
    ask: int


class Flow(TypedDict):
    """Contracts or shares that were added, pulled and filled."""

    add: int
    pull: int
    fill: int


class DepthChange(TypedDict):
    """What flow changed of the displayed size."""

    total: int
    bid: int
    ask: int


class AggressorTrades(TypedDict):
    """Trade records, their volume and how much of it has no side, and fills of an aggressor's own order."""

    records: int
    volume: int
    without_side: int
    own_fills: int


class TradesAndFills(TypedDict):
    """Events with trades, those whose trades and passive fills differ in volume, those without a side."""

    events: int
    unequal: int
    without_side: int


if TYPE_CHECKING:
    Tick: TypeAlias = dict[str, Any]
else:
    Tick = msgspec.defstruct(
        "Tick",
        [
            ("price", float),
            *(
                (column.name, float if column.type == "float64" else int)
                for column in BOOK_COLUMNS
                if column.name != "k"
            ),
        ],
        namespace={
            "__doc__": "The physics of a price at the last record; docs/columns.md has every field but the price."
        },
    )


class CaptureTaken(TypedDict):
    """How the capture of a pipeline takes the files. `window` are the first and the last time that it wants, `files`
    the hashes of its files by name; both are null where the files do not cover it."""

    pipeline: str
    publisher: int | None
    on_damage: Literal["refuse", "until_damage"]
    on_short: Literal["refuse", "end_early"]
    max_silence_s: float | None
    covered: bool
    window: list[str] | None
    files: dict[str, str] | None


class Doctor(TypedDict):
    """The facts of a whole replay.

    `covers` are the first and the last time that the files know the market of. `by_action` counts records by DBN's
    letter of their action, `anomalies` those that there were by name; boundaries by the phase of the session.
    `capture` is null without `--pipeline`. docs/book.md says what the certificate means.
    """

    symbol: str
    dataset: str
    dbn_version: int
    files: list[str]
    covers: list[str]
    longest_silence: Silence | None
    silence_at_end_s: float
    seams: list[SeamFound]
    damage: str | None
    records: int
    by_action: dict[str, int]
    other_records_skipped: int
    other_instruments_filtered: int
    snapshot_records: int
    event_boundaries: int
    first_clock: str
    last_clock: str
    longest_gap_s: float
    crossed_boundaries: dict[str, int]
    locked_boundaries: dict[str, int]
    resting_orders: int
    best_bid: Quote
    best_ask: Quote
    levels: Levels
    flow: Flow
    displayed_depth_change: DepthChange
    hidden_fills: int
    iceberg_refreshes: int
    aggressor_trades: AggressorTrades
    trades_against_fills: TradesAndFills
    anomalies: dict[str, int]
    conserved: bool
    certificate_ok: bool
    reasons: list[str]
    ticks: list[Tick]
    capture: CaptureTaken | None
