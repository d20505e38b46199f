"""Ctrl-C in the middle of a sweep: answered, and what is done stays."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support.small_lake import CONFIGS

from vp_harness import ResultsStore, run_experiment

VP = "from vp_cli.main import main; main()"
BUSY = "while True: pass"
ANSWER_S = 120
"""An answer takes a tenth of a second or two; longer than this is none."""


def sweep_of(own, spans):
    text = CONFIGS["experiments/small.yaml"].replace("[60, 80]", str(list(spans)))
    (own.configs / "experiments" / "small.yaml").write_text(text.replace("[5, 20]", str(list(range(60)))))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize("executor", ["local", "processes"])
def test_an_interrupt_while_all_cores_are_busy_is_answered_and_what_is_done_stays(own, research, executor):
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    sweep_of(own, range(60, 100))
    arguments = ["run", "small", "--lake-root", own.lake.root, "--config-root", own.configs]
    arguments += ["--executor", executor, "--workers", "2"]
    process = subprocess.Popen([sys.executable, "-c", VP, *arguments], stderr=subprocess.PIPE, text=True)
    busy: list[subprocess.Popen[bytes]] = []
    try:
        stored = own.lake.results_dir / "runs_meta.parquet"
        limit = time.monotonic() + 90
        while not (stored.is_dir() and any(stored.glob("[!.]*.parquet"))):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.02)
        busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=ANSWER_S)[1]
    finally:
        process.kill()
        process.wait()
        for one in busy:
            one.kill()
            one.wait()
    assert process.returncode == 130
    assert "what was finished is stored; run the same command again" in told
    assert "Traceback" not in told
    store = ResultsStore(own.lake)
    done = store.runs()
    assert 0 < done.height < 40 * 60
    assert store.rows()["run_id"].n_unique() == done.height
    assert not any(problem for _, problem in store.check_parts())
    assert not list(own.lake.turns_dir.glob("run-*"))
    if executor == "processes":
        return
    # some points that are stored and some that are not: only these are computed
    last = max(json.loads(params)["zscore_window_bins"] for params in done["params_json"])
    of_last = done.filter(done["params_json"].str.contains(f'"zscore_window_bins":{last}[,}}]'))
    sweep_of(own, [last, last + 1])
    again = run_experiment("small", own.lake, config_root=own.configs)
    assert again.resumed == of_last.height > 0
    assert again.computed == 2 * 60 - of_last.height


def test_an_interrupt_in_the_middle_of_storing_loses_nothing(own, monkeypatch):
    append = ResultsStore.append
    whole: list[int] = []

    def interrupted(store, runs, *others):
        if not whole:
            whole.append(len(runs))
            raise KeyboardInterrupt
        append(store, runs, *others)

    monkeypatch.setattr(ResultsStore, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_experiment("small", own.lake, config_root=own.configs)
    monkeypatch.undo()
    assert ResultsStore(own.lake).runs().height >= whole[0] > 0
    again = run_experiment("small", own.lake, config_root=own.configs)
    assert again.computed + again.resumed == 4
    assert again.resumed >= whole[0]
