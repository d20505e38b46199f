"""Specs read by several threads at once, for the first time in a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A struct that is looked up for the first time while another thread uses what is known of it so far ended the process.
READ_AT_ONCE = """
import sys, threading
from vp_contract.yaml.reading import parse_yaml
import msgspec
from typing import Annotated

sys.setswitchinterval(1e-6)
names = [f"part_{i}" for i in range(40)]
here = {"__module__": __name__}
inner = msgspec.defstruct("Inner", [(n, "Annotated[int, msgspec.Meta(ge=0)]") for n in names], namespace=here)
outer = msgspec.defstruct("Outer", [(n, inner) for n in names], namespace=here)
leaf = "{" + ", ".join(f"{n}: 1" for n in names) + "}"
document = "".join(f"{n}: {leaf}\\n" for n in names).encode()
start = threading.Barrier(8)

def read():
    start.wait()
    parse_yaml(document, outer, file="x.yaml")

threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("attempt", range(3))
def test_the_first_use_of_a_struct_may_be_by_several_threads(attempt: int) -> None:
    done = subprocess.run([sys.executable, "-c", READ_AT_ONCE], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
