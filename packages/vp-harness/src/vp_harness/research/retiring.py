"""Taking runs out of the count, openly: a record says which, who and why, and stays."""

from __future__ import annotations

import getpass
from collections.abc import Iterable

import polars as pl

from vp_harness.errors import ParameterError, UnknownRunError
from vp_harness.execution.generate import utc_now
from vp_harness.judgement.correction import correct_search
from vp_harness.lake.paths import LakeLike, open_lake
from vp_harness.research.records import Retirement
from vp_harness.research.results import ResultsStore


def retire(
    run_ids: Iterable[str], lake_root: LakeLike | None = None, *, reason: str, actor: str | None = None
) -> tuple[str, ...]:
    """Retire runs, such as those of a signal that had a bug: they are not ranked and count no more as trials or looks.

    What was drawn together with them is drawn anew. Every later correction says how many runs of its market were
    retired, and evidence of a promotion does. Returns the ids that were not retired before.

    Raises ParameterError without a reason, UnknownRunError for a run that there is not.
    """
    if not reason.strip():
        raise ParameterError("reason: is empty; say why the runs are not to count any more")
    lake = open_lake(lake_root)
    store = ResultsStore(lake)
    wanted = list(dict.fromkeys(run_ids))
    known = store.runs(("run_id", "dataset_id")).filter(pl.col("run_id").is_in(wanted))
    for run_id in wanted:
        if run_id not in known["run_id"]:
            raise UnknownRunError(f"no finished run {run_id!r} in {store.root}: `vp compare` lists the run ids")
    retired = set(store.retired()["run_id"])
    new = [run_id for run_id in wanted if run_id not in retired]
    by = actor or getpass.getuser()
    store.append_retirements(
        [Retirement(run_id=run_id, reason=reason, actor=by, created_utc=utc_now()) for run_id in new]
    )
    correct_search(store, lake, known["dataset_id"].unique())
    return tuple(new)
