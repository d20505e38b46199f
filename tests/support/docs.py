"""Running the examples of a document."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.packages import ROOT

_END = "-- end of an example --"
_RUN = f"""
import runpy, sys
for script in sys.argv[1:]:
    runpy.run_path(script, run_name="__main__")
    print({_END!r})
"""


def run_examples(document: str, folder: Path) -> None:
    """Run every Python block of a document as a script of its own in `folder`; each must print and warn of nothing.

    All of them run in one process, which imports the libraries once.
    """
    examples = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    scripts = [folder / f"example{number}.py" for number in range(len(examples))]
    for script, example in zip(scripts, examples, strict=True):
        script.write_text(example, encoding="utf-8")
    command = [sys.executable, "-W", "error", "-c", _RUN, *map(str, scripts)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    *printed, rest = done.stdout.split(f"{_END}\n")
    assert len(printed) == len(examples)
    assert all(one.strip() for one in printed), printed
    assert rest == ""
