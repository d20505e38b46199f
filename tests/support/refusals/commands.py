"""What the command line refuses itself, beyond what the libraries do."""

from __future__ import annotations

from support.refusals import Case
from support.refusals.bench import Bench
from vp_cli.main import app


def _vp(bench: Bench, *arguments: str) -> None:
    roots = ("--lake-root", str(bench.lake.root), "--config-root", str(bench.configs))
    app([*arguments, *roots], standalone_mode=False)


def _without_roots(*arguments: str) -> None:
    app(list(arguments), standalone_mode=False)


CASES = [
    Case(
        "`vp config show nothing`",
        lambda b: _without_roots("config", "show", "nothing", "--config-root", str(b.configs)),
    ),
    Case(
        "`vp aliases history small --at yesterday`",
        lambda b: _vp(b, "aliases", "history", "small", "--at", "yesterday"),
    ),
    Case(
        "`vp compare --experiment nothing`",
        lambda b: app(["compare", "--experiment", "nothing", "--lake-root", str(b.lake.root)], standalone_mode=False),
    ),
]
