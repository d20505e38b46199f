"""Folders that can be looked through, no circles of imports, and no package that reaches into another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.packages import ROOT, Package, packages

MOST_LINES = 400
MOST_MODULES = 12
PACKAGES = packages()
each = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


def modules(package: Package) -> dict[str, Path]:
    """Dotted name -> file."""
    found = {}
    for path in sorted(package.source.rglob("*.py")):
        parts = path.relative_to(package.source.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, name: str, known: dict[str, Path]) -> Iterator[tuple[str, str | None]]:
    """(Module, name in it or None) of what a module imports when it is itself imported."""
    for node in _at_import(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
            continue
        base = node.module or ""
        if node.level:
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            yield (whole, None) if whole in known else (base, alias.name)


def _at_import(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements outside of functions and of what only type checkers read."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


@each
def test_no_module_is_too_long_to_read(package: Package) -> None:
    for name, path in modules(package).items():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, name


@each
def test_a_folder_has_few_modules(package: Package) -> None:
    for folder in {path.parent for path in modules(package).values()}:
        names = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(names) <= MOST_MODULES, f"{folder.relative_to(package.source.parent)} has {len(names)} modules"


@each
def test_no_imports_go_in_a_circle(package: Package) -> None:
    known = modules(package)
    needs = {
        name: {module for module, _ in imported(path, name, known) if module in known} - {name}
        for name, path in known.items()
    }
    while free := {name for name, wanted in needs.items() if not wanted & needs.keys()}:
        needs = {name: wanted for name, wanted in needs.items() if name not in free}
    assert not needs, {name: sorted(wanted & needs.keys()) for name, wanted in needs.items()}


@each
def test_what_others_import_of_a_package_is_public(package: Package) -> None:
    """Names of the package itself, of a module in it, or those that a folder in it shows in its `__all__`."""
    everything = {name: path for other in PACKAGES for name, path in modules(other).items()}
    for name, path in modules(package).items():
        for module, what in imported(path, name, everything):
            if module.split(".")[0] == package.module or module not in everything:
                continue
            above, _, last = module.rpartition(".")
            if what is None and above in everything and last in shown(everything[above]):
                module, what = above, last  # a function that has the name of its module
            where = f"{name} imports {what or 'all'} of {module}"
            assert not any(part.startswith("_") for part in (*module.split("."), what or "")), where
            assert module.count(".") < 2, where
            if everything[module].name == "__init__.py" and what is not None:
                assert what in shown(everything[module]), where


TWINS = {
    "kernel_cache.py": ("vp-book/src/vp_book", "vp-spectrum/src/vp_spectrum"),
    "kernel_files.py": ("vp-book/src/vp_book", "vp-spectrum/src/vp_spectrum"),
    "atomic.py": ("vp-book/src/vp_book", "vp-contract/src/vp_contract"),
}
"""What packages that cannot import one another both need: one text, in each of them."""


@pytest.mark.parametrize("name", TWINS)
def test_what_is_in_several_packages_is_the_same_text(name: str) -> None:
    first, *others = ((ROOT / "packages" / folder / name).read_bytes() for folder in TWINS[name])
    assert all(other == first for other in others)


def shown(path: Path) -> set[str]:
    """The `__all__` of a module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()
