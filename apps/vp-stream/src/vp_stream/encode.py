"""A scored bin as the two messages of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from vp_contract import GridUpdate, RuntimeConfig, SignalUpdate, encode_grid, encode_message, grid_schema
from vp_stream.logfile import Frame
from vp_stream.producer import EncodedBin


class BinLike(Protocol):
    """What is sent of a `vp_book.Bin`: its scalars and the columns of its window."""

    @property
    def fields(self) -> Mapping[str, int | float | bool]:
        """Scalars by the names of `vp_contract.BIN_FIELDS`."""
        ...

    @property
    def cells(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """Columns by the names of `vp_contract.CELL_FIELDS`, `2*radius+1` rows each."""
        ...


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


class ScoredLike(Protocol):
    """What is sent of a `vp_spectrum.ScoredBin`: its columns and the derivative stage's output."""

    @property
    def cells(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """Columns by the names of `vp_contract.SCORE_FIELDS` and `proj_<ms>`, `2*radius+1` rows each."""
        ...

    @property
    def derivative(self) -> SignalLike:
        """Output of the derivative stage."""
        ...


class BinEncoder:
    """Encodes the bins of one config. The order of the columns is the schema's, whatever order they come in."""

    def __init__(self, config: RuntimeConfig) -> None:
        self._schema = grid_schema(config)

    def encode(self, closed: BinLike, scored: ScoredLike) -> EncodedBin:
        """The frame of a bin.

        Raises `vp_contract.WireError` (and its `GridError`) naming a field or column that is missing or not finite.
        """
        update = encode_message(GridUpdate.from_bin(closed.fields, signal_update(scored.derivative)))
        grid = encode_grid(self._schema, {**closed.cells, **scored.cells})
        return EncodedBin(int(closed.fields["bin_seq"]), int(closed.fields["ts_ns"]), Frame(update, grid))


def signal_update(frame: SignalLike) -> SignalUpdate:
    """The derivative stage's output as it goes into `grid_update`."""
    return SignalUpdate(
        name=frame.name,
        score=float(frame.score),
        ready=bool(frame.ready),
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
    )
