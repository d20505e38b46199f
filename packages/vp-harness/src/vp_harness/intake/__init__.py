"""Ways into the lake for data that are not there as DBN files yet."""

from .batch.api import CLIENT_THREADS, DatabentoApi, Price, is_stuck
from .batch.patience import Patience
from .batch.plan import Plan, Planned, days_of, locks_of, make_plan
from .batch.state import StateFile, Wanted
from .batch.work import Downloads

__all__ = [
    "CLIENT_THREADS",
    "DatabentoApi",
    "Downloads",
    "Patience",
    "Plan",
    "Planned",
    "Price",
    "StateFile",
    "Wanted",
    "days_of",
    "is_stuck",
    "locks_of",
    "make_plan",
]
