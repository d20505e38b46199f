"""Which raw files a capture is replayed from, whether they cover it, and finding the same ones again."""

import msgspec
import pytest
from support.dbn_files import with_span

from vp_book import SymbolError
from vp_contract import SourceFile, SpecError
from vp_harness import CoverageError, PipelineError, RawFileChangedError, RawFileError, located, source_options
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import bins_in_capture, capture_ns, new_york_ns
from vp_harness.lake.raw import RawFile, sidecar_of
from vp_harness.lake.sources import check_sources, content_hash

MIDNIGHT = new_york_ns("2026-02-06", "19:00")
DAY = 86_400 * 10**9
MINUTE = 60 * 10**9


@pytest.fixture
def base(research):
    return pipeline_config("small", research.configs)


@pytest.fixture
def put(own):
    """Puts files into an empty raw directory: `put(day, start_ns, end_ns)`."""
    directory = own.raw.parent
    market = own.raw.rename(own.lake.root / "market.dbn.zst")

    def make(day, start_ns, end_ns):
        return with_span(market, directory / f"synm6-{day}.mbo.dbn.zst", start_ns, end_ns)

    make.lake = own.lake  # type: ignore[attr-defined]
    return make


def names(config, lake):
    return source_options(config, lake).names


def found(name, **changes):
    fields = {"name": name, "symbol": "SYNM6", "dataset": "X", "sha256": "0" * 64, "size": 0, "records": 1}
    return RawFile(**{**fields, "first_ns": MIDNIGHT - DAY, "last_ns": MIDNIGHT - 1, **changes})


def record(path, **changes):
    """Writes what an import would have found beside a file."""
    sidecar_of(path).write_bytes(msgspec.json.encode(found(path.name, size=path.stat().st_size, **changes)))


def evening(base, start="18:00", end="20:30", **changes):
    return base.replace(start_time=start, end_time=end, **changes)


def test_a_capture_of_one_day(research, base):
    sources = source_options(base, research.lake)
    assert (sources.start_ns, sources.end_ns) == capture_ns(base)
    assert (sources.symbol, sources.publisher, sources.on_damage, sources.on_short) == (
        "SYNM6",
        None,
        "refuse",
        "refuse",
    )
    assert sources.warm_up_s == 1800
    (file,) = sources.files
    assert research.lake.root / file.path == research.raw
    assert (file.name, file.size) == (research.raw.name, research.raw.stat().st_size)
    assert file.sha256 == content_hash(research.raw)
    assert located(sources, research.lake) == (research.raw,)
    check_sources(base, sources)


def test_a_file_outside_of_the_lake_is_named_without_its_place(research, base, market_file):
    sources = source_options(base, research.lake, market_file)
    assert [file.path for file in sources.files] == [market_file.name]
    assert sources.sha256 == source_options(base, research.lake).sha256  # where it lies decides nothing
    assert located(sources, research.lake, market_file) == (market_file,)


def test_a_capture_over_midnight_utc_takes_the_files_of_both_days_in_order(put, base):
    put("20260207", MIDNIGHT, MIDNIGHT + DAY)
    put("20260206", MIDNIGHT - DAY, MIDNIGHT)
    assert names(evening(base), put.lake) == ("synm6-20260206.mbo.dbn.zst", "synm6-20260207.mbo.dbn.zst")
    # the end is exclusive: what ends at midnight UTC needs nothing of the day that begins there
    assert names(evening(base, end="19:00"), put.lake) == ("synm6-20260206.mbo.dbn.zst",)
    # the warm-up reaches half an hour back
    assert names(evening(base, start="19:30"), put.lake) == ("synm6-20260207.mbo.dbn.zst",)
    assert len(names(evening(base, start="19:29"), put.lake)) == 2


def test_a_whole_session_ends_on_the_next_day(put, base):
    put("20260206", MIDNIGHT - DAY, MIDNIGHT)
    put("20260207", MIDNIGHT, MIDNIGHT + DAY)
    session = evening(base, end="17:00")
    assert bins_in_capture(session) == 23 * 36_000
    assert len(names(session, put.lake)) == 2


