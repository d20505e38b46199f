"""The packages of the workspace, as their own files describe them."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Package:
    """A distribution of the workspace."""

    path: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        return self.path / "src" / self.module

    @property
    def requirements(self) -> list[str]:
        """Of the package and all its extras."""
        extras = self.project.get("optional-dependencies", {})
        return [*self.project["dependencies"], *(r for group in extras.values() for r in group)]

    def imports(self) -> Iterator[tuple[Path, str]]:
        """(file, top-level module) of every absolute import."""
        for file in sorted(self.source.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    yield from ((file, alias.name.partition(".")[0]) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    yield file, node.module.partition(".")[0]


def packages() -> list[Package]:
    """All of them, libraries first."""
    paths = [*sorted((ROOT / "packages").iterdir()), *sorted((ROOT / "apps").iterdir())]
    found = [path for path in paths if (path / "pyproject.toml").is_file()]
    return [Package(path, tomllib.loads((path / "pyproject.toml").read_text())["project"]) for path in found]


def ci_script(name: str) -> ModuleType:
    """A script of `.ci` as a module."""
    loader = SourceFileLoader(f"ci_{name}", str(ROOT / ".ci" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    if spec is None:
        raise ValueError(f".ci/{name}: cannot be loaded")
    module = sys.modules[loader.name] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def requirement_name(requirement: str) -> str:
    """The distribution a requirement names, in its normal spelling."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    if match is None:
        raise ValueError(f"not a requirement: {requirement!r}")
    return re.sub(r"[-_.]+", "-", match.group()).lower()
