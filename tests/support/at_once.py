"""Eight processes that warm one cache and then generate four datasets, two processes each, all at once.

    python -m support.at_once DIRECTORY       # in tests/, with the packages installed

Forked from one process that has imported and compiled everything, so that they really run side by side. Prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from support.kill_rounds import Work, complete, start
from vp_harness import find_raw, generate
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import warm_checkpoint

PROCESSES = 8


class Crowd(Work):
    """The lake of `Work` with three more pipelines; what a process got goes to a file of its own."""

    def prepare(self) -> None:
        super().prepare()
        spec = (self.configs / "pipelines" / "small.yaml").read_text()
        for number in range(3):
            text = spec.replace("name: small", f"name: other{number}")
            text = text.replace("pipeline: {}", f"pipeline: {{tau_velocity: {2.5 + number / 2}}}")
            (self.configs / "pipelines" / f"other{number}.yaml").write_text(text)

    def warm(self) -> str:
        config = pipeline_config("small", self.configs)
        return warm_checkpoint(config, find_raw(self.lake, config), self.lake.book_cache_dir)[0].name

    def make(self, name: str) -> str:
        return generate(name, self.lake, config_root=self.configs)

    def together(self, actions: Sequence[Callable[[], str]]) -> list[str]:
        """The result of each action, every one of them in its own process."""
        results = [self.lake.root.parent / f"result{number}" for number in range(len(actions))]

        def saving(action: Callable[[], str], result: Path) -> Callable[[], object]:
            return lambda: result.write_text(action())

        pids = [start(saving(action, result)) for action, result in zip(actions, results, strict=True)]
        codes = [os.waitpid(pid, 0)[1] for pid in pids]
        if any(codes):
            raise SystemExit("a process failed")
        return [result.read_text() for result in results]


def main(directory: Path) -> None:
    crowd = Crowd(directory)
    complete(crowd.prepare)
    crowd.warm_up()
    warmed = crowd.together([crowd.warm] * PROCESSES)
    names = ["small", "other0", "other1", "other2"] * (PROCESSES // 4)
    made = crowd.together([lambda name=name: crowd.make(name) for name in names])  # type: ignore[misc]
    complete(crowd.look)
    print(json.dumps({"warmed": warmed, "made": made}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
