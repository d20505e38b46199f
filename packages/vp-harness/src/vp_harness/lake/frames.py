"""Holding the frames of a stream to the dataset they were evaluated on, byte for byte."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import zip_longest
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from vp_contract import (
    BIN_COLUMNS,
    CONTRACT_VERSION,
    LINK_BYTES,
    MARKS,
    Frame,
    FrameChain,
    FrameEncoder,
    Mark,
    RuntimeConfig,
    ServedValue,
    SignalUpdate,
    WireError,
    decode_grid,
    signal_update,
    split_signal,
)
from vp_harness.columns import numpy_of
from vp_harness.errors import DatasetDamagedError, FrameMismatchError, FramesUnknownError
from vp_harness.evaluation.workspace import values_digest
from vp_harness.execution.pipeline import derivative_of
from vp_harness.execution.served import ServedSignal
from vp_harness.lake.dataset import BINS_FILE, Dataset
from vp_harness.signals.base import GridBin
from vp_harness.signals.declared import Reads, SignalData
from vp_harness.signals.trust import compute, first_difference
from vp_spectrum import DerivativeStage

_CHUNK_BINS: Final = 1024
_PROGRESS_BINS: Final = 500
_AS_TEXT: Final = frozenset(column.name for column in BIN_COLUMNS if column.json_type == "text")
_NO_SIGNAL: Final = SignalUpdate(
    name="derivative",
    score=0.0,
    ready=False,
    sample_count=0,
    base=0.0,
    d1=0.0,
    d2=0.0,
    d3=0.0,
    z1=0.0,
    z2=0.0,
    z3=0.0,
    bull_intensity=0.0,
    bear_intensity=0.0,
    mixed_intensity=0.0,
    dominant_state=0,
)
"""The chain leaves the signal out, so any will do."""


class _MarksMember(msgspec.Struct):
    marks: msgspec.Raw = msgspec.Raw()


# Made here, not at their first use: frames are read by several threads, and msgspec does not bear that.
_MEMBER_DECODER: Final = msgspec.json.Decoder(_MarksMember)
_MARKS_DECODER: Final = msgspec.json.Decoder(list[Mark])
_MARKS_ENCODER: Final = msgspec.json.Encoder()


class MarksCheck:
    """Compares the marks of frames with those of the dataset behind them, byte for byte. Safe across threads."""

    def __init__(self, dataset_id: str, marks: pl.Series) -> None:
        """`marks` are those of every bin (`Dataset.marks`)."""
        self._id = dataset_id
        self._marks = marks

    def check(self, at: int, frame: Frame) -> None:
        """Raise FrameMismatchError, naming bin and mark, unless the frame of bin `at` has the marks of that bin."""
        streamed = bytes(_MEMBER_DECODER.decode(frame.update).marks)
        stored = self._marks[at].to_list()
        due = [Mark(**{**mark, "price_int": str(mark["price_int"])}) for mark in stored]
        if streamed == _MARKS_ENCODER.encode(due):
            return
        try:
            shown = _MARKS_DECODER.decode(streamed or b"[]")
        except msgspec.DecodeError as error:
            raise FrameMismatchError(f"bin {at} differs from {self._id}: its marks cannot be read: {error}") from error
        for number, (mark, expected) in enumerate(zip_longest(shown, due)):
            if mark != expected:
                raise FrameMismatchError(
                    f"bin {at} differs from {self._id}: its mark {number} is {_shown(mark)}, there it is "
                    f"{_shown(expected)}"
                )
        raise FrameMismatchError(f"bin {at} differs from {self._id}: the bytes around its equal marks")


def _shown(mark: Mark | None) -> str:
    return "missing" if mark is None else str(msgspec.structs.asdict(mark))


def vouched_marks(dataset: Dataset, files: Mapping[str, str]) -> MarksCheck | None:
    """What the marks of frames are held to, given the digests that a serving has kept of its dataset (see
    `anchors.dataset_files`); None where those are of a dataset without marks, whatever this one has now.

    Raises DatasetDamagedError when its bins cannot be read.
    """
    if files.get(BINS_FILE) != dataset.checksums[BINS_FILE]:
        return None
    return _marks_check(dataset)


def _marks_check(dataset: Dataset) -> MarksCheck | None:
    marks = dataset.marks()
    return None if marks is None else MarksCheck(dataset.dataset_id, marks)


class FrameCheck:
    """Compares the frames of a serving, in order, with the dataset behind it.

    Everything of a frame but signal and marks must continue the hash chain in the dataset's manifest. The marks must be
    those of the dataset, where it has any (`compares_marks`). The signal must be what the promoted signal and the
    derivative stage make of the dataset's own columns with the parameters of the serving, and its values together those
    that the run was judged on.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: RuntimeConfig,
        served: ServedSignal | None = None,
        judged_digest: str | None = None,
    ) -> None:
        """`config` is the runtime config of the serving, `served` its signal, and `judged_digest` that of the values of
        its run (`workspace.values_digest`), where it is known. Without `served` only the derivative stage is expected.

        Raises FramesUnknownError when the dataset has no chain, or one of another contract, and FrameMismatchError
        when the two are of other numbers from the start.
        """
        self._head, self._links = chain_of(dataset)
        if config.numbers_json() != dataset.config.numbers_json():
            names = ", ".join(_different(dataset.config, config))
            raise FrameMismatchError(f"the serving is of other numbers than {dataset.dataset_id}: {names} differ")
        self._dataset = dataset
        self._chain = FrameChain()
        self._stage = DerivativeStage(derivative_of(config), dataset.context.k_values)
        self._signal = None if served is None else _SteppedSignal(dataset, served, judged_digest)
        self._marks = _marks_check(dataset)
        self._checked = 0

    @property
    def checked(self) -> int:
        """Frames found equal so far."""
        return self._checked

    @property
    def compares_marks(self) -> bool:
        """Whether the dataset has marks to compare with: one of an earlier version has none."""
        return self._marks is not None

    def check(self, frame: Frame) -> None:
        """Take in the next frame. Raises FrameMismatchError naming the bin and what differs."""
        at = self._checked
        if at >= self._dataset.n_bins:
            raise FrameMismatchError(f"bin {at} is streamed, {self._dataset.dataset_id} ends before it")
        link = self._chain.add(frame)
        if link != self._links[at * LINK_BYTES : (at + 1) * LINK_BYTES]:
            raise FrameMismatchError(f"bin {at} differs from {self._dataset.dataset_id}: {self._difference(at, frame)}")
        served = None if self._signal is None else self._signal.step()
        made = signal_update(self._stage.update(self._codes[at]), served)
        expected = msgspec.json.encode(made)
        streamed = split_signal(frame.update)[1]
        if streamed != expected:
            raise FrameMismatchError(
                f"bin {at}: its signal is {streamed.decode()}, {made.name} as promoted and the derivative stage make "
                f"{expected.decode()} of {self._dataset.dataset_id}"
            )
        if self._marks is not None:
            self._marks.check(at, frame)
        self._checked += 1

    def finish(self) -> str:
        """The head of the chain, after the last frame.

        Raises FrameMismatchError when frames are missing, or when the values are not those that the run was judged on.
        """
        if self._checked != self._dataset.n_bins:
            raise FrameMismatchError(
                f"the stream ends after {self._checked} bins, {self._dataset.dataset_id} has {self._dataset.n_bins}"
            )
        if self._chain.head != self._head:
            raise FrameMismatchError(
                f"the chain ends in {self._chain.head}, the manifest of {self._dataset.dataset_id} says {self._head}"
            )
        if self._signal is not None:
            self._signal.finish()
        return self._chain.head

    @cached_property
    def _codes(self) -> np.ndarray[Any, Any]:
        return self._dataset.grid("state5_code")

    def _difference(self, at: int, frame: Frame) -> str:
        """Which fields and columns of a frame are not those of the dataset."""
        update = msgspec.json.decode(frame.update)
        stored = self._dataset.bins.row(at, named=True)
        found = [name for name, value in stored.items() if name != MARKS and str(update.get(name)) != str(value)]
        grid = decode_grid(frame.grid)
        dataset = self._dataset
        found += [
            f"column {name}" for name in dataset.columns if not np.array_equal(grid[name], dataset.grid(name)[at])
        ]
        return ", ".join(found) or "the bytes around equal values"


