"""A bin as the two messages of the wire, and the hash chain that ties a dataset to what is streamed of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from vp_contract.errors import WireError
from vp_contract.specs.runtime import RuntimeConfig
from vp_contract.wire.grid import encode_grid, grid_schema
from vp_contract.wire.messages import GridUpdate, MarkLike, SignalKind, SignalUpdate, encode_message

if TYPE_CHECKING:
    import numpy as np

LINK_BYTES: Final = 8
"""Bytes of each link that `FrameChain.links` keeps: enough to tell which bin differs; the head is kept whole."""

_SIGNAL_MEMBER: Final = b',"signal":'
_MARKS_MEMBER: Final = b',"marks":'


class Frame(NamedTuple):
    """One bin as it goes over the wire: the `grid_update` JSON and the Arrow IPC stream."""

    update: bytes
    grid: bytes


class ServedValue(NamedTuple):
    """The promoted signal at one bin, as `SignalUpdate` says it; a number that is not finite is None."""

    name: str
    kind: SignalKind
    value: float | None
    ready: bool
    state: int
    threshold: float
    detail: dict[str, float | None]


class SignalLike(Protocol):
    """What is sent of a `vp_spectrum.DerivativeFrame`, by the names and meanings of `vp_contract.SignalUpdate`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def ready(self) -> bool: ...  # noqa: D102
    @property
    def sample_count(self) -> int: ...  # noqa: D102
    @property
    def base(self) -> float: ...  # noqa: D102
    @property
    def d1(self) -> float: ...  # noqa: D102
    @property
    def d2(self) -> float: ...  # noqa: D102
    @property
    def d3(self) -> float: ...  # noqa: D102
    @property
    def z1(self) -> float: ...  # noqa: D102
    @property
    def z2(self) -> float: ...  # noqa: D102
    @property
    def z3(self) -> float: ...  # noqa: D102
    @property
    def bull_intensity(self) -> float: ...  # noqa: D102
    @property
    def bear_intensity(self) -> float: ...  # noqa: D102
    @property
    def mixed_intensity(self) -> float: ...  # noqa: D102
    @property
    def dominant_state(self) -> int: ...  # noqa: D102


class FrameEncoder:
    """Encodes the bins of one config. The order of the columns is the schema's, whatever order they come in."""

    def __init__(self, config: RuntimeConfig) -> None:
        self._schema = grid_schema(config)

    def encode(
        self,
        fields: Mapping[str, int | float | bool],
        cells: Mapping[str, np.ndarray[Any, Any]],
        signal: SignalLike,
        served: ServedValue | None = None,
        marks: Iterable[MarkLike] | None = None,
    ) -> Frame:
        """The frame of a bin.

        `fields` are scalars by the names of `BIN_COLUMNS`; `cells` are columns by the names of `grid_columns`,
        `2*radius+1` rows each; `signal` is the output of the derivative stage, `served` that of the promoted signal.
        `marks` are those of the bin; None leaves the member out.
        Raises `WireError` (and its `GridError`) naming a field or column that is missing or not finite.
        """
        update = encode_message(GridUpdate.from_bin(fields, signal_update(signal, served), marks))
        return Frame(update, encode_grid(self._schema, cells))


class FrameChain:
    """A SHA-256 chain over the frames of a dataset, bin by bin.

    Link `i` is the hash of link `i - 1` (32 zero bytes before the first), then twice an 8-byte little-endian length and
    that many bytes: the `grid_update` JSON without its members `signal` and `marks`, and the Arrow IPC stream. The
    signal is left out because one dataset is served with many signals, the marks because datasets of before have none;
    everything else of a frame follows from the dataset.
    """

    def __init__(self, link: bytes = bytes(32)) -> None:
        """`link` is that of the bin before the first frame."""
        self._head = link
        self._links = bytearray()

    @property
    def head(self) -> str:
        """The last link, 64 hex digits."""
        return self._head.hex()

    @property
    def links(self) -> bytes:
        """The first `LINK_BYTES` of every link, one after the other."""
        return bytes(self._links)

    def add(self, frame: Frame) -> bytes:
        """Take in the next frame; the `LINK_BYTES` of its link. Raises `WireError` for an update without a signal."""
        update, _ = split_signal(frame.update)
        digest = hashlib.sha256(self._head)
        for part in (update, frame.grid):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        self._head = digest.digest()
        link = self._head[:LINK_BYTES]
        self._links += link
        return link


class _SignalMember(msgspec.Struct):
    signal: msgspec.Raw
    marks: msgspec.Raw = msgspec.Raw()


# Made here, not at its first use: frames are read by several threads, and msgspec does not bear that.
_SIGNAL_DECODER: Final = msgspec.json.Decoder(_SignalMember)


def split_signal(update: bytes) -> tuple[bytes, bytes]:
    """The bytes of a `grid_update` without its `signal` and `marks` members, and the JSON object that `signal` holds.

    Raises `WireError` when there is none.
    """
    try:
        members = _SIGNAL_DECODER.decode(update)
        signal = bytes(members.signal)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise WireError(f"grid_update: there is no signal member: {error}") from error
    start = update.find(_SIGNAL_MEMBER + signal)
    if start < 0 or not signal.startswith(b"{"):
        raise WireError("grid_update: there is no signal member as it is written here")
    rest = update[:start] + update[start + len(_SIGNAL_MEMBER) + len(signal) :]
    if marks := bytes(members.marks):
        rest = rest.replace(_MARKS_MEMBER + marks, b"", 1)
    return rest, signal


def signal_update(frame: SignalLike, served: ServedValue | None = None) -> SignalUpdate:
    """The derivative stage's output as it goes into `grid_update`, with the promoted signal where there is one."""
    return SignalUpdate(
        name=frame.name if served is None else served.name,
        score=float(frame.score),
        ready=bool(frame.ready) if served is None else served.ready,
        sample_count=int(frame.sample_count),
        base=float(frame.base),
        d1=float(frame.d1),
        d2=float(frame.d2),
        d3=float(frame.d3),
        z1=float(frame.z1),
        z2=float(frame.z2),
        z3=float(frame.z3),
        bull_intensity=float(frame.bull_intensity),
        bear_intensity=float(frame.bear_intensity),
        mixed_intensity=float(frame.mixed_intensity),
        dominant_state=int(frame.dominant_state),
        kind=msgspec.UNSET if served is None else served.kind,
        value=msgspec.UNSET if served is None else served.value,
        state=msgspec.UNSET if served is None else served.state,
        threshold=msgspec.UNSET if served is None else served.threshold,
        detail=msgspec.UNSET if served is None else served.detail,
    )
