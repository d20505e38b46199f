"""Puts the built page into the wheel, so that an installed server has it without node and without a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGED = "src/vp_stream/page"  # where a source distribution has it


class Page(BuildHookInterface):  # type: ignore[type-arg]
    """`web/dist` of the checkout goes to `vp_stream/page`. An editable install is of a checkout and needs no copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files of a distribution are collected."""
        if version == "editable" or (Path(self.root) / PACKAGED / "index.html").is_file():
            return
        built = Path(self.root, "../../web/dist").resolve()
        if not (built / "index.html").is_file():
            raise RuntimeError("the page is not built: run `npm ci && npm run build` in web/, then build the wheel")
        into = PACKAGED if self.target_name == "sdist" else PACKAGED.removeprefix("src/")
        build_data["force_include"][str(built)] = into
