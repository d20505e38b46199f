"""`ScoreChain`: everything that is worked out from a bin, in the one order there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ._checks import whole
from .derivative import DerivativeFrame, DerivativeStage
from .errors import InputError, ParameterError
from .params import DerivativeParams, SpectrumParams
from .scores.codes import codes_of_rows
from .scores.own_blend import Blend
from .spectrum import CellSpectrum


class BinLike(Protocol):
    """What is read of a bin. Its `marks`, if it has any, are passed on."""

    @property
    def fields(self) -> Mapping[str, object]:
        """Per-bin scalars; read are the whole numbers `ts_ns`, `ask_reprice_sign` and `bid_reprice_sign`."""

    @property
    def cells(self) -> Mapping[str, npt.NDArray[Any]]:
        """Columns by name, (2 * radius + 1,) each: those of the rows -radius to radius that are there already.

        They are passed on, and the scores are added to them.
        """

    @property
    def pressure(self) -> npt.NDArray[np.float64]:
        """Pressure of all cells of the range, float64 (n_cells,) in units per s."""

    @property
    def vacuum(self) -> npt.NDArray[np.float64]:
        """Vacuum of all cells of the range, float64 (n_cells,) in units per s."""

    @property
    def window_lo(self) -> int:
        """Index in the range of the row k = -radius."""

    @property
    def shift_cells(self) -> int:
        """Cells by which the range moved up since the bin before."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredBin:
    """One bin with everything that is known of it.

    `fields` are the scalars of the bin that was scored. `cells` holds its columns, in their order, and after them the
    scores: `composite composite_d1 composite_d2 composite_d3 flow_score` (float64), `flow_state_code` and
    `state5_code` (int8), and a `proj_<ms>` (float64) per horizon. All have `2 * radius + 1` rows, k = -radius first.
    `derivative` is the output of the derivative stage, `shift_cells` by how many cells the range moved up since the bin
    before. `marks` are those of the bin (`vp_book.Bin.marks`); nothing is made of them.

        for bin in map(chain.update, vp_book.replay(source, instrument)):
            print(bin.fields["mid_price"], bin.cells["rest_depth"].sum(), bin.cells["flow_score"].max())
    """

    fields: Mapping[str, Any]
    cells: dict[str, npt.NDArray[Any]]
    derivative: DerivativeFrame
    shift_cells: int
    marks: tuple[Any, ...] = ()

    @property
    def ts_ns(self) -> int:
        """Time of the bin: its end, ns UTC."""
        return int(self.fields["ts_ns"])


class ScoreChain:
    """Cell spectrum, five-state codes and derivative stage of a stream of bins."""

    def __init__(
        self,
        spectrum: SpectrumParams,
        derivative: DerivativeParams,
        n_cells: int,
        radius: int,
        *,
        blend: Blend | None = None,
    ) -> None:
        """Start empty, for bins of `n_cells` cells of which `2 * radius + 1` are shown; `blend` as in `CellSpectrum`.

        Raises `ParameterError` when the window does not fit into the range or the two bin lengths differ.
        """
        if spectrum.bin_seconds != derivative.bin_seconds:
            raise ParameterError(
                f"bin_seconds: must be the same for spectrum ({spectrum.bin_seconds:g}) "
                f"and derivative stage ({derivative.bin_seconds:g})"
            )
        self._spectrum = CellSpectrum(spectrum, n_cells, blend=blend)
        self._radius = whole("radius", radius, 0, (self._spectrum.n_cells - 1) // 2)
        self._rows = np.arange(-self._radius, self._radius + 1, dtype=np.int64)
        self._stage = DerivativeStage(derivative, self._rows)

    def update(self, source: BinLike) -> ScoredBin:
        """Score the next bin.

        Raises `InputError` or `ParameterError` for a bin that cannot be scored. The chain has then taken in part of it,
        a recentering for one, and cannot go on.
        """
        signs = (_sign(source.fields, "ask_reprice_sign"), _sign(source.fields, "bid_reprice_sign"))
        ts_ns = _whole_field(source.fields, "ts_ns")
        low = whole("window_lo", source.window_lo, 0, self._spectrum.n_cells - self._rows.size)
        if source.shift_cells != 0:
            self._spectrum.shift(source.shift_cells)
        frame = self._spectrum.update(ts_ns, source.pressure, source.vacuum, low, low + self._rows.size)
        codes = codes_of_rows(signs, self._rows)
        cells: dict[str, npt.NDArray[Any]] = {
            **source.cells,
            "composite": frame.composite,
            "composite_d1": frame.composite_d1,
            "composite_d2": frame.composite_d2,
            "composite_d3": frame.composite_d3,
            "flow_score": frame.flow_score,
            "flow_state_code": frame.flow_state_code,
            "state5_code": codes,
        }
        for ms, projection in frame.projections.items():
            cells[f"proj_{ms}"] = projection
        return ScoredBin(
            fields=source.fields,
            cells=cells,
            derivative=self._stage.update(codes),
            shift_cells=source.shift_cells,
            marks=getattr(source, "marks", ()),
        )


def _whole_field(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"fields[{name!r}]={value!r}: must be a whole number")
    return int(value)


def _sign(fields: Mapping[str, object], name: str) -> int:
    value = _whole_field(fields, name)
    if not -1 <= value <= 1:
        raise InputError(f"fields[{name!r}]={value}: must be -1, 0 or 1")
    return value
