"""The committed digests of a package's releases: `golden/digests.json` beside its tests, version -> digest."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from support.packages import ROOT, packages


def hold_to_the_table(module: str, digest: str) -> None:
    """Fail unless `digest` is the one that the table has for the package's version, and the changelog speaks of it.

    To change numbers on purpose: raise the minor version, add its row to the table, and say in the changelog's entry of
    that version which numbers changed and why the digest did.
    """
    (package,) = (one for one in packages() if one.module == module)
    version = package.project["version"]
    path = ROOT / "tests" / module / "golden" / "digests.json"
    table: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    where = path.relative_to(ROOT)
    assert table.get(version) == digest, (
        f"{package.name} {version} computes {digest}, and {where} says {table.get(version)}: "
        "numbers that change need a new minor version, its row in that table and a line in the changelog"
    )
    rows = sorted(table.items(), key=lambda row: _parts(row[0]))
    for (before, old), (after, new) in pairwise(rows):
        assert old == new or _parts(before)[:2] < _parts(after)[:2], f"{where}: {after} is no new minor after {before}"
        if old != new:
            assert "digest" in _entry((package.path / "CHANGELOG.md").read_text(encoding="utf-8"), after), (
                f"the changelog of {package.name} does not say for {after} that the digest changed, and why"
            )


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _entry(changelog: str, version: str) -> str:
    """The text under the heading of a version."""
    found = re.search(rf"^## {re.escape(version)}\b(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].lower() if found else ""