@pytest.mark.parametrize(("date", "hours"), [("2026-03-07", 22), ("2026-10-31", 24), ("2026-02-06", 23)])
def test_a_session_in_whose_night_the_clocks_change(base, date, hours):
    assert bins_in_capture(evening(base, end="17:00", dt=date)) == hours * 36_000


def test_midnight_utc_is_an_hour_later_in_summer(put, base):
    july = new_york_ns("2026-07-06", "20:00")
    put("20260706", july - DAY, july)
    put("20260707", july, july + DAY)
    summer = base.replace(dt="2026-07-06", start_time="18:00", end_time="20:00")
    assert names(summer, put.lake) == ("synm6-20260706.mbo.dbn.zst",)
    assert len(names(summer.replace(end_time="20:01"), put.lake)) == 2


def test_a_missing_day_in_the_capture_is_named_with_the_way_out(put, base):
    put("20260206", MIDNIGHT - DAY, MIDNIGHT)
    with pytest.raises(
        RawFileError, match=r"no raw file of SYNM6 on 20260207 \(UTC\).*18:00 to 20:30.*at 19:00 does not"
    ):
        source_options(evening(base), put.lake)
    assert names(evening(base, on_short="end_early"), put.lake) == ("synm6-20260206.mbo.dbn.zst",)
    put("20260208", MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)
    with pytest.raises(RawFileError, match="SYNM6 on 20260207"):
        source_options(evening(base, start="18:00", end="18:00").replace(end_time="17:59"), put.lake)


def test_a_missing_day_of_the_warm_up_is_not_needed(put, base):
    put("20260207", MIDNIGHT, MIDNIGHT + DAY)
    assert names(evening(base, start="19:10"), put.lake) == ("synm6-20260207.mbo.dbn.zst",)
    with pytest.raises(RawFileError, match="SYNM6 on 20260206"):
        source_options(evening(base, start="18:59"), put.lake)


def test_one_file_that_goes_on_over_midnight_is_enough(put, base):
    put("20260206", MIDNIGHT - 90 * MINUTE, MIDNIGHT + 90 * MINUTE)
    assert names(evening(base), put.lake) == ("synm6-20260206.mbo.dbn.zst",)
    with pytest.raises(RawFileError, match="SYNM6 on 20260207"):
        source_options(evening(base, end="20:31"), put.lake)


def test_a_capture_that_begins_before_its_file_is_refused_whatever_it_allows(put, base):
    put("20260206", MIDNIGHT - 30 * MINUTE - 1, MIDNIGHT)
    for config in (evening(base, end="19:00"), evening(base, end="19:00", on_short="end_early")):
        with pytest.raises(CoverageError) as caught:
            source_options(config, put.lake)
        text = str(caught.value)
        assert "begins at 2026-02-06T23:00:00Z" in text
        assert "begins at 2026-02-06T23:29:59.999999999Z" in text
        assert "use a start_time of 18:30 New York or later" in text


def test_a_capture_that_goes_on_after_its_file_is_refused_unless_it_may_end_early(put, base):
    put("20260206", MIDNIGHT - DAY, MIDNIGHT - 30 * MINUTE + 1)
    short = evening(base, end="19:00")
    with pytest.raises(CoverageError) as caught:
        source_options(short, put.lake)
    text = str(caught.value)
    assert "ends at 2026-02-07T00:00:00Z" in text
    assert "knows the market only to 2026-02-06T23:30:00.000000001Z" in text
    assert "use an end_time of 18:30 New York or earlier" in text
    assert "on_short end_early" in text
    assert len(names(short.replace(on_short="end_early"), put.lake)) == 1
    # not one whole bin is covered: there is nothing to end early
    with pytest.raises(CoverageError):
        source_options(short.replace(start_time="18:30", on_short="end_early"), put.lake)


def test_a_hole_between_two_files_of_the_capture_ends_it(put, base):
    put("20260206", MIDNIGHT - DAY, MIDNIGHT - 10 * MINUTE)
    put("20260207", MIDNIGHT, MIDNIGHT + DAY)
    with pytest.raises(CoverageError, match=r"synm6-20260206.* only to 2026-02-06T23:50:00Z"):
        source_options(evening(base), put.lake)
    assert names(evening(base, on_short="end_early"), put.lake) == ("synm6-20260206.mbo.dbn.zst",)
    # in the warm-up it only takes away what lies before it
    assert names(evening(base, start="19:10"), put.lake) == ("synm6-20260207.mbo.dbn.zst",)


