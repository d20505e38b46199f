"""Messages of the stream, and their JSON.

Readers ignore fields they do not know, so a newer server can talk to an older page. Messages of the server are encoded
with `encode_message`, those of a client read with `decode_client_message`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, Literal, Protocol, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from vp_contract.errors import SpecError, WireError
from vp_contract.fitting import decode_json
from vp_contract.specs.runtime import RuntimeConfig
from vp_contract.wire.bin_fields import BinFields
from vp_contract.wire.columns import BIN_COLUMNS, MAX_HISTORY_STEP, JsonType
from vp_contract.wire.numbers import Int64Text, WireCount

M = TypeVar("M")

CONTRACT_VERSION: Final = "1.1"
"""major.minor: a new minor adds fields, a new major changes what one means."""

SignalState: TypeAlias = Annotated[int, Meta(ge=-1, le=1)]
SignalKind: TypeAlias = Literal["signed", "probability"]

MAX_HISTORY_BINS: Final = 4096
"""Bins that one `history` may ask for."""

ACK_WINDOW_BINS: Final = 64
"""Bins that a client which acknowledges may have on the way."""

LEAST_SPEED: Final = 0.25
MOST_SPEED: Final = 60.0
"""How many times as fast as the market was a client may play."""

HistoryStep: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_HISTORY_STEP)]
PlaySpeed: TypeAlias = Annotated[float, Meta(ge=LEAST_SPEED, le=MOST_SPEED)]


class GridField(Struct, frozen=True, kw_only=True):
    """A column of the binary grid and its Arrow type."""

    name: str
    type: str


class ServingInfo(Struct, frozen=True, kw_only=True):
    """Which published serving a stream shows. `alias` is None when it was asked for by id."""

    alias: str | None
    serving_id: str
    source_run: str
    promoted_at: str
    versions: dict[str, str]
    digests: dict[str, str]


class FramesInfo(Struct, frozen=True, kw_only=True):
    """The hash chain over the frames that a serving was judged on (`FrameChain`): its last link, 64 hex digits."""

    bins: WireCount
    head: str


class RuntimeConfigMessage(Struct, frozen=True, kw_only=True, tag="runtime_config"):
    """The first message of a stream: what the following bins are.

    `frames` is absent where the server does not know what they should be, and from servers before it was added.
    """

    contract_version: str
    config: RuntimeConfig
    grid_fields: tuple[GridField, ...]
    grid_rows: int
    serving: ServingInfo
    replay_date: str
    replay_start_time: str
    config_hash: str
    frames: FramesInfo | UnsetType = UNSET


class SignalUpdate(Struct, frozen=True, kw_only=True):
    """The promoted signal at one bin, and the output of the derivative stage beside it.

    The promoted signal has `name`, `kind` (`signed`, or the `probability` of up), `value`, `ready`, `state` (1 up, -1
    down, 0 neither), the `threshold` of that, and `detail`: its parts by the names it declares. `value` means little
    until `ready`. It is null where the signal has no finite number, and so is a part. All other members are of the
    derivative stage; its `dominant_state` is -2..2. Earlier servers sent the derivative stage alone, and `name` and
    `ready` were its own.
    """

    name: str
    score: float
    ready: bool
    sample_count: WireCount
    base: float
    d1: float
    d2: float
    d3: float
    z1: float
    z2: float
    z3: float
    bull_intensity: float
    bear_intensity: float
    mixed_intensity: float
    dominant_state: int
    kind: SignalKind | UnsetType = UNSET
    value: float | UnsetType | None = UNSET
    state: SignalState | UnsetType = UNSET
    threshold: float | UnsetType = UNSET
    detail: dict[str, float | None] | UnsetType = UNSET


class MarkLike(Protocol):
    """What is sent of a `vp_book.Mark`."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def price_int(self) -> int: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def side(self) -> str: ...  # noqa: D102
    @property
    def detail(self) -> int: ...  # noqa: D102


class Mark(Struct, frozen=True, kw_only=True):
    """Something of a bin that only order-level data show: an iceberg, a sweep, a large trade or order, a pull.

    Members in the order of `MARK_COLUMNS`, where their units and meanings are. A reader leaves out kinds that it does
    not know: a new minor version may add some.
    """

    kind: str
    price_int: Int64Text
    size: WireCount
    side: str
    detail: WireCount


class GridUpdate(BinFields, frozen=True, kw_only=True, tag="grid_update"):
    """The scalars of one bin, [bin_start_ns, bin_end_ns); the binary grid of the same bin follows at once.

    `skipped_bins` is how many bins before this one were left out for this client. `history` is there, and true, in a
    bin that the client asked for with `history`; `every` then says how many bins it stands for, if it is more than one:
    its counts and volumes are their sums, its highs and lows those of all of them, it begins where the first one does,
    and everything else is that of the last one. `marks` are at most 16, the largest first; of a bin that stands for
    several they are the largest of all of these. They are absent where the server knows of none at all.
    """

    signal: SignalUpdate
    skipped_bins: WireCount = 0
    history: bool | UnsetType = UNSET
    every: WireCount | UnsetType = UNSET
    marks: tuple[Mark, ...] | UnsetType = UNSET

    @classmethod
    def from_bin(
        cls,
        fields: Mapping[str, int | float | bool],
        signal: SignalUpdate,
        marks: Iterable[MarkLike] | None = None,
    ) -> GridUpdate:
        """The message of a bin, from its scalars by the names of `BIN_COLUMNS` (others are ignored).

        Raises `WireError` naming a field that is missing or is no finite number.
        """
        values: dict[str, object] = {}
        name = ""
        try:
            for name, convert in _BIN_CONVERTERS:
                values[name] = convert(fields[name])
        except KeyError:
            raise WireError(f"grid_update: field {name} is missing from the bin") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise WireError(f"grid_update: field {name} cannot be {fields[name]!r}") from error
        listed = UNSET if marks is None else tuple(map(_mark, marks))
        return cls(signal=signal, marks=listed, **values)  # type: ignore[arg-type]  # converted above to each field's type


