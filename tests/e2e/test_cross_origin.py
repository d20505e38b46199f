"""A page of another origin in a real browser gets nothing out of a stream server; its own and an allowed one do."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.browser import WEB, need_browser
from support.small_lake import import_market, publish_small, write_configs, write_small_market

from vp_harness import Lake
from vp_stream import StreamSettings, start_in_background

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STREAM = "/v1/vacuum-pressure/stream?serving=small"


class Page(http.server.BaseHTTPRequestHandler):
    """A page that is not ours."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>another origin</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def foreign() -> Iterator[int]:
    """The port of a page of another origin."""
    need_browser()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("origins")
    configs = write_configs(root / "configs")
    lake = Lake(root / "lake")
    import_market(lake, configs, write_small_market(root / "market.dbn.zst"))
    publish_small(lake, configs)
    return root / "lake", configs


@contextmanager
def serving(roots: tuple[Path, Path], tmp_path: Path, *allowed: str) -> Iterator[Any]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<!doctype html><title>our own</title>")
    settings = StreamSettings(
        lake_root=roots[0], config_root=roots[1], web_root=tmp_path / "web", port=0, allow_origins=allowed
    )
    with start_in_background(settings) as server:
        yield server


def visit(page: str, server: Any, *, host: str = "127.0.0.1") -> dict[str, Any]:
    """What a page at this address got from the server."""
    node = shutil.which("node")
    assert node is not None
    command = [node, "e2e/crossorigin.mjs", "--page", page, "--stream", f"ws://{host}:{server.port}{STREAM}"]
    command += ["--fetch", f"http://{host}:{server.port}/v1/servings"]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


REFUSED = {"opened": False, "first": None, "closeCode": 1006, "fetched": None}


def test_a_page_of_another_port_gets_nothing(roots: tuple[Path, Path], foreign: int, tmp_path: Path) -> None:
    with serving(roots, tmp_path) as server:
        assert visit(f"http://127.0.0.1:{foreign}/", server) == REFUSED
        health = httpx.get(server.url + "/health", verify=False).json()
        assert (health["clients"], health["bins_sent"]) == (0, 0)


def test_an_allowed_page_gets_the_stream_and_nothing_else(
    roots: tuple[Path, Path], foreign: int, tmp_path: Path
) -> None:
    with serving(roots, tmp_path, f"http://127.0.0.1:{foreign}") as server:
        seen = visit(f"http://127.0.0.1:{foreign}/", server)
        assert (seen["opened"], seen["first"], seen["fetched"]) == (True, "runtime_config", None)
        assert visit(f"http://localhost:{foreign}/", server) == REFUSED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_its_own_page_gets_everything(roots: tuple[Path, Path], tmp_path: Path, host: str) -> None:
    need_browser()
    with serving(roots, tmp_path) as server:
        seen = visit(f"http://{host}:{server.port}/", server, host=host)
        assert (seen["opened"], seen["first"]) == (True, "runtime_config")
        assert json.loads(seen["fetched"])["servings"][0]["alias"] == "small"


def test_another_name_of_the_same_machine_is_another_origin(
    roots: tuple[Path, Path], foreign: int, tmp_path: Path
) -> None:
    with serving(roots, tmp_path) as server:
        # Not the server's own page: the rules of that one would stop the browser before it asked.
        assert visit(f"http://localhost:{foreign}/", server, host="127.0.0.1") == REFUSED
        headers = {
            **{"Origin": f"http://localhost:{server.port}", "Upgrade": "websocket", "Connection": "Upgrade"},
            **{"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="},
        }
        assert httpx.get(server.url + STREAM, headers=headers, verify=False).status_code == 403
