"""The built page: where it is, and building it when it is not there."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from vp_cli.errors import CliError
from vp_cli.output import say


def built_page(config_root: Path) -> Path | None:
    """Directory of the built page of a checkout, building it with npm if need be; None outside a checkout.

    The checkout is where the specs are, else the working directory.
    The build goes to a directory of its own and is renamed in, so a page that is there is whole, and of several builds
    at once one wins. Raises CliError when npm is missing or the build fails.
    """
    checkouts = (config_root.resolve().parent, Path.cwd())
    web = next((base / "web" for base in checkouts if (base / "web" / "package.json").is_file()), None)
    if web is None:
        return None
    dist = web / "dist"
    if (dist / "index.html").is_file():
        return dist
    npm = shutil.which("npm")
    if npm is None:
        raise CliError("the page is not built and npm is not installed: install Node.js 20 or newer, then try again")
    say("building the page (npm, once)")
    if not (web / "node_modules" / ".package-lock.json").is_file():  # npm writes it last
        _run([npm, "ci", "--no-audit", "--no-fund"], web)
    with tempfile.TemporaryDirectory(prefix=".dist-", dir=web) as scratch:
        fresh = Path(scratch) / "dist"
        _run([npm, "run", "build", "--", "--outDir", str(fresh), "--emptyOutDir"], web)
        if dist.is_dir() and not (dist / "index.html").is_file():
            shutil.rmtree(dist)
        try:
            fresh.rename(dist)
        except OSError:
            if not (dist / "index.html").is_file():
                raise
    return dist


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise CliError(f"`{' '.join([Path(command[0]).name, *command[1:3]])}` failed in {directory}: {' '.join(tail)}")
