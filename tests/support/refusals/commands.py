"""What the command line refuses itself, beyond what the libraries do."""

from __future__ import annotations

import os
from unittest import mock

from support.refusals import Case
from support.refusals.bench import Bench
from vp_cli.main import app


def _vp(bench: Bench, *arguments: str) -> None:
    roots = ("--lake-root", str(bench.lake.root), "--config-root", str(bench.configs))
    app([*arguments, *roots], standalone_mode=False)


def _without_roots(*arguments: str) -> None:
    app(list(arguments), standalone_mode=False)


def _download(bench: Bench, key: str | None, *arguments: str) -> None:
    """`vp download`, with a key in the environment or none; nothing listens where it asks."""
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    environment.pop("DATABENTO_API_KEY", None)
    if key is not None:
        environment["DATABENTO_API_KEY"] = key
    with mock.patch.dict(os.environ, environment, clear=True):
        _vp(bench, "download", "submit", *arguments, "--gateway", "https://127.0.0.1:9")


KEY = "db-0123456789abcdefghijklmnopqrs"

CASES = [
    Case("`vp download submit` without a key", lambda b: _download(b, None, "--date", "2024-03-11")),
    Case("`vp download submit` with a word for a key", lambda b: _download(b, "secret", "--date", "2024-03-11")),
    Case("`vp download submit --date yesterday`", lambda b: _download(b, KEY, "--date", "yesterday")),
    Case("`vp download submit` of a day to come", lambda b: _download(b, KEY, "--date", "2999-01-01")),
    Case("`vp download submit ZZ`", lambda b: _download(b, KEY, "ZZ", "--date", "2024-03-11")),
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