class _SteppedSignal:
    """A promoted signal stepped over the columns of a dataset, beside a stream."""

    def __init__(self, dataset: Dataset, served: ServedSignal, judged_digest: str | None) -> None:
        self._served, self._judged_digest = served, judged_digest
        self._data = SignalData.of(dataset, served.signal.reads())
        self._bins = self._data.steps()
        self._running = served.start()
        self._values: list[float] = []

    def step(self) -> ServedValue:
        values = self._running.step(next(self._bins))
        self._values.append(self._running.value)
        return values

    def finish(self) -> None:
        stepped = np.array(self._values, np.float64)
        if self._judged_digest in (None, values_digest(stepped)):
            return
        # a batch may differ from its steps in the last digits, where sums are in another order
        batch = compute(self._served.signal, self._data)
        found = values_digest(batch)
        where = f"{self._served.name} on {self._data.name}"
        if found != self._judged_digest:
            raise FrameMismatchError(
                f"the values of {where} have digest {found}, the run was judged on {self._judged_digest}: the signal "
                "computes other numbers here than it did there; run the experiment again and promote the new run"
            )
        at = first_difference(batch, stepped)
        if at is not None:
            raise FrameMismatchError(
                f"bin {at}: {where} was judged by {batch[at]:.17g} and is streamed as {stepped[at]:.17g}"
            )


