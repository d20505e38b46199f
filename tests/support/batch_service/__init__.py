"""Databento's batch service on loopback, which the unmodified official client talks to over TLS.

It resolves symbols, says prices, takes jobs that are done after a while, lists them and their files, and sends those
whole or from where a client goes on. What it sends are true DBN files. Faults are injected one by one or at random.

The client speaks TLS to whatever address it is given. `trusted()` has it trust the certificate beside this module,
whose key is known to everybody.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import random
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.batch_service.market import Market

KEY = "db-0123456789abcdefghijklmnopqrs"
CERTIFICATE = Path(__file__).with_name("loopback.pem")
FAULTS = ("500", "503 after", "429", "drop", "drop after", "garbage")
"""What can go wrong with an answer: a status before or after the work is done, no answer before or after, no JSON."""
FILE_FAULTS = ("500", "429", "cut", "flipped", "whole again")
"""And with a file: cut in the middle, with one bit changed, sent from its beginning though a part was asked for."""


@dataclass
class Job:
    """A job: what was asked, when, and its files by name."""

    details: dict[str, Any]
    looks: int = 0
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Service:
    """The service of one account, without the HTTP.

    A job is done after it was listed `looks` times. `faults` are those of the next answers by name of the request
    ("batch.submit_job", "file", …); beyond them one of `chance` is drawn for that share of answers.
    """

    market: Market
    looks: int = 2
    chance: float = 0.0
    seed: int = 7
    pause_s: float = 0.0
    retry_after: str = "0"
    jobs: dict[str, Job] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent_bytes: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._random = random.Random(self.seed)

    def fault(self, name: str) -> str | None:
        with self.lock:
            self.asked.append(name)
            if waiting := self.faults.get(name):
                return waiting.pop(0)
            if self._random.random() < self.chance:
                return self._random.choice(FILE_FAULTS if name == "file" else FAULTS)
            return None

    @property
    def submitted(self) -> list[tuple[str, str]]:
        """(Symbol, first day) of every job, as often as it was ordered."""
        with self.lock:
            return sorted((job.details["symbols"], job.details["start"][:10]) for job in self.jobs.values())

    def answer(self, name: str, asked: dict[str, str], base: str) -> Any:
        """The JSON of an answer. Raises `HttpError`."""
        with self.lock:
            return _ANSWERS[name](self, asked, base)

    def resolve(self, asked: dict[str, str], _base: str) -> Any:
        first, until = (dt.date.fromisoformat(asked[name]) for name in ("start_date", "end_date"))
        result: dict[str, list[dict[str, str]]] = {}
        for text in asked["symbols"].split(","):
            days = [first + dt.timedelta(days=n) for n in range((until - first).days)]
            found = [(day, self.market.resolved(text, asked["stype_in"], asked["stype_out"], day)) for day in days]
            result[text] = [
                {"d0": str(day), "d1": str(day + dt.timedelta(days=1)), "s": symbol} for day, symbol in found if symbol
            ]
        return {
            "result": {text: intervals for text, intervals in result.items() if intervals},
            "symbols": asked["symbols"].split(","),
            "stype_in": asked["stype_in"],
            "stype_out": asked["stype_out"],
            "start_date": str(first),
            "end_date": str(until),
            "partial": [],
            "not_found": [text for text, intervals in result.items() if not intervals],
            "message": "OK",
            "status": 0,
        }

    def billable_size(self, asked: dict[str, str], _base: str) -> Any:
        return self.market.size(asked["symbols"], dt.date.fromisoformat(asked["start"][:10]))

    def cost(self, asked: dict[str, str], base: str) -> Any:
        return round(self.billable_size(asked, base) * 1e-4, 6)

    def submit(self, asked: dict[str, str], base: str) -> Any:
        day = dt.date.fromisoformat(asked["start"][:10])
        job_id = f"GLBX-{dt.datetime.now(dt.UTC):%Y%m%d}-{secrets.token_hex(5).upper()}"
        details = {
            "id": job_id,
            "user_id": "NBPDLF33",
            "api_key": "prod-001",
            "cost_usd": self.cost(asked, base),
            "dataset": asked["dataset"],
            "symbols": asked["symbols"],
            "stype_in": asked["stype_in"],
            "stype_out": asked["stype_out"],
            "schema": asked["schema"],
            "start": f"{asked['start']}T00:00:00.000000000Z",
            "end": f"{asked['end']}T00:00:00.000000000Z",
            "limit": None,
            "encoding": asked["encoding"],
            "compression": asked["compression"],
            "split_duration": asked["split_duration"],
            "split_size": None,
            "packaging": None,
            "delivery": asked["delivery"],
            "state": "queued",
            "ts_received": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}000Z",
        }
        job = Job(details)
        name = f"{asked['dataset'].lower().replace('.', '-')}-{day:%Y%m%d}.mbo.dbn.zst"
        job.files = {
            "metadata.json": json.dumps({"job_id": job_id}).encode(),
            name: self.market.file(asked["symbols"], day),
        }
        self.jobs[job_id] = job
        return details

    def list_jobs(self, asked: dict[str, str], _base: str) -> Any:
        states = asked.get("states", "received,queued,processing,done").split(",")
        for job in self.jobs.values():
            self._advance(job)
        return [
            {name: job.details[name] for name in ("id", "state", "ts_received")}
            for job in self.jobs.values()
            if job.details["state"] in states
        ]

    def job_details(self, asked: dict[str, str], _base: str) -> Any:
        return self._job(asked["job_id"]).details

    def list_files(self, asked: dict[str, str], base: str) -> Any:
        job = self._job(asked["job_id"])
        if job.details["state"] != "done":
            raise HttpError(404, "batch_job_not_done", "The job is not done.")
        return [
            {
                "filename": name,
                "size": len(data),
                "hash": f"sha256:{hashlib.sha256(data).hexdigest()}",
                "urls": {"https": f"{base}/v0/batch/download/NBPDLF33/{asked['job_id']}/{name}", "ftp": ""},
            }
            for name, data in job.files.items()
        ]

    def _job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise HttpError(404, "batch_job_not_found", "There is no job of this id.")
        return self.jobs[job_id]

    def _advance(self, job: Job) -> None:
        if job.details["state"] in ("queued", "processing"):
            job.looks += 1
            job.details["state"] = "done" if job.looks >= self.looks else "processing"


class HttpError(Exception):
    def __init__(self, status: int, case: str, message: str) -> None:
        self.status, self.case, self.message = status, case, message


_ANSWERS: dict[str, Callable[[Service, dict[str, str], str], Any]] = {
    "symbology.resolve": Service.resolve,
    "metadata.get_billable_size": Service.billable_size,
    "metadata.get_cost": Service.cost,
    "batch.submit_job": Service.submit,
    "batch.list_jobs": Service.list_jobs,
    "batch.get_job_details": Service.job_details,
    "batch.list_files": Service.list_files,
}


class BatchServer:
    """The service over HTTPS on a free port of loopback; `url` is where."""

    def __init__(self, service: Service, *, key: str = KEY) -> None:
        self.service = service
        self.key = key
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        # the handshake is made by the thread of the connection: one that stands still keeps nobody else out
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> BatchServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    server_of: BatchServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test says what it needs."""

    def _answer(self) -> None:
        service = self.server_of.service
        split = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        if length := int(self.headers.get("Content-Length") or 0):
            body = self.rfile.read(length).decode()
            asked |= {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
        expected = "Basic " + base64.b64encode(f"{self.server_of.key}:".encode()).decode()
        if self.headers.get("Authorization") != expected:
            self._error(HttpError(401, "auth_authentication_failed", "Authentication failed."))
            return
        time.sleep(service.pause_s)
        parts = split.path.removeprefix("/v0/").split("/")
        if parts[:2] == ["batch", "download"]:
            self._file(service, parts[3], parts[4])
            return
        name = parts[0]
        if name not in _ANSWERS:
            self._error(HttpError(404, "not_found", f"There is no {name}."))
            return
        fault = service.fault(name)
        if fault == "500":
            self._error(HttpError(500, "internal", "Something went wrong."))
        elif fault == "429":
            self._error(HttpError(429, "rate_limit", "Too many requests."), {"Retry-After": service.retry_after})
        elif fault == "refused":
            self._error(HttpError(422, "data_end_after_available_end", "The data of that day are not there yet."))
        elif fault == "no money":
            self._error(HttpError(402, "billing_limit", "The account has no credit."))
        elif fault == "drop":
            self._drop()
        else:
            try:
                answer = service.answer(name, asked, self.server_of.url)
                time.sleep(service.pause_s if name == "batch.submit_job" else 0)
            except HttpError as error:
                self._error(error)
                return
            if fault == "503 after":
                self._error(HttpError(503, "unavailable", "Come back later."))
            elif fault == "drop after":
                self._drop()
            else:
                self._send(200, b"<html>" if fault == "garbage" else json.dumps(answer).encode(), {})

    def _file(self, service: Service, job_id: str, name: str) -> None:
        data = service.jobs[job_id].files[name] if job_id in service.jobs else None
        if data is None:
            self._error(HttpError(404, "not_found", "There is no such file."))
            return
        fault = service.fault("file")
        if fault in ("500", "429"):
            self._error(HttpError(int(fault), "trouble", "Not now."), {"Retry-After": "0"})
            return
        first, status, headers = 0, 200, {"Content-Type": "application/octet-stream"}
        if (asked := self.headers.get("Range")) and fault != "whole again":
            first, status = int(asked.removeprefix("bytes=").partition("-")[0]), 206
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        body = data[first:]
        if fault == "flipped":
            at = len(body) // 2
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        if fault == "cut":
            body = body[: len(body) // 2]
        for at in range(0, len(body), 8192):
            self.wfile.write(body[at : at + 8192])
            service.sent_bytes += len(body[at : at + 8192])
            if fault == "stall" and at:
                time.sleep(1.5)
            time.sleep(service.pause_s / 4)

    def _error(self, error: HttpError, headers: dict[str, str] | None = None) -> None:
        detail = {"case": error.case, "message": error.message, "status_code": error.status, "docs": "", "payload": {}}
        self._send(error.status, json.dumps({"detail": detail}).encode(), headers or {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def handle(self) -> None:
        """A client that was killed has nothing to be told."""
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True


@contextmanager
def trusted() -> Iterator[None]:
    """Have the client of this process trust the service, and use no proxy for it."""
    wanted = environment()
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def environment() -> dict[str, str]:
    """The same for a process that is started."""
    return {"REQUESTS_CA_BUNDLE": str(CERTIFICATE), "NO_PROXY": "127.0.0.1", "DATABENTO_API_KEY": KEY}
