"""The report of a run: whole in one file, readable, with every figure that the results store has."""

import dataclasses
import itertools
import math
import re
import shutil
from xml.etree import ElementTree

import polars as pl
import pytest

from vp_harness import Lake, ResultsStore, compare, run_experiment, superior_ability, write_report
from vp_harness.errors import ParameterError, UnknownRunError
from vp_harness.reporting import facts
from vp_harness.reporting.charts import Chart, Point, Series, limits_of, number, round_numbers
from vp_harness.reporting.facts import by_time_of_day, gather
from vp_harness.reporting.page import WORDING, report_html
from vp_harness.reporting.pictures import everything_tried


@pytest.fixture(scope="module")
def lake(tmp_path_factory, research):
    lake = Lake(tmp_path_factory.mktemp("report") / "lake")
    shutil.copytree(research.lake.root, lake.root)
    run_experiment("small", lake, config_root=research.configs)
    return lake


@pytest.fixture(scope="module")
def best(lake):
    return compare(ResultsStore(lake), experiment="small", min_signals=2).row(0, named=True)


def drawn(html):
    """The charts, each read by an XML parser."""
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.S)]


def test_it_needs_nothing_else_and_says_what_the_store_says(lake, best):
    path = write_report(best["run_id"], lake, threshold=best["threshold"])
    assert path == lake.root / "research" / "vp_harness" / "reports" / f"{best['run_id']}.html"
    html = path.read_text()
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|href=|http", html)
    assert f"<b>{best['verdict'].capitalize()}.</b> {WORDING[best['verdict']]}" in html
    assert best["doubt"] in html
    for value in (best["p_corrected"], best["confirm_net_pnl_ticks"], best["confirmed_low"], best["ic"]):
        assert number(value) in html
    assert f"counts {best['n_trials']} trials" in html
    charts = drawn(html)
    assert len(charts) == html.count("<figure>") == html.count("<figcaption>") == 8
    assert all(chart.attrib["aria-label"] for chart in charts)
    assert not re.search(r"\bnan\b|\binf\b|None", html)
    trades = ResultsStore(lake).trades(best["run_id"], best["threshold"])
    assert html.count("<td>buy</td>") == (trades["side"] == "buy").sum()
    assert write_report(best["run_id"], lake, threshold=best["threshold"]).read_text() == html


def rows_of(html, name):
    """The cells of the rows of tables that begin with `name`."""
    rows = re.findall(r"<tr><td>(.*?)</td></tr>", html)
    return [row.split("</td><td>") for row in rows if row.startswith(f"{name}</td>")]


def test_hansens_test_stands_below_the_corrected_p_where_it_can_be_made(lake, best, monkeypatch):
    html = report_html(gather(lake, best["run_id"], best["threshold"]))
    found = superior_ability(best["run_id"], lake)
    ((_, p, bounds, words),) = rows_of(html, "SPA p")
    assert (p, bounds) == (number(found.p), f"{number(found.p_lower)} to {number(found.p_upper)} (bounds)")
    assert f"the best of the {found.n_trials} rows that traded" in words
    assert html.index("<td>corrected p</td>") < html.index("<td>SPA p</td>") < html.index("<td>statistic</td>")

    monkeypatch.setattr(facts, "_MOST_TESTED", 7)
    many = report_html(gather(lake, best["run_id"], best["threshold"]))
    says = (
        "not computed: 8 rows were tried on the market of this run; superior predictive ability is tested of 7 or fewer"
    )
    assert rows_of(many, "SPA p")[0][1] == says

    monkeypatch.setattr(facts, "can_test", lambda: False)
    without = report_html(gather(lake, best["run_id"], best["threshold"]))
    assert rows_of(without, "SPA p")[0][1] == "not computed: install vp-harness[spa]"
    row = r"<tr><td>SPA p</td>.*?</tr>"
    assert re.sub(row, "", without) == re.sub(row, "", html)  # nothing else changes


def test_trades_lead_to_the_page_where_the_run_is_served(lake, best):
    html = report_html(gather(lake, best["run_id"]), alias="a&b", server="https://desk.example/")
    links = re.findall(r'<a href="([^"]+)">(\d\d:\d\d:\d\d)</a>', html)
    assert len(links) == ResultsStore(lake).trades(best["run_id"], best["threshold"]).height
    address, moment = links[0]
    assert address == (f"https://desk.example/vacuum-pressure.html?serving=a%26b&amp;at={moment.replace(':', '%3A')}")
    assert moment.startswith("09:2")


