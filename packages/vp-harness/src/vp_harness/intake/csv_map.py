"""The mapping file of a table of order events: which column means what."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from vp_book.errors import ParameterError
from vp_book.feeds import CsvColumns
from vp_contract import SpecError
from vp_contract.yaml import PathLike, load_yaml

_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class CsvMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of `vp_book.feeds.CsvColumns`, and `dataset`, the name that the converted file has as its dataset."""

    time: _Text = "time"
    order_id: _Text = "order_id"
    price: _Text = "price"
    size: _Text = "size"
    side: _Text = "side"
    action: _Text = "action"
    time_unit: Literal["s", "ms", "us", "ns", "iso"] = "ns"
    size_step: str | float | int = 1
    buy: _Text = "buy"
    sell: _Text = "sell"
    events: dict[Literal["add", "change", "remove", "execute", "trade"], _Text]
    dataset: Annotated[str, Meta(min_length=1, max_length=16)] = "CSV"

    @property
    def columns(self) -> CsvColumns:
        """What a converter takes. Raises ParameterError for values that do not go together."""
        return CsvColumns(
            time=self.time,
            order_id=self.order_id,
            price=self.price,
            size=self.size,
            side=self.side,
            action=self.action,
            time_unit=self.time_unit,
            size_step=str(self.size_step),
            buy=self.buy,
            sell=self.sell,
            events={str(event): text for event, text in self.events.items()},
        )


def load_csv_map(path: PathLike) -> CsvMap:
    """Read a mapping file. Raises `SpecError` with file, line and field."""
    found = load_yaml(path, CsvMap)
    try:
        found.columns  # noqa: B018 - refuses what does not go together
    except ParameterError as error:
        raise SpecError(str(error), file=str(path)) from None
    return found
