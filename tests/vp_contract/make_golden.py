"""Write everything anew that is generated from `vp_contract`: golden wire files, JSON Schema, AsyncAPI document,
the members of `grid_update` and the page of columns.

    PYTHONPATH=tests uv run python tests/vp_contract/make_golden.py

`npm run contract` in web/ does this and then makes the page's types.
"""

from __future__ import annotations

import os
import sys

from support.wire_golden import DOCUMENTS, GOLDEN, golden_files

from vp_contract.__main__ import document_text


def main() -> None:
    members = DOCUMENTS["bin-fields"]
    if members.read_text(encoding="utf-8") != (text := document_text("bin-fields")):
        members.write_text(text, encoding="utf-8", newline="\n")
        os.execv(sys.executable, [sys.executable, *sys.argv])  # the messages below are made of those members
    GOLDEN.mkdir(exist_ok=True)
    for name, data in golden_files().items():
        (GOLDEN / name).write_bytes(data)
    for name, path in DOCUMENTS.items():
        path.write_text(document_text(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
