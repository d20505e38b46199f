"""What this project rests on: the versions of two libraries, and a digest of the numbers that each computes.

A pin says which version is wanted. The digest says whether what is installed computes what the results were made with.
It is compared before anything is computed: a pin can be edited, overruled by a resolver, or forgotten on one machine.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import vp_book
import vp_spectrum

PINNED = Path(__file__).with_name("digests.json")

Numbers = Mapping[str, Mapping[str, str]]
"""Version and digest of each library."""


class MovedError(Exception):
    """A library computes other numbers than those this project was checked with."""


def installed() -> Numbers:
    """What is installed here. Each library computes its built-in input, which takes a few seconds."""
    digests = {"vp-book": vp_book.conformance_digest(), "vp-spectrum": vp_spectrum.conformance_digest()}
    return {name: {"version": version(name), "digest": digest} for name, digest in digests.items()}


def pinned(path: Path = PINNED) -> Numbers:
    """What this project was checked with."""
    found: Numbers = json.loads(path.read_text(encoding="utf-8"))
    return found


def check(wanted: Numbers, found: Numbers) -> list[str]:
    """Raise MovedError if a library computes other numbers; returns what moved without that, a line each."""
    moved = [name for name in wanted if found[name]["digest"] != wanted[name]["digest"]]
    if moved:
        raise MovedError("\n".join(_moved(name, wanted[name], found[name]) for name in moved))
    return [
        f"{name} {found[name]['version']} computes what {wanted[name]['version']} did"
        for name in wanted
        if found[name]["version"] != wanted[name]["version"]
    ]


def accept(found: Numbers, path: Path = PINNED) -> None:
    """Rest on what is installed from now on."""
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _moved(name: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    return (
        f"{name} {found['version']}: computes other numbers than {wanted['version']}, which this project was checked "
        f"with (digest {found['digest'][:12]}, wanted {wanted['digest'][:12]}); install {name}=={wanted['version']}, "
        "or read its changelog, make your results anew, and accept it: python -m pressure_watch accept"
    )
