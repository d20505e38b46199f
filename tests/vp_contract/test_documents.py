"""What is generated from the contract: committed as generated, and true of the messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.wire_golden import DOCUMENTS

from vp_contract import CONTRACT_VERSION
from vp_contract.__main__ import document_text, main
from vp_contract.wire.asyncapi import asyncapi_document
from vp_contract.wire.close import CLOSE_CODES
from vp_contract.wire.schema import CLIENT_MESSAGES, SERVER_MESSAGES, json_schema


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_committed_document_is_not_stale(name: str) -> None:
    message = f"{DOCUMENTS[name].name} is stale; run: PYTHONPATH=tests uv run python tests/vp_contract/make_golden.py"
    assert DOCUMENTS[name].read_text(encoding="utf-8") == document_text(name), message


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_module_writes_it(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == 0
    assert capfd.readouterr().out == document_text(name)


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [reference for item in value for reference in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [reference for item in value.values() for reference in _references(item)]


@pytest.mark.parametrize("document", [json_schema(), asyncapi_document()], ids=["schema", "asyncapi"])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = _references(document)
    assert references
    for reference in references:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_message_is_sent_or_received_and_has_an_example() -> None:
    document = asyncapi_document()
    by_action = {operation["action"]: operation["messages"] for operation in document["operations"].values()}
    names = {action: [m["$ref"].rpartition("/")[2] for m in messages] for action, messages in by_action.items()}
    assert names["send"] == [*(kind.__name__ for kind in SERVER_MESSAGES), "Grid"]
    assert names["receive"] == [kind.__name__ for kind in CLIENT_MESSAGES]
    for kind in (*SERVER_MESSAGES, *CLIENT_MESSAGES):
        (example,) = document["components"]["messages"][kind.__name__]["examples"]
        assert example["payload"]["type"] == document["components"]["messages"][kind.__name__]["name"]


def test_the_grid_is_described_by_its_columns() -> None:
    arrow = asyncapi_document()["components"]["schemas"]["GridBytes"]["x-arrow-schema"]
    assert arrow["fields"][0] == {"name": "k", "type": "int32", "nullable": False}
    assert arrow["metadata"] == {"contract_version": CONTRACT_VERSION, "grid_rows": "101"}
    assert [field["name"] for field in arrow["fields"]][-1] == "proj_5000"


def test_close_codes_are_those_of_both_documents() -> None:
    codes = {close.name: close.code for close in CLOSE_CODES}
    # said once more, in numbers: clients are built on them, and the documents follow the table whatever it says
    assert codes == {
        "finished": 1000,
        "shutdown": 1001,
        "refused": 1008,
        "tooLarge": 1009,
        "engineFailed": 1011,
        "full": 1013,
    }
    assert json_schema()["x-close-codes"] == codes
    stated = asyncapi_document()["channels"]["stream"]["x-close-codes"]
    assert {close["name"]: close["code"] for close in stated} == codes


def test_descriptions_are_not_indented() -> None:
    for document in (json_schema(), asyncapi_document()):
        assert "\\n    " not in json.dumps(document)
