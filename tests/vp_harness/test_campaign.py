"""Campaigns: planned whole, estimated, made once, gone on with."""

import json

import polars as pl
import pytest
from support.dbn_files import with_span

from vp_contract import CampaignSpec, ParallelSpec, SpecError, load_campaign
from vp_harness import Dataset, list_datasets
from vp_harness.errors import CampaignError
from vp_harness.execution.campaign import estimate, lineage, plan_campaign, run_campaign
from vp_harness.execution.lineage import LineageIndex
from vp_harness.execution.pipeline import new_york_ns
from vp_harness.lake.verification import verify_lake

SHORT = {"grid_radius_ticks": [5, 10]}


@pytest.fixture
def desk(own):
    spec = own.configs / "pipelines" / "small.yaml"
    spec.write_text(spec.read_text().replace("09:30", "09:28"))
    return own


def plan(desk, **fields):
    return plan_campaign(CampaignSpec(name="trial", pipeline="small", **fields), desk.lake, root=desk.configs)


def bundles(**named):
    return {name: load(fields) for name, fields in named.items()}


def load(fields):
    from vp_contract import PipelineOverrides

    return PipelineOverrides(**fields)


def test_the_product_in_a_fixed_order_with_ids_that_generation_gives(desk):
    campaign = plan(desk, axes=SHORT, bundles=bundles(base={}, quick={"tau_velocity": 1.0}))
    assert [(p.bundle, p.overrides) for p in campaign.planned] == [
        ("base", {"grid_radius_ticks": 5}),
        ("base", {"grid_radius_ticks": 10}),
        ("quick", {"tau_velocity": 1.0, "grid_radius_ticks": 5}),
        ("quick", {"tau_velocity": 1.0, "grid_radius_ticks": 10}),
    ]
    seen = []
    ids = run_campaign(campaign, ParallelSpec(workers=2), progress=lambda *step: seen.append(step))
    assert ids == [planned.dataset_id for planned in campaign.planned]
    assert sorted(ids) == list_datasets(desk.lake)
    assert seen == [("datasets", n, 4) for n in (0, 1, 2, 3, 4)]
    spec = Dataset.open(desk.lake, ids[2]).manifest["spec"]
    assert spec["pipeline"]["name"] == "small"
    assert spec["overrides"] == {"tau_velocity": 1.0, "grid_radius_ticks": 5, "dt": "2026-02-06"}
    assert Dataset.open(desk.lake, ids[2]).config.tau_velocity == 1.0
    rows = lineage(desk.lake)
    assert rows.height == 4
    row = rows.filter(pl.col("dataset_id") == ids[2]).row(0, named=True)
    assert (row["campaign"], row["bundle"], row["dt"]) == ("trial", "quick", "2026-02-06")
    assert json.loads(row["overrides_json"]) == {"tau_velocity": 1.0, "grid_radius_ticks": 5}


def test_going_on_makes_only_what_is_missing_and_enters_each_once(desk):
    first = plan(desk, axes={"grid_radius_ticks": [5]})
    run_campaign(first)
    stamp = next(desk.lake.datasets_dir.iterdir()).stat().st_mtime_ns
    whole = plan(desk, axes=SHORT)
    assert [planned.exists for planned in whole.planned] == [True, False]
    run_campaign(whole)
    run_campaign(whole)
    assert desk.lake.dataset_dir(first.planned[0].dataset_id).stat().st_mtime_ns == stamp
    assert LineageIndex(desk.lake).entered("trial", whole.spec_sha256) == {p.dataset_id for p in whole.planned}
    assert lineage(desk.lake).height == 3  # the first campaign asked for one of them too
    assert {finding.state for finding in verify_lake(desk.lake, config_root=desk.configs)} <= {"whole", "unfinished"}


def test_an_estimate_rests_on_measured_datasets_or_on_a_few_bins(desk):
    campaign = plan(desk, axes=SHORT)
    guess = estimate(campaign)
    assert (guess.datasets, guess.bins) == (2, 1200)
    assert guess.basis == f"300 bins of {campaign.planned[0].dataset_id} from 09:27 on"
    run_campaign(plan(desk, axes={"grid_radius_ticks": [5]}))
    known = estimate(plan(desk, axes=SHORT))
    assert known.basis == "1 datasets of small in this lake"
    made = run_campaign(campaign)
    size = sum(path.stat().st_size for path in Dataset.open(desk.lake, made[1]).path.iterdir())
    assert size / 2 < known.size_bytes < size * 2
    assert estimate(plan(desk, axes=SHORT)).basis == "everything is made"


