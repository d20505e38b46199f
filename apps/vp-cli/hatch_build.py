"""Puts the specs that the project comes with into the wheel, so that an installed `vp demo` runs without a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGED = "src/vp_cli/specs"  # where a source distribution has them
PARTS = ("instrument.yaml", "instruments", "pipelines", "experiments", "serving")


class Specs(BuildHookInterface):  # type: ignore[type-arg]
    """`configs` of the checkout goes to `vp_cli/specs`. An editable install is of a checkout and needs no copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files of a distribution are collected."""
        if version == "editable" or (Path(self.root) / PACKAGED).is_dir():
            return
        configs = Path(self.root, "../../configs").resolve()
        into = PACKAGED if self.target_name == "sdist" else PACKAGED.removeprefix("src/")
        for part in PARTS:
            build_data["force_include"][str(configs / part)] = f"{into}/{part}"
