"""The microprice less the mid: which way the sizes at the touch pull the price."""

from typing import Annotated

import msgspec

from vp_harness.signals import DEFAULT_CONTEXT, FixedThresholds, Part, Signal, SignalBin, SignalContext, Stepper, about


class Params(msgspec.Struct, frozen=True):
    """Parameters of `microprice`."""

    span_bins: Annotated[int, about("bins", "span of the average; 1 is no average", ge=1, le=1000)] = 3


class Microprice(Signal):
    """Size-weighted best price less the mid, in cells, averaged over a few bins."""

    name = "microprice"
    params_type = Params
    required_fields = ("best_bid_price_int", "best_ask_price_int", "best_bid_size", "best_ask_size")
    thresholds = FixedThresholds((0.1, 0.2, 0.3, 0.4))
    detail = (Part("now", "cells", "the distance in this bin alone"),)

    def start(self, context: SignalContext = DEFAULT_CONTEXT) -> Stepper:
        """A stepper that has seen nothing yet."""
        return MicropriceStepper(2 / (self.params.span_bins + 1), context.cell_int)


class MicropriceStepper:
    """One running signal: all that it remembers is here."""

    def __init__(self, alpha: float, cell_int: int) -> None:
        self.alpha, self.cell_int = alpha, cell_int
        self.value = 0.0
        self.detail = {"now": 0.0}

    def step(self, bin: SignalBin, /) -> float:
        """The value at the bin just closed."""
        bid, ask, bids, asks = (bin.fields[name] for name in Microprice.required_fields)
        now = 0.0
        if bids and asks:
            now = ((ask * bids + bid * asks) / (bids + asks) - (bid + ask) / 2) / self.cell_int
        self.detail = {"now": now}
        self.value += self.alpha * (now - self.value)
        return self.value
