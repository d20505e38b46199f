"""Ctrl-C in the middle of a sweep: answered at once, and what is done stays."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from vp_harness import ResultsStore

VP = "from vp_cli.main import main; main()"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize("executor", ["local", "processes"])
def test_an_interrupt_is_answered_within_two_seconds_and_what_is_done_stays(own, research, executor):
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    path = own.configs / "experiments" / "small.yaml"
    path.write_text(
        path.read_text().replace("[60, 80]", str(list(range(60, 100)))).replace("[5, 20]", str(list(range(60))))
    )
    arguments = ["run", "small", "--lake-root", own.lake.root, "--config-root", own.configs, "--executor", executor]
    process = subprocess.Popen([sys.executable, "-c", VP, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        parts = own.lake.results_dir / "runs_meta.parquet"
        limit = time.monotonic() + 90
        while not (parts.is_dir() and any(parts.glob("[!.]*.parquet"))):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        told = process.communicate(timeout=30)[1]
        # two seconds; longer only where more processes want to run than there are cores
        assert time.monotonic() - began < 2 * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "what was finished is stored; run the same command again" in told
    assert "Traceback" not in told
    done = ResultsStore(own.lake).runs()
    assert 0 < done.height < 40 * 60
    assert not any(problem for _, problem in ResultsStore(own.lake).check_parts())
    assert not list(own.lake.turns_dir.glob("run-*"))