def test_an_estimate_is_of_the_middle_of_a_capture_and_not_of_other_pipelines(own):
    other = own.configs / "pipelines" / "other.yaml"
    spec = (own.configs / "pipelines" / "small.yaml").read_text()
    other.write_text(spec.replace("name: small", "name: other"))
    made = run_campaign(plan_campaign(CampaignSpec(name="it", pipeline="other"), own.lake, root=own.configs))
    guess = estimate(plan(own))
    assert guess.basis.startswith("300 bins of synm6_20260206_0927_0930__small__")
    assert guess.basis.endswith(" from 09:28 on")
    size = sum(path.stat().st_size for path in Dataset.open(own.lake, made[0]).path.iterdir())
    assert size * 0.7 < guess.size_bytes < size * 1.3


@pytest.mark.parametrize("parallel", [ParallelSpec(), ParallelSpec(executor="processes")], ids=["threads", "processes"])
def test_a_day_that_cannot_be_made_keeps_no_other_from_being_made(desk, parallel):
    # the file of another day, of which nothing but name and metadata are right, and one that is damaged
    first, day = new_york_ns("2026-02-06", "09:26"), 86_400 * 10**9
    with_span(desk.raw, desk.raw.parent / "synm6-20260209.mbo.dbn.zst", first + 3 * day, first + 4 * day)
    damaged = with_span(desk.raw, desk.raw.parent / "synm6-20260210.mbo.dbn.zst", first + 4 * day, first + 5 * day)
    damaged.write_bytes(damaged.read_bytes()[:-1000])
    dates = ("2026-02-10", "2026-02-09", "2026-02-06")
    seen = []
    with pytest.raises(CampaignError) as error:
        run_campaign(plan(desk, dates=dates), parallel, progress=lambda *step: seen.append(step))
    text = str(error.value)
    assert "2 of 3 datasets cannot be made, the others are whole" in text
    assert "synm6_20260209_0927_0928" in text
    assert "pipeline 'small': 0 of the 600 bins of its capture can be made: the last record is at 2026-02-06" in text
    assert "synm6-20260210.mbo.dbn.zst" in text
    (made,) = list_datasets(desk.lake)
    assert made.startswith("synm6_20260206")
    assert list(lineage(desk.lake)["dataset_id"]) == [made]
    assert seen[-1] == ("datasets", 3, 3)


def test_every_missing_date_is_named_before_anything_runs(desk):
    with pytest.raises(CampaignError, match=r"2 of the dates, 2026-02-09, 2026-02-10: .*vp import"):
        plan(desk, dates=("2026-02-06", "2026-02-09", "2026-02-10"))
    assert list_datasets(desk.lake) == []


def test_points_that_are_one_dataset_are_refused(desk):
    with pytest.raises(CampaignError, match="are the same dataset synm6_"):
        plan(desk, bundles=bundles(base={}, same={"tau_velocity": 2.0}))


def test_a_point_that_does_not_resolve_is_named(desk):
    with pytest.raises(
        CampaignError, match=r"^bundles\.bad\.tau_velocity=20\.0: .*tau_velocity < tau_acc.* bundle bad\)$"
    ):
        plan(desk, bundles=bundles(bad={"tau_velocity": 20.0}))
    path = desk.configs / "campaigns" / "trial.yaml"
    path.parent.mkdir()
    path.write_text("name: trial\npipeline: small\naxes:\n  tau_velocity: [1.0, 20.0]\n")
    with pytest.raises(CampaignError, match=r"campaigns/trial\.yaml:4: axes\.tau_velocity\[1\]=20\.0: .*must hold"):
        plan_campaign("trial", desk.lake, root=desk.configs)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("name: a\npipeline: small\naxes: {tau: [1]}\n", 3, "unknown sweep axis; allowed: grid_radius_ticks"),
        ("name: a\npipeline: small\naxes:\n  tau_jerk: [9.0, 9.0]\n", 4, "=9.0: must not come twice"),
        ("name: a\npipeline: small\ndates: [2026-02-06, 2026-02-06]\n", 3, "='2026-02-06': must not come twice"),
        ("name: a\npipeline: small\nbundles: {}\n", 3, "at least one bundle"),
        (
            "name: a\npipeline: small\nbundles:\n  b: {tau_jerk: 9.0}\naxes: {tau_jerk: [8.0]}\n",
            4,
            "tau_jerk is an axis of the campaign too",
        ),
        ("name: a\npipeline: small\nbundle: {}\n", 3, "bundle"),
    ],
)
def test_a_spec_that_is_wrong_says_file_line_and_field(tmp_path, text, line, problem):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as error:
        load_campaign(path)
    assert f"a.yaml:{line}" in str(error.value)
    assert problem in str(error.value)
