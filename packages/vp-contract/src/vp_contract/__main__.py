"""`python -m vp_contract schema|asyncapi`: the generated documents, on standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from vp_contract.wire.asyncapi import asyncapi_document
from vp_contract.wire.schema import json_schema

_DOCUMENTS = {"schema": json_schema, "asyncapi": asyncapi_document}


def document_text(name: str) -> str:
    """The text of a generated document as it is committed: indented JSON and a final newline."""
    return json.dumps(_DOCUMENTS[name](), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vp_contract", description=__doc__)
    parser.add_argument("document", choices=sorted(_DOCUMENTS), help="JSON Schema of the messages, or AsyncAPI 3.0")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # a text stream, as run
    sys.stdout.write(document_text(parser.parse_args(arguments).document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
