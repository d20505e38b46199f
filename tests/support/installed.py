"""Installing a package of one folder without a network: what an installer leaves, written by hand."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path


def install(project: Path, target: Path) -> None:
    """Put the modules of a project with a `src` folder into `target`, with the metadata of its pyproject.toml."""
    facts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(project / "src", target, dirs_exist_ok=True)
    info = target / f"{facts['name'].replace('-', '_')}-{facts['version']}.dist-info"
    info.mkdir()
    lines = [f"Metadata-Version: 2.1\nName: {facts['name']}\nVersion: {facts['version']}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in facts["dependencies"]]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in facts["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
