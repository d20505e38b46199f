"""Which instrument a symbol is: by date, by what the stream says and from where on, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import databento_dbn
import numpy as np
import pytest
from databento.common.symbology import InstrumentMap
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dbn_files import DAY, metadata, read_all, write_dbn
from support.records import T0, nonsense

from vp_book import DbnError, SymbolError, open_dbn

RAW, NUMBER = databento_dbn.SType.RAW_SYMBOL, databento_dbn.SType.INSTRUMENT_ID
RECORDS = nonsense(5, 100)
RECORDS["ts_recv"] = RECORDS["ts_event"] = T0 + np.arange(100)
DAYS = (DAY, DAY + timedelta(days=2))


def mapping(number: int, asked: str, given_: str, stype: databento_dbn.SType = RAW) -> bytes:
    return bytes(databento_dbn.SymbolMappingMsg(1, number, T0, stype, asked, RAW, given_, T0, T0 + 1))


def mapped_metadata(
    mappings: dict[str, list[tuple[date, date, str]]],
    stype_in: databento_dbn.SType = RAW,
    stype_out: databento_dbn.SType = NUMBER,
) -> bytes:
    entries = [
        SimpleNamespace(
            raw_symbol=name,
            intervals=[SimpleNamespace(start_date=a, end_date=b, symbol=symbol) for a, b, symbol in intervals],
        )
        for name, intervals in mappings.items()
    ]
    return bytes(
        databento_dbn.Metadata(
            dataset="GLBX.MDP3",
            start=T0,
            stype_in=stype_in,
            stype_out=stype_out,
            schema=databento_dbn.Schema.MBO,
            symbols=list(mappings),
            mappings=entries,
            ts_out=False,
            version=3,
        )
    )


def with_ids(*ids: int) -> np.ndarray:
    records = RECORDS[: len(ids)].copy()
    records["instrument_id"] = ids
    return records


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_mapping_holds_from_its_place_on_wherever_chunks_are_cut(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against a plain reading: the latest mapping of a name, unless its instrument has become another contract."""
    body, expected, known = [metadata(mapped=False)], [], None
    for i in range(data.draw(st.integers(1, 40))):
        if data.draw(st.booleans()):
            number, name = data.draw(st.integers(1, 3)), data.draw(st.sampled_from(["TEST", "OTHER", "THIRD"]))
            body.append(mapping(number, name, str(number)))
            if name == "TEST":
                known = number
            elif known == number:
                known = None
        record = with_ids(data.draw(st.integers(1, 3)))
        record["order_id"] = i
        body.append(record.tobytes())
        if record["instrument_id"][0] == known:
            expected.append(i)
    body.append(mapping(1, "TEST", "1"))
    path = tmp_path_factory.mktemp("live") / "live.dbn"
    path.write_bytes(b"".join(body))
    for chunk in (1, 3, 262_144):
        assert read_all(open_dbn(path, symbol="TEST", chunk_records=chunk))["order_id"].tolist() == expected


def test_an_id_that_became_another_contract_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "live.dbn"
    parts = [
        metadata(mapped=False),
        mapping(7, "ESH4", "7"),
        with_ids(7, 7).tobytes(),
        mapping(7, "ESM4", "7"),
        with_ids(7, 7, 7).tobytes(),
        mapping(9, "ESH4", "9"),
        with_ids(7, 9).tobytes(),
    ]
    path.write_bytes(b"".join(parts))
    assert read_all(open_dbn(path, symbol="ESH4"))["instrument_id"].tolist() == [7, 7, 9]
    assert read_all(open_dbn(path, symbol="ESM4"))["instrument_id"].tolist() == [7, 7, 7, 7]


def test_a_continuous_symbol_follows_its_contract_and_keeps_it_when_that_is_named_again(tmp_path: Path) -> None:
    path = tmp_path / "live.dbn"
    continuous = databento_dbn.SType.CONTINUOUS
    parts = [
        metadata(mapped=False),
        mapping(7, "ES.c.0", "ESH4", continuous),
        mapping(7, "ESH4", "ESH4"),
        with_ids(7).tobytes(),
        mapping(8, "ES.c.0", "ESM4", continuous),
        with_ids(7, 8).tobytes(),
    ]
    path.write_bytes(b"".join(parts))
    assert read_all(open_dbn(path, symbol="ES.c.0"))["instrument_id"].tolist() == [7, 8]
    assert read_all(open_dbn(path, symbol="ESH4"))["instrument_id"].tolist() == [7, 7]


@pytest.mark.parametrize("stype", [databento_dbn.SType.PARENT, RAW])
def test_a_name_of_many_instruments_is_not_the_last_of_them(tmp_path: Path, stype: databento_dbn.SType) -> None:
    path = tmp_path / "live.dbn"
    parts = [mapping(7, "ES.FUT", "ESH4", stype), mapping(8, "ES.FUT", "ESM4", stype), with_ids(7, 8).tobytes()]
    path.write_bytes(metadata(mapped=False) + b"".join(parts))
    assert read_all(open_dbn(path, symbol="ESH4"))["instrument_id"].tolist() == [7]
    with pytest.raises(SymbolError, match=r"live\.dbn: nothing in the file maps ES.FUT to an instrument; it has ESH4"):
        read_all(open_dbn(path, symbol="ES.FUT"))


