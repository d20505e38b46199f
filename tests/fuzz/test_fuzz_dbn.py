"""A few seconds of the fuzz, and every input that once gave something else than a result or a `VpBookError`."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import databento_dbn
import pytest
from fuzz.dbn_inputs import any_input
from fuzz.dbn_target import exercise
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dbn_files import metadata
from support.records import T0, nonsense

from vp_book import SymbolError, VpBookError, open_dbn

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.bin"))


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**63))
def test_any_bytes_give_a_result_or_an_error_of_ours(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    draw = random.Random(seed)
    path = tmp_path_factory.mktemp("fuzz") / "file.dbn"
    path.write_bytes(any_input(draw))
    exercise(path, draw)


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_what_was_found_stays_found(path: Path) -> None:
    for seed in range(12):  # the seed draws the arguments
        exercise(path, random.Random(seed))


def test_the_corpus_is_small() -> None:
    assert CORPUS
    assert sum(path.stat().st_size for path in CORPUS) < 100_000


@pytest.mark.parametrize("words", [4, 5, 19, 20, 21, 22, 43, 44, 46, 255])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_symbol_mapping_of_any_length_is_read_or_skipped(tmp_path: Path, words: int, version: int) -> None:
    raw, number = databento_dbn.SType.RAW_SYMBOL, databento_dbn.SType.INSTRUMENT_ID
    whole = bytes(databento_dbn.SymbolMappingMsg(1, 17077, T0, raw, "TEST", number, "17077", T0, T0 + 1))
    mapping = bytes([words]) + whole[1 : 4 * words].ljust(4 * words - 1, b"\0")
    path = tmp_path / "mapping.dbn"
    path.write_bytes(metadata(version=version, mapped=False) + mapping + nonsense(1, 5, wild=0).tobytes())
    source = open_dbn(path, symbol="TEST")
    known = words in (44, 46)  # the length of DBN 2 and 3, without and with ts_out
    with contextlib.nullcontext() if known else pytest.raises(SymbolError, match="nothing in the file maps TEST"):
        assert sum(len(chunk) for chunk in source) == 5
    assert source.report.skipped == {22: 1}


def test_a_few_bytes_do_not_claim_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.dbn"
    path.write_bytes(b"DBN\x03" + (65 << 20).to_bytes(4, "little"))
    with pytest.raises(VpBookError, match="metadata claims 68157440 bytes"):
        open_dbn(path)