def test_without_its_dataset_it_says_so_and_shows_the_rest(lake, best, tmp_path):
    copy = Lake(tmp_path / "lake")
    shutil.copytree(lake.root, copy.root)
    shutil.rmtree(copy.datasets_dir)
    html = write_report(best["run_id"], copy, out=tmp_path / "deep" / "report.html").read_text()
    assert "no dataset" in html
    assert len(drawn(html)) == 5


def test_a_run_of_an_earlier_version_has_a_report(lake, best, tmp_path):
    copy = Lake(tmp_path / "lake")
    shutil.copytree(lake.root, copy.root)
    for table in ("information.parquet", "corrections.parquet", "searches.parquet"):
        shutil.rmtree(copy.results_dir / table)
    html = write_report(best["run_id"], copy).read_text()
    assert "Not judged" in html
    assert "an earlier version stored the run" in html


def test_names_of_others_are_no_markup(lake, best, tmp_path):
    facts = gather(lake, best["run_id"])
    row = {**facts.row, "doubt": "<script>alert(1)</script>"}
    html = report_html(type(facts)(**{**vars(facts), "row": row, "missing": "", "trades": None}))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_of_many_rows_some_are_drawn(lake, best, monkeypatch):
    facts = gather(lake, best["run_id"])
    many = pl.concat([facts.others.filter(facts.others["run_id"] == best["run_id"])] * 25)
    html = everything_tried(dataclasses.replace(facts, others=many))
    assert html.count("<circle") == many.height + 1
    assert "by rank" not in html
    monkeypatch.setattr("vp_harness.reporting.pictures._MOST_DOTS", 7)
    html = everything_tried(dataclasses.replace(facts, others=many))
    assert 4 <= html.count("<circle") <= 8
    assert re.search(rf"one of the {many.height} rows .* of which every \dth by rank is drawn", html)


def test_what_there_is_not_is_said(lake, best):
    with pytest.raises(UnknownRunError):
        write_report("f" * 16, lake)
    with pytest.raises(ParameterError, match=r"threshold=0\.3: run \w+ has none of it; it has 0\.05, 0\.2"):
        write_report(best["run_id"], lake, threshold=0.3)


def test_the_time_of_day_by_a_plain_loop(lake, best):
    facts = gather(lake, best["run_id"])
    assert facts.trades is not None
    step, buckets = by_time_of_day(facts)
    assert (step, buckets[0].label[:4]) == (1, "09:2")  # three minutes
    pnl = facts.trades["cross_pnl_ticks"].drop_nulls()
    assert sum(bucket.trades for bucket in buckets) == len(pnl)
    whole = sum(bucket.mean * bucket.trades for bucket in buckets)
    assert whole == pytest.approx(pnl.sum())
    minute = pl.from_epoch(facts.trades["event_ts_ns"], "ns").dt.minute() % 60
    first = facts.trades.filter(minute == int(buckets[0].label[3:]))["cross_pnl_ticks"].drop_nulls()
    assert buckets[0].trades == len(first)
    assert buckets[0].mean == pytest.approx(first.mean())


def test_round_numbers_and_how_they_are_written():
    for low, high in ((-0.3, 1.1), (0, 7), (1e-5, 3e-5), (-4000, 90_000)):
        values = round_numbers(low, high)
        assert 2 <= len(values) <= 6
        assert low - 1e-9 <= values[0] < values[-1] <= high + 1e-9
        steps = {round((b - a) / (values[1] - values[0]), 9) for a, b in itertools.pairwise(values)}
        assert steps == {1.0}
    assert [number(value) for value in (None, math.nan, 0.0, 12.0, -1.2345, 0.00851, 12345.6, 0.1)] == [
        "–", "–", "0", "12", "-1.23", "0.00851", "12,346", "0.1",
    ]  # fmt: skip
    assert limits_of([None, math.nan]) == (-1.0, 1.0)
    assert limits_of([1.0, 3.0]) == pytest.approx((-0.18, 3.18))


def test_places_on_a_chart():
    chart = Chart("x, s", "y <ticks>", (0.0, 10.0), (-1.0, 1.0))
    chart.zero().line(Series("a", [Point(0, -1), Point(5, None), Point(10, 1)]), 0).whiskers(
        Series("b", [Point(5, 0.5, -9, 9)]), 1
    )
    root = ElementTree.fromstring(chart.svg("title & more"))
    texts = ["".join(node.itertext()) for node in root.iter("text")]
    assert {"x, s", "y <ticks>", "a", "b", "0", "0.5"} <= set(texts)
    paths = [node.attrib["d"] for node in root.iter("path")]
    assert f"M66.0 {chart.y(-1):.1f}L744.0 {chart.y(1):.1f}" in paths
    assert f"M405.0 {chart.y(-1):.1f}V{chart.y(1):.1f}" in paths  # cut at the edge
