"""The server under test: `vp-stream` as a process of its own, and what it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_BUCKET = re.compile(r'_bucket\{le="([^"]+)"\} (\S+)')


class Server:
    """A running `vp-stream` on a free port; its log goes to a file that is shown when it does not start."""

    def __init__(self, lake: Path, configs: Path, speed: float, max_clients: int, *more: str) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop
        command = [sys.executable, "-c", "from vp_stream.main import main; main()", "--port", "0"]
        command += ["--lake-root", str(lake), "--config-root", str(configs), "--speed", str(speed)]
        command += ["--max-clients", str(max_clients), *more]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self._process.stdout is not None
        said = re.search(r":(\d+)/", self._process.stdout.readline())
        if said is None:
            self._log.seek(0)
            raise SystemExit(f"the server did not start: {self._log.read()}")
        self.port = int(said[1])
        self.get("/health")  # answered when the kernels are loaded, which is when traffic is sent to a new server

    def stop(self) -> int:
        """End it by SIGTERM; its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(10)
        finally:
            self._process.kill()
            self._log.close()

    def rss_mb(self) -> float:
        """Resident memory now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def threads(self) -> int:
        """Threads of the process, those of libraries too."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"Threads:\s+(\d+)", status)
        assert found is not None
        return int(found[1])

    def cpu_s(self) -> float:
        """Seconds of processor time used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def metrics(self) -> str:
        """What it answers at /metrics."""
        return self.get("/metrics")

    def get(self, path: str) -> str:
        """What it answers at a path."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=180) as answer:
            return bytes(answer.read()).decode()


def value(metrics: str, name: str) -> float:
    """One sample, 0 if there is none."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", metrics, re.M)
    return float(found[1]) if found else 0.0


def quantile_ms(before: str, after: str, name: str, share: float) -> str:
    """The bucket of a histogram that a share of what came between two readings lies below, ms."""
    counts = [dict(_BUCKET.findall("\n".join(re.findall(rf"^{name}.*$", text, re.M)))) for text in (before, after)]
    grown = [(le, float(counts[1][le]) - float(counts[0].get(le, 0))) for le in counts[1]]
    total = grown[-1][1]
    for le, count in grown:
        if total and count >= share * total:
            return f"<= {float(le) * 1000:g}"
    return "-"