class StreamEnd(Struct, frozen=True, kw_only=True, tag="stream_end"):
    """The replay is over after `bins` bins."""

    bins: WireCount


class ErrorMessage(Struct, frozen=True, kw_only=True, tag="error"):
    """Something is refused or has failed. `code` is for programs, `message` for people."""

    code: str
    message: str


class Pause(Struct, frozen=True, tag="pause"):
    """Send no bins until resumed."""


class Resume(Struct, frozen=True, tag="resume"):
    """Go on from where it was paused."""


class Seek(Struct, frozen=True, kw_only=True, tag="seek"):
    """Go on from bin `bin_seq`."""

    bin_seq: WireCount


class Ack(Struct, frozen=True, kw_only=True, tag="ack"):
    """The client has handled everything up to bin `bin_seq`."""

    bin_seq: WireCount


class Follow(Struct, frozen=True, tag="follow"):
    """Change over when the alias is moved to another serving."""


class History(Struct, frozen=True, kw_only=True, tag="history"):
    """Send the bins `from` to `to`, both included, once more, newest first, beside the stream; as many as there are.

    With `every` n > 1 there is one for each n bins (those of a stretch from a multiple of n on). Another request takes
    the place of one that is not answered yet. At most `MAX_HISTORY_BINS` are sent for one.
    """

    from_: WireCount = field(name="from")
    to: WireCount
    every: HistoryStep = 1


class Speed(Struct, frozen=True, kw_only=True, tag="speed"):
    """Play `value` times as fast as the market was, for this client alone. Only a replay can be."""

    value: PlaySpeed


class HistoryEnd(Struct, frozen=True, kw_only=True, tag="history_end"):
    """All of a `history` was sent: `bins` messages for the bins `from` to `to`."""

    from_: WireCount = field(name="from")
    to: WireCount
    every: HistoryStep
    bins: WireCount


class SpeedSet(Struct, frozen=True, kw_only=True, tag="speed"):
    """The client's own speed from now on."""

    value: PlaySpeed


ServerMessage: TypeAlias = RuntimeConfigMessage | GridUpdate | StreamEnd | ErrorMessage | HistoryEnd | SpeedSet
ClientMessage: TypeAlias = Pause | Resume | Seek | Ack | Follow | History | Speed


_ENCODER: Final = msgspec.json.Encoder()
_SERVER_DECODER: Final[msgspec.json.Decoder[ServerMessage]] = msgspec.json.Decoder(ServerMessage)
_CLIENT_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)
_SIGNAL_FLOATS: Final = tuple(f.name for f in msgspec.structs.fields(SignalUpdate) if f.type is float)


def encode_message(message: ServerMessage | ClientMessage) -> bytes:
    """The JSON of one message, UTF-8.

    Raises `WireError` when a number of a `GridUpdate` is not finite: JSON has no NaN, and null in its place would
    reach the page as a price.
    """
    if isinstance(message, GridUpdate):
        _check_finite(message)
    return _ENCODER.encode(message)


def decode_server_message(data: bytes | str) -> ServerMessage:
    """A message of the server. Raises `WireError` for anything else."""
    return _decoded(data, _SERVER_DECODER, "server")


def decode_client_message(data: bytes | str) -> ClientMessage:
    """A message of a client. Raises `WireError` for anything else."""
    return _decoded(data, _CLIENT_DECODER, "client")


def _decoded(data: bytes | str, decoder: msgspec.json.Decoder[M], sender: str) -> M:
    try:
        return decode_json(data, decoder)
    except SpecError as error:
        raise WireError(str(error) if error.field else f"message of a {sender}: {error.problem}") from error


def _check_finite(update: GridUpdate) -> None:
    if not math.isfinite(update.mid_price):
        raise WireError(f"grid_update: mid_price is {update.mid_price}; must be a finite number")
    signal = update.signal
    for name in _SIGNAL_FLOATS:
        value = getattr(signal, name)
        if not math.isfinite(value):
            raise WireError(f"grid_update: signal.{name} is {value}; must be a finite number")
    for name, figure in (("value", signal.value), ("threshold", signal.threshold)):
        if isinstance(figure, float) and not math.isfinite(figure):
            raise WireError(f"grid_update: signal.{name} is {figure}; must be a finite number")
    if isinstance(signal.detail, dict):
        for name, part in signal.detail.items():
            if part is not None and not math.isfinite(part):
                raise WireError(f"grid_update: signal.detail.{name} is {part}; must be a finite number")


def _mark(mark: MarkLike) -> Mark:
    return Mark(kind=mark.kind, price_int=str(mark.price_int), size=mark.size, side=mark.side, detail=mark.detail)


def _int64_text(value: int | float | bool) -> str:
    return str(int(value))


def _finite(value: int | float | bool) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not finite")
    return number


_CONVERTERS: Final[Mapping[JsonType, Callable[[int | float | bool], object]]] = {
    "flag": bool,
    "code": int,
    "signed": int,
    "count": int,
    "text": _int64_text,
    "number": _finite,
    "word": str,
}
_BIN_CONVERTERS: Final = tuple((column.name, _CONVERTERS[column.json_type]) for column in BIN_COLUMNS)
