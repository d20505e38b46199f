"""Real processes: killed in the middle of a promotion, and promoting at the same time."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vp_contract import dump_published
from vp_registry import Registry, UnknownServingError

# arguments: database URL, versions directory, alias, file of the serving, where to die ("" for nowhere)
PROMOTE = """\
import os, signal, sys
from vp_contract import atomic, load_published
from vp_registry import Registry, registry, versions

url, versions_dir, alias, spec_file, moment = sys.argv[1:]

def die(*_):
    sys.stdout.write("dying\\n")
    sys.stdout.flush()
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

if moment == "before the link":
    atomic._link_new = die
elif moment == "after the file":
    published = versions.VersionFiles.publish
    versions.VersionFiles.publish = lambda self, spec: (published(self, spec), die())
elif moment == "before the alias":
    registry._point = die
elif moment == "before the commit":
    point = registry._point
    registry._point = lambda *arguments: (point(*arguments), die())
spec = load_published(spec_file)
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(Registry(url, versions_dir).promote(alias, spec, "child").serving_id + "\\n")
"""


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROMOTE, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _finish(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate("go\n", timeout=60)
    return out.split()


@pytest.mark.parametrize("moment", ["before the link", "after the file", "before the alias", "before the commit"])
def test_a_promotion_that_dies_serves_nothing_and_blocks_nothing(
    url: str, registry: Registry, versions_dir: Path, tmp_path: Path, publishable: Any, moment: str
) -> None:
    before = registry.promote("live", publishable(1), "ann")
    spec_file = tmp_path / "spec.yaml"
    spec_file.write_bytes(dump_published(publishable(2)))
    with _start(url, str(versions_dir), "live", str(spec_file), moment) as process:
        assert _finish(process) == ["ready", "dying"]
    assert registry.resolve("live") == before
    with pytest.raises(UnknownServingError):
        registry.resolve(publishable(2).serving_id)
    assert len(registry.versions()) == len(registry.history("live")) == 1
    retried = registry.promote("live", publishable(2, created="2026-02-07T00:00:00Z"), "ann")
    assert registry.resolve("live") == retried
    assert retried.spec.evidence == publishable(2).evidence
    assert [event.to_id for event in registry.history("live")] == [before.serving_id, retried.serving_id]


def test_processes_that_promote_at_once(
    url: str, registry: Registry, versions_dir: Path, tmp_path: Path, publishable: Any
) -> None:
    """Three of one serving and one of another, into a registry that none of them has made yet."""
    processes = []
    for position, number in enumerate((1, 1, 1, 2)):
        spec_file = tmp_path / f"{position}.yaml"
        spec = publishable(number, created=f"2026-02-06T21:00:0{position}Z")
        spec_file.write_bytes(dump_published(spec))
        processes.append(_start(url, str(versions_dir), "live", str(spec_file), ""))
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [process.communicate(timeout=60)[0].split() for process in processes]
    one, two = publishable(1).serving_id, publishable(2).serving_id
    assert results == [[one], [one], [one], [two]]
    assert sorted(version.serving_id for version in registry.versions()) == sorted([one, two])
    assert sorted(path.stem for path in versions_dir.iterdir()) == sorted([one, two])
    events = registry.history("live")
    assert events[0].from_id is None
    assert all(before.to_id == after.from_id != after.to_id for before, after in itertools.pairwise(events))
    assert registry.resolve("live").serving_id == events[-1].to_id
    for serving in (one, two):
        assert registry.resolve(serving).serving_id == serving