def test_a_file_without_a_span_in_its_metadata_is_covered_as_its_import_found(put, base):
    path = put("20260206", MIDNIGHT - DAY, None)
    config = evening(base, end="19:00")
    assert len(names(config, put.lake)) == 1  # nobody knows: reading it will tell
    record(path, covered_ns=(MIDNIGHT - DAY, MIDNIGHT - 30 * MINUTE))
    with pytest.raises(CoverageError, match="only to 2026-02-06T23:30:00Z"):
        source_options(config, put.lake)


def test_a_damaged_file_is_refused_unless_the_capture_takes_it(put, base):
    path = put("20260206", MIDNIGHT - DAY, MIDNIGHT)
    record(path, covered_ns=(MIDNIGHT - DAY, MIDNIGHT - 30 * MINUTE), damage="ends inside a record at byte 9")
    config = evening(base, end="19:00")
    with pytest.raises(
        RawFileError, match=r"is damaged: ends inside a record at byte 9; .*capture\.on_damage until_damage"
    ):
        source_options(config, put.lake)
    tolerant = config.replace(on_damage="until_damage")
    assert source_options(tolerant, put.lake).on_damage == "until_damage"
    record(path, covered_ns=(MIDNIGHT - DAY, MIDNIGHT - 70 * MINUTE), damage="ends inside a record at byte 9")
    with pytest.raises(CoverageError, match="only to 2026-02-06T22:50:00Z: bring in the file of that session"):
        source_options(tolerant, put.lake)


def test_what_is_said_of_another_file_counts_for_nothing(put, base):
    path = put("20260206", MIDNIGHT - DAY, MIDNIGHT)
    config = evening(base, end="19:00")
    for text in (b"", b"{}", msgspec.json.encode(found(path.name, damage="somewhere"))):
        sidecar_of(path).write_bytes(text)
        assert len(names(config, put.lake)) == 1


def test_a_file_without_the_symbol_is_refused(research, base):
    with pytest.raises(SymbolError, match="SYNU6"):
        source_options(base.replace(symbol="SYNU6"), research.lake, research.raw)


def test_the_files_of_a_source_are_found_by_their_bytes(own, base):
    sources = source_options(base, own.lake)
    own.raw.rename(own.raw.parent / "other.dbn.zst")
    with pytest.raises(
        RawFileError, match=rf"no raw file {own.raw.name} with sha256 [0-9a-f]{{16}} in the lake: bring"
    ):
        located(sources, own.lake)
    moved = own.lake.raw_dir("future_mbo", "ELSEWHERE") / own.raw.name
    moved.parent.mkdir(parents=True)
    (own.raw.parent / "other.dbn.zst").rename(moved)
    assert located(sources, own.lake) == (moved,)
    moved.chmod(0o600)
    moved.write_bytes(moved.read_bytes()[:-1] + b"x")
    with pytest.raises(
        RawFileChangedError, match=rf"raw file {own.raw.name} has sha256 .*, expected .*: bring the orig"
    ):
        located(sources, own.lake)


@pytest.mark.parametrize("path", ["../../outside.dbn", "/etc/hostname", "raw/../../outside.dbn"])
def test_a_published_path_leads_nowhere_else(own, base, path):
    outside = own.lake.root.parent / "outside.dbn"
    own.raw.rename(outside)
    file = SourceFile(name="outside.dbn", sha256=content_hash(outside), size=1, path=path)
    sources = source_options(base, own.lake, outside)
    with pytest.raises(RawFileError, match=r"no raw file outside\.dbn"):
        located(msgspec.structs.replace(sources, files=(file,)), own.lake)


def test_sources_of_another_capture_are_refused(research, base):
    sources = source_options(base, research.lake)
    with pytest.raises(PipelineError, match="but the capture is"):
        check_sources(base.replace(end_time="09:29"), sources)
    with pytest.raises(PipelineError, match="with 60 s of warm-up"):
        check_sources(base, msgspec.structs.replace(sources, warm_up_s=60))
    with pytest.raises(SpecError, match="on_damage"):
        check_sources(base.replace(on_damage="until_damage"), sources)
