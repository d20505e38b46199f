"""Kill processes that generate a dataset or append results at random moments, and see what is left.

    python -m support.kill_rounds DIRECTORY ROUNDS SEED       # in tests/, with the packages installed

Every round starts a real process and ends it with SIGKILL after a random part of the time that an undisturbed one
takes; one that was over before is no round. Processes are forked from this one, which has imported and compiled
everything and started no thread, so that the moment falls into the work. Prints JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Container
from pathlib import Path

from support.runs import a_run
from support.small_lake import import_market, write_configs, write_small_market
from vp_harness import Dataset, Lake, ResultsStore, find_raw, generate, list_datasets
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import conformance_digests, scored_bins
from vp_harness.lake.verification import WRONG, verify_lake


class Work:
    """What is interrupted: `run` in the child, then `look` and `again` in processes of their own."""

    def __init__(self, directory: Path) -> None:
        self.lake = Lake(directory / "lake")
        self.configs = directory / "configs"
        self.done = directory / "done"

    def prepare(self) -> None:
        write_configs(self.configs)
        spec = self.configs / "pipelines" / "small.yaml"
        spec.write_text(spec.read_text().replace("09:30", "09:28"))
        import_market(self.lake, self.configs, write_small_market(self.configs.parent / "market.dbn.zst"))

    def warm_up(self) -> None:
        """Load the kernels and the digests, which every generation needs, with no thread and no file written."""
        conformance_digests()
        config = pipeline_config("small", self.configs)
        next(scored_bins(config, find_raw(self.lake, config)))

    def generate(self) -> None:
        generate("small", self.lake, config_root=self.configs)

    def append(self) -> None:
        """Append run after run; `done` gets a byte for each that is stored."""
        store = ResultsStore(self.lake)
        first = self.finished
        with self.done.open("ab", buffering=0) as done:
            for number in range(first, first + 12):
                store.append([a_run(number)])
                done.write(b"+")

    @property
    def finished(self) -> int:
        """Runs that were stored for certain."""
        return self.done.stat().st_size if self.done.exists() else 0

    def look(self) -> None:
        """Nothing is damaged and nothing that was finished is gone; the dataset may be, which a round removes."""
        self._look({"damaged"})

    def look_at_all(self) -> None:
        """Nothing is damaged and nothing is missing, but for the dataset of the runs, which never was."""
        self._look(WRONG)

    def _look(self, wrong: Container[str]) -> None:
        never = a_run(0)[0].dataset_id
        findings = [
            finding
            for finding in verify_lake(self.lake, config_root=self.configs)
            if finding.state in wrong and finding.name != never
        ]
        if findings:
            raise SystemExit(f"wrong: {findings}")
        stored = set(ResultsStore(self.lake).rows()["run_id"])
        lost = {a_run(number)[0].run_id for number in range(self.finished)} - stored
        if lost:
            raise SystemExit(f"stored and gone: {sorted(lost)}")

    def forget(self) -> None:
        """Half of the time the next round makes the checkpoint too."""
        for dataset_id in list_datasets(self.lake):
            shutil.rmtree(self.lake.dataset_dir(dataset_id))


def start(action: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        except SystemExit as problem:
            sys.stderr.write(f"{problem}\n")
        except Exception as problem:  # noqa: BLE001 - the child says what it was and ends
            sys.stderr.write(f"{type(problem).__name__}: {problem}\n")
        finally:
            os._exit(code)
    return pid


def complete(action: Callable[[], object]) -> float:
    """Run an action in a process to its end: seconds."""
    began = time.monotonic()
    _, status = os.waitpid(start(action), 0)
    if status:
        raise SystemExit(f"{getattr(action, '__name__', action)} ended with {status}")
    return time.monotonic() - began


def main(directory: Path, rounds: int, seed: int) -> None:
    work = Work(directory)
    complete(work.prepare)
    work.warm_up()
    complete(work.generate)
    reference = directory / "reference"
    shutil.move(work.lake.datasets_dir, reference)
    actions = [work.generate, work.append]
    seconds = [complete(action) for action in actions]
    chance = random.Random(seed)
    killed, attempts = [0, 0], 0
    while sum(killed) < rounds:
        if attempts == 4 * rounds:
            raise SystemExit(f"of {attempts} processes only {killed} were still at work when they were killed")
        which = int(killed[0] > killed[1])
        if which == 0:
            work.forget()
            if chance.random() < 0.3:
                shutil.rmtree(work.lake.book_cache_dir, ignore_errors=True)
        pid = start(actions[which])
        time.sleep(chance.random() * seconds[which])
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        hit = os.WIFSIGNALED(status)
        killed[which] += hit
        # what else the machine does changes how long the work takes: follow it, so that kills fall into all of it
        seconds[which] *= 1.05 if hit else 0.8
        if attempts % 20 in (9, 18):  # after a round of either kind
            complete(work.look)
        attempts += 1
    for action in (work.look, work.generate, work.append, work.look_at_all):
        complete(action)
    left = list(work.lake.root.rglob(".making-*"))
    (dataset_id,) = list_datasets(work.lake)
    for name in ("bins.parquet", "grid_clean.parquet", "fills.parquet"):
        if (work.lake.dataset_dir(dataset_id) / name).read_bytes() != (reference / dataset_id / name).read_bytes():
            raise SystemExit(f"{name} is not what an undisturbed process makes")
    Dataset.open(work.lake, dataset_id).verify()
    facts = {"attempts": attempts, "killed_generating": killed[0], "killed_appending": killed[1]}
    print(json.dumps({**facts, "seconds": seconds, "left": [path.name for path in left]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
