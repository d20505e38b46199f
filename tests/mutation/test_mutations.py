"""Each of these changes to a rule changes the conformance digest, or fails the test that is named beside it.

A run tries one in three. Which ones depends on the sources of both libraries, so that another third is tried when they
change, and the same one as long as they do not. `VP_MUTATIONS=all uv run pytest tests/mutation` tries all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from mutation import vp_book_table, vp_spectrum_table
from mutation.runner import SOURCES, Interpreter, Mutation, copy_of, passes

import vp_book.conformance
import vp_spectrum.conformance
from vp_book.kernel_files import source_digest

PROCESSES = 2
MUTATIONS = [*vp_book_table.MUTATIONS, *vp_spectrum_table.MUTATIONS]
ONE_IN = 1 if os.environ.get("VP_MUTATIONS") == "all" else 3
TRIED = MUTATIONS[sum(int(str(source_digest(package)), 16) for package in SOURCES) % ONE_IN :: ONE_IN]
COMPILED = {
    "vp_book": vp_book.conformance.part_digests,
    "vp_spectrum": vp_spectrum.conformance.part_digests,
}
pytestmark = pytest.mark.slow


class Interpreters:
    """The interpreters of one thread, started when they are needed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._threads = threading.local()

    def of(self, package: str) -> Interpreter:
        mine: dict[str, Interpreter] = self._threads.__dict__
        if package not in mine:
            mine[package] = self._stack.enter_context(Interpreter(package))
        return mine[package]


@pytest.fixture(scope="module")
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Rule -> how the selected mutations were caught, or that they were not; two are tried at a time."""
    wanted = [item.callspec.params.get("mutation") for item in request.session.items if hasattr(item, "callspec")]
    chosen = [mutation for mutation in TRIED if mutation in wanted]
    root = tmp_path_factory.mktemp("mutations")
    with ExitStack() as stack:
        interpreters = Interpreters(stack)

        def outcome_of(number: int, mutation: Mutation) -> str:
            folder = root / str(number)
            mutation.apply(copy_of(mutation.package, folder))
            if mutation.test is not None:
                return "not caught" if passes(mutation.test, folder) else f"caught by {mutation.test}"
            try:
                part = interpreters.of(mutation.package).first_other_part(folder)
            except RuntimeError as error:
                return f"not caught: {error}"
            return "not caught" if part is None else f"caught by {part}"

        with ThreadPoolExecutor(PROCESSES) as pool:
            found = list(pool.map(outcome_of, range(len(chosen)), chosen))
    return {mutation.rule: how for mutation, how in zip(chosen, found, strict=True)}


@pytest.mark.parametrize("mutation", TRIED, ids=lambda mutation: mutation.rule)
def test_a_broken_rule_is_caught(mutation: Mutation, outcome: Mapping[str, str]) -> None:
    assert outcome[mutation.rule].startswith("caught by "), f"{mutation}\n{outcome[mutation.rule]}"


def test_the_tables_are_of_many_rules_of_both_libraries() -> None:
    assert len({mutation.rule for mutation in MUTATIONS}) == len(MUTATIONS)
    for package in SOURCES:
        assert sum(mutation.package == package for mutation in MUTATIONS) >= 40


def test_each_mutation_can_be_tried(tmp_path: Path) -> None:
    """Also those that this run does not try."""
    for package in SOURCES:
        library = copy_of(package, tmp_path)
        for mutation in MUTATIONS:
            if mutation.package == package:
                path = library.parent / mutation.file
                text = path.read_text(encoding="utf-8")
                mutation.apply(library)
                path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("test", sorted({mutation.test for mutation in TRIED if mutation.test is not None}))
def test_what_catches_a_mutation_passes_without_it(test: str, request: pytest.FixtureRequest) -> None:
    run_here = any(item.nodeid.partition("[")[0] == test.partition("[")[0] for item in request.session.items)
    assert run_here or passes(test, None)


@pytest.mark.parametrize("package", SOURCES)
def test_compiled_kernels_compute_what_the_interpreter_does(package: str) -> None:
    """Or else a mutation that the interpreter's digest shows might be one that the real one does not."""
    with Interpreter(package) as interpreter:
        assert interpreter.digests == dict(COMPILED[package]())


def test_a_mutation_whose_text_is_not_there_once_is_an_error(tmp_path: Path) -> None:
    library = copy_of("vp_spectrum", tmp_path)
    for old in ("no such text", "import"):
        with pytest.raises(ValueError, match=r"occurs (0|[1-9][0-9]*) times in vp_spectrum/scores/codes\.py"):
            Mutation("a rule", "vp_spectrum/scores/codes.py", old, "text").apply(library)
    with pytest.raises(SyntaxError):
        Mutation("a rule", "vp_spectrum/scores/codes.py", "import numpy as np", "import").apply(library)