def test_the_stream_overrules_the_metadata(tmp_path: Path) -> None:
    path = tmp_path / "both.dbn"
    parts = [metadata({"TEST": 7}), with_ids(7).tobytes(), mapping(8, "TEST", "8"), with_ids(7, 8).tobytes()]
    path.write_bytes(b"".join(parts))
    assert read_all(open_dbn(path))["instrument_id"].tolist() == [7, 8]
    parts[2] = mapping(7, "OTHER", "7")
    path.write_bytes(b"".join(parts))
    assert read_all(open_dbn(path))["instrument_id"].tolist() == [7]


def test_two_instruments_at_once_are_refused_with_both(tmp_path: Path) -> None:
    day = timedelta(days=1)
    twice = {"TEST": [(DAY, DAY + 3 * day, "7"), (DAY + 2 * day, DAY + 4 * day, "8")], "OTHER": [(DAY, DAY + day, "9")]}
    path = write_dbn(tmp_path / "twice.dbn", with_ids(7, 8, 9), mapped_metadata(twice))
    message = rf"twice\.dbn: symbol TEST is both instrument 7 and instrument 8 on {DAY + 2 * day}; one book is of one"
    with pytest.raises(SymbolError, match=message):
        open_dbn(path, symbol="TEST")
    assert len(read_all(open_dbn(path, symbol="OTHER"))) == 1
    fine = {"TEST": [(DAY, DAY + day, "7"), (DAY, DAY + 2 * day, "7"), (DAY + 2 * day, DAY + 3 * day, "8")]}
    assert len(read_all(open_dbn(write_dbn(tmp_path / "f.dbn", with_ids(7, 8), mapped_metadata(fine))))) == 1


def test_what_the_official_client_reads_is_read(tmp_path: Path) -> None:
    day = timedelta(days=1)
    entries = [(DAY - day, DAY, ""), (DAY, DAY + day, "TEST")]
    head = mapped_metadata({"17077": entries}, stype_in=NUMBER, stype_out=RAW)
    path = write_dbn(tmp_path / "by_id.dbn", RECORDS[:20], head)
    instruments = InstrumentMap()
    instruments.insert_metadata(databento_dbn.Metadata.decode(head))
    assert instruments.resolve(17077, DAY) == "TEST"
    source = open_dbn(path)
    assert (source.symbol, source.symbols) == ("TEST", ["TEST"])
    np.testing.assert_array_equal(read_all(source), RECORDS[:20])
    gap = mapped_metadata({"TEST": [(DAY - day, DAY, ""), (DAY, DAY + day, "17077")]})
    np.testing.assert_array_equal(read_all(open_dbn(write_dbn(tmp_path / "g.dbn", RECORDS[:20], gap))), RECORDS[:20])


@pytest.mark.parametrize("target", ["ESH4", "-1", "1_0", "4294967296", "99999999999999999999999"])
def test_a_mapping_to_no_instrument_id_names_the_file(tmp_path: Path, target: str) -> None:
    path = write_dbn(tmp_path / "odd.dbn", RECORDS[:2], mapped_metadata({"TEST": [(*DAYS, target)]}))
    with pytest.raises(DbnError, match=r"odd\.dbn: symbol 'TEST' maps to .*, which is no instrument id"):
        open_dbn(path)


def test_a_publisher_that_is_not_there_is_told(tmp_path: Path) -> None:
    records = RECORDS.copy()
    records["publisher_id"][::4] = 2
    path = write_dbn(tmp_path / "two.dbn", records)
    with pytest.raises(SymbolError, match=r"two\.dbn: publisher 9 has no record of TEST; there are records of 1, 2"):
        read_all(open_dbn(path, publisher=9))
    assert len(read_all(open_dbn(write_dbn(tmp_path / "none.dbn", RECORDS[:0]), publisher=9))) == 0


def test_records_that_no_mapping_explains_are_counted(tmp_path: Path) -> None:
    records = with_ids(17077, 17077, 5, 17077)
    records["ts_recv"][1] += 9 * 86_400 * 10**9
    source = open_dbn(write_dbn(tmp_path / "one.dbn", records))
    assert len(read_all(source)) == 2
    assert (source.report.filtered, source.report.unmapped) == (2, 2)
    source = open_dbn(write_dbn(tmp_path / "two.dbn", records, metadata({"TEST": 17077, "OTHER": 5})), symbol="TEST")
    assert len(read_all(source)) == 2
    assert (source.report.filtered, source.report.unmapped) == (2, 1)
