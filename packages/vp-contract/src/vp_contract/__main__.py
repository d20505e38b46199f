"""`python -m vp_contract asyncapi|bin-fields|columns|facts|folds|schema`: what is generated, on standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from vp_contract.wire.asyncapi import asyncapi_document
from vp_contract.wire.pages import bin_fields_module, columns_page, facts_module, folds_module
from vp_contract.wire.schema import json_schema


def _json(document: Callable[[], dict[str, Any]]) -> Callable[[], str]:
    return lambda: json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


_DOCUMENTS: Final[dict[str, Callable[[], str]]] = {
    "asyncapi": _json(asyncapi_document),
    "bin-fields": bin_fields_module,
    "columns": columns_page,
    "facts": facts_module,
    "folds": folds_module,
    "schema": _json(json_schema),
}


def document_text(name: str) -> str:
    """The text of a generated file as it is committed."""
    return _DOCUMENTS[name]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vp_contract", description=__doc__)
    parser.add_argument(
        "document",
        choices=sorted(_DOCUMENTS),
        help="AsyncAPI 3.0, the members of grid_update, the page of columns, what the page has to know of the wire, "
        "how columns fold, or the JSON Schema",
    )
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # a text stream, as run
    sys.stdout.write(document_text(parser.parse_args(arguments).document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