def check_frames(dataset: Dataset, *, progress: Callable[[int, int], None] | None = None) -> str:
    """Encode every bin of a dataset's tables anew and hold it to the chain in its manifest: the head of the chain.

    The chain leaves the signal of a frame out, so the tables hold all that is in it. `progress` is called with the bins
    done and in all. Raises DatasetDamagedError naming the first bin that is not the one that was chained when the
    dataset was made, and FramesUnknownError when there is no chain that could be compared.
    """
    head, links = chain_of(dataset)
    config = dataset.config
    if msgspec.json.decode(config.numbers_json()) != dataset.manifest["identity"]["numbers"]:
        raise DatasetDamagedError(f"{dataset.dataset_id}: the config in its manifest is not that of its identity")
    if len(links) != dataset.n_bins * LINK_BYTES or dataset.bins.height != dataset.n_bins:
        raise DatasetDamagedError(
            f"{dataset.dataset_id}: the manifest counts {dataset.n_bins} bins and chains {len(links) // LINK_BYTES}, "
            f"bins.parquet has {dataset.bins.height}"
        )
    encoder, chain, at = FrameEncoder(config), FrameChain(), 0
    try:
        for fields, cells in _tables(dataset):
            link = chain.add(encoder.encode(fields, cells, _NO_SIGNAL))
            if link != links[at * LINK_BYTES : (at + 1) * LINK_BYTES]:
                raise DatasetDamagedError(
                    f"{dataset.dataset_id}: bin {at} of its tables is not the one that was chained when it was made"
                )
            at += 1
            if progress and at % _PROGRESS_BINS == 0:
                progress(at, dataset.n_bins)
    except WireError as error:
        raise DatasetDamagedError(f"{dataset.dataset_id}: bin {at} makes no frame: {error}") from error
    if chain.head != head:
        raise DatasetDamagedError(f"{dataset.dataset_id}: the chain ends in {chain.head}, its manifest says {head}")
    return chain.head


def bin_of_frame(frame: Frame, reads: Reads) -> GridBin:
    """The bin in a frame that is known to be a sound one, as far as `reads` wants it, and its `state5_code`.

    No other column is looked at: `decode_grid` holds all of them to the contract, which takes five times as long.
    """
    with pa.ipc.open_stream(frame.grid) as reader:
        batch = reader.read_next_batch()
    cells = {name: numpy_of(batch[name]) for name in {"state5_code", *reads.columns}}
    fields: dict[str, Any] = {}
    if reads.fields:
        update = msgspec.json.decode(frame.update)
        fields = {name: int(update[name]) if name in _AS_TEXT else update[name] for name in reads.fields}
    return GridBin(cells, fields)


def _tables(dataset: Dataset) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]]:
    """The scalars and the dense cells of every bin, from the tables, a thousand bins at a time."""
    rows, radius = dataset.config.grid_rows, dataset.config.grid_radius_ticks
    ks = np.arange(-radius, radius + 1, dtype=np.int32)
    stored = 0
    for first in range(0, dataset.n_bins, _CHUNK_BINS):
        end = min(first + _CHUNK_BINS, dataset.n_bins)
        cells = dataset.scan_grid().filter(pl.col("bin_seq").is_between(first, end, closed="left")).collect()
        k = cells["k"].to_numpy().astype(np.int64)
        places = (cells["bin_seq"].to_numpy() - first) * rows + k + radius
        if (np.abs(k) > radius).any() or (np.diff(places) <= 0).any():
            raise DatasetDamagedError(
                f"{dataset.dataset_id}: the cells of bins {first} to {end} are not in order of bin and k"
            )
        stored += cells.height
        dense = {}
        for name in dataset.columns:
            column = cells[name].to_numpy()
            dense[name] = np.zeros((end - first) * rows, column.dtype)
            dense[name][places] = column
        for at, fields in enumerate(dataset.bins.slice(first, end - first).iter_rows(named=True)):
            yield fields, {"k": ks, **{name: column[at * rows : (at + 1) * rows] for name, column in dense.items()}}
    there = dataset.scan_grid().select(pl.len()).collect().item()
    if not stored == there == dataset.manifest["counts"]["grid_rows"]:
        raise DatasetDamagedError(
            f"{dataset.dataset_id}: {there} cells are stored, {stored} of them of its bins; its manifest counts "
            f"{dataset.manifest['counts']['grid_rows']}"
        )


def chain_of(dataset: Dataset) -> tuple[str, bytes]:
    """The head of a dataset's chain and its links.

    Raises FramesUnknownError when there is none of this contract, DatasetDamagedError when it cannot be read.
    """
    kept = dataset.manifest.get("frames")
    if kept is None:
        raise FramesUnknownError(
            f"{dataset.dataset_id} was generated before frames were chained: generate it in another lake to compare"
        )
    if kept["contract_version"] != CONTRACT_VERSION:
        raise FramesUnknownError(
            f"{dataset.dataset_id} has the frames of contract {kept['contract_version']}, this is contract "
            f"{CONTRACT_VERSION}: bytes can only be compared under the vp-contract that made them"
        )
    try:
        return kept["head"], base64.b64decode(kept["links"], validate=True)
    except ValueError as error:
        raise DatasetDamagedError(f"{dataset.dataset_id}: the links of its chain cannot be read: {error}") from error


def _different(a: RuntimeConfig, b: RuntimeConfig) -> list[str]:
    first, second = msgspec.json.decode(a.numbers_json()), msgspec.json.decode(b.numbers_json())
    return [name for name in {**first, **second} if first.get(name) != second.get(name)]
