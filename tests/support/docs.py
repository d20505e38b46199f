"""Running the examples of a document."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.packages import ROOT


def run_examples(document: str, folder: Path) -> None:
    """Run every Python block of a document as a script of its own in `folder`; each must print and warn of nothing."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        script = folder / "example.py"
        script.write_text(example, encoding="utf-8")
        command = [sys.executable, "-W", "error", str(script)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
