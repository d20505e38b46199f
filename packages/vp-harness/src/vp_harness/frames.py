"""Holding the frames of a stream to the dataset they were evaluated on, byte for byte."""

from __future__ import annotations

import base64
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from vp_contract import (
    CONTRACT_VERSION,
    LINK_BYTES,
    Frame,
    FrameChain,
    RuntimeConfig,
    decode_grid,
    signal_update,
    split_signal,
)
from vp_harness.dataset import Dataset
from vp_harness.errors import DatasetError, FrameMismatchError
from vp_harness.pipeline import derivative_of
from vp_spectrum import DerivativeStage


class FrameCheck:
    """Compares the frames of a serving, in order, with the dataset behind it.

    Everything of a frame but the signal must continue the hash chain in the dataset's manifest. The signal must be what
    the derivative stage makes of the dataset's own columns with the parameters of the serving.
    """

    def __init__(self, dataset: Dataset, config: RuntimeConfig) -> None:
        """`config` is the runtime config of the serving.

        Raises DatasetError when the dataset has no chain, or one of another contract version, and FrameMismatchError
        when the two are of other numbers from the start.
        """
        kept = dataset.manifest.get("frames")
        if kept is None:
            raise DatasetError(
                f"{dataset.dataset_id} was generated before frames were chained: generate it in another lake to compare"
            )
        if kept["contract_version"] != CONTRACT_VERSION:
            raise DatasetError(
                f"{dataset.dataset_id} has the frames of contract {kept['contract_version']}, this is contract "
                f"{CONTRACT_VERSION}: bytes can only be compared under the vp-contract that made them"
            )
        if config.numbers_json() != dataset.config.numbers_json():
            names = ", ".join(_different(dataset.config, config))
            raise FrameMismatchError(f"the serving is of other numbers than {dataset.dataset_id}: {names} differ")
        self._dataset = dataset
        self._head = kept["head"]
        self._links = base64.b64decode(kept["links"])
        self._chain = FrameChain()
        self._stage = DerivativeStage(derivative_of(config), dataset.context.k_values)
        self._checked = 0

    @property
    def checked(self) -> int:
        """Frames found equal so far."""
        return self._checked

    def check(self, frame: Frame) -> None:
        """Take in the next frame. Raises FrameMismatchError naming the bin and what differs."""
        at = self._checked
        if at >= self._dataset.n_bins:
            raise FrameMismatchError(f"bin {at} is streamed, {self._dataset.dataset_id} ends before it")
        link = self._chain.add(frame)
        if link != self._links[at * LINK_BYTES : (at + 1) * LINK_BYTES]:
            raise FrameMismatchError(f"bin {at} differs from {self._dataset.dataset_id}: {self._difference(at, frame)}")
        expected = msgspec.json.encode(signal_update(self._stage.update(self._codes[at])))
        streamed = split_signal(frame.update)[1]
        if streamed != expected:
            raise FrameMismatchError(
                f"bin {at}: its signal is {streamed.decode()}, the derivative stage makes {expected.decode()} of "
                f"{self._dataset.dataset_id}"
            )
        self._checked += 1

    def finish(self) -> str:
        """The head of the chain, after the last frame. Raises FrameMismatchError when frames are missing."""
        if self._checked != self._dataset.n_bins:
            raise FrameMismatchError(
                f"the stream ends after {self._checked} bins, {self._dataset.dataset_id} has {self._dataset.n_bins}"
            )
        if self._chain.head != self._head:
            raise FrameMismatchError(
                f"the chain ends in {self._chain.head}, the manifest of {self._dataset.dataset_id} says {self._head}"
            )
        return self._chain.head

    @cached_property
    def _codes(self) -> np.ndarray[Any, Any]:
        return self._dataset.grid("state5_code")

    def _difference(self, at: int, frame: Frame) -> str:
        """Which fields and columns of a frame are not those of the dataset."""
        update = msgspec.json.decode(frame.update)
        stored = self._dataset.bins.row(at, named=True)
        found = [name for name, value in stored.items() if str(update.get(name)) != str(value)]
        grid = decode_grid(frame.grid)
        dataset = self._dataset
        found += [
            f"column {name}" for name in dataset.columns if not np.array_equal(grid[name], dataset.grid(name)[at])
        ]
        return ", ".join(found) or "the bytes around equal values"


def _different(a: RuntimeConfig, b: RuntimeConfig) -> list[str]:
    first, second = msgspec.json.decode(a.numbers_json()), msgspec.json.decode(b.numbers_json())
    return [name for name in first if first[name] != second.get(name)]
