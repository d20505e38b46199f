"""The spec of a campaign: one pipeline over dates, bundles and axes."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, field, structs

from vp_contract._types import Date, Name
from vp_contract.errors import SpecError
from vp_contract.specs.experiment import Axis, check_axes
from vp_contract.specs.pipeline import PipelineOverrides, check_dates
from vp_contract.yaml.reading import PathLike, load_yaml


class CampaignSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`configs/campaigns/NAME.yaml`: the datasets of a pipeline on each date, for each bundle and point of the axes.

    `dates` replace the pipeline's own (New York, YYYY-MM-DD). A bundle is a named set of overrides that go together;
    `axes` are fields of a pipeline's overrides with the values of each. The campaign is the cartesian product of all
    three; without bundles there is one, `base`, that overrides nothing.
    """

    name: Name
    description: str = ""
    pipeline: Name
    dates: Annotated[tuple[Date, ...], Meta(max_length=4000)] = ()
    bundles: dict[Name, PipelineOverrides] = field(default_factory=lambda: {"base": PipelineOverrides()})
    axes: dict[str, Axis] = {}

    def __post_init__(self) -> None:
        check_dates(self.dates)
        if not self.bundles:
            raise SpecError("must have at least one bundle; leave `bundles` out for none", field="bundles")
        check_axes("axes", self.axes, PipelineOverrides)
        for name, bundle in self.bundles.items():
            for axis in self.axes:
                if getattr(bundle, axis) is not UNSET:
                    raise SpecError(f"{axis} is an axis of the campaign too", field=f"bundles.{name}.{axis}")

    def overrides(self, bundle: str) -> dict[str, object]:
        """The fields that a bundle sets."""
        return {name: value for name, value in structs.asdict(self.bundles[bundle]).items() if value is not UNSET}


def load_campaign(path: PathLike) -> CampaignSpec:
    """Read a campaign spec. Raises `SpecError` with file, line and field."""
    return load_yaml(path, CampaignSpec)
