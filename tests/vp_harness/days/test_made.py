"""One dataset a day, and days that cannot be made."""

import re

import msgspec
import pytest
from support.small_days import CLOSED, DAYS

from vp_contract import CampaignSpec, ParallelSpec, load_pipeline
from vp_harness import (
    CampaignError,
    Dataset,
    DatasetDamagedError,
    PipelineError,
    generate,
    generate_days,
    plan_campaign,
)


def test_each_day_is_a_dataset_like_any_other(days):
    made = generate_days("small", days.lake, config_root=days.configs)
    assert list(made.dataset_ids) == list(DAYS)  # in order of time, however they are written
    assert list(made.left_out) == [CLOSED]
    assert "no raw file of SYNM6 on 20260207" in made.left_out[CLOSED]
    assert made.briefly == {CLOSED: "no raw file of SYNM6 on 20260207 (UTC)"}
    single = load_pipeline(days.configs / "pipelines" / "small.yaml")
    for date, dataset_id in made.dataset_ids.items():
        capture = msgspec.structs.replace(single.capture, dates=msgspec.UNSET, dt=date)
        alone = msgspec.structs.replace(single, capture=capture)
        assert generate(alone, days.lake, config_root=days.configs) == dataset_id
        dataset = Dataset.open(days.lake, dataset_id)
        assert dataset.config.dt == date
        assert dataset.manifest["spec"]["overrides"] == {"dt": date}


def test_several_days_are_never_one_dataset(days):
    with pytest.raises(PipelineError, match=r"'small' has 4 dates, each of which is a dataset of its own"):
        generate("small", days.lake, config_root=days.configs)


def test_without_any_day_it_fails_and_says_why(own_days):
    file = own_days.configs / "pipelines" / "small.yaml"
    file.write_text(re.sub(r"dates: \[[^]]*\]", "dates: [2026-03-07, 2026-03-06]", file.read_text()))
    with pytest.raises(PipelineError, match=r"none of its 2 days can be made; 2026-03-06: no raw file"):
        generate_days("small", own_days.lake, config_root=own_days.configs)


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_why_a_day_is_left_out_is_told_briefly_without_paths(own_days, executor):
    raw = next(own_days.lake.root.rglob("synm6-20260205*.dbn.zst"))
    raw.chmod(0o644)
    raw.write_bytes(b"no market at all")
    parallel = ParallelSpec(executor=executor, workers=1)
    made = generate_days("small", own_days.lake, config_root=own_days.configs, parallel=parallel)
    assert list(made.briefly) == list(made.left_out) == ["2026-02-05", CLOSED]
    assert str(raw.absolute()) in made.left_out["2026-02-05"]
    assert made.briefly["2026-02-05"].startswith(f"{raw.name}: is neither DBN nor")


def test_a_damaged_dataset_is_no_day_to_go_on_without(own_days):
    made = generate_days("small", own_days.lake, config_root=own_days.configs)
    bins = own_days.lake.dataset_dir(made.dataset_ids["2026-02-05"]) / "bins.parquet"
    bins.chmod(0o644)
    bins.write_bytes(bins.read_bytes()[:-1])
    with pytest.raises(DatasetDamagedError, match=r"bins\.parquet is damaged"):
        generate_days("small", own_days.lake, config_root=own_days.configs)


def test_a_campaign_without_dates_takes_those_of_its_pipeline(days):
    spec = CampaignSpec(name="all", pipeline="small", dates=tuple(DAYS))
    named = plan_campaign(spec, days.lake, root=days.configs)
    with pytest.raises(CampaignError, match=f"no whole capture for 1 of the dates, {CLOSED}"):
        plan_campaign(CampaignSpec(name="all", pipeline="small"), days.lake, root=days.configs)
    assert [planned.date for planned in named.planned] == list(DAYS)
