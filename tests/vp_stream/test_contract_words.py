"""What the server says outside its messages is what the contract's documents say."""

from __future__ import annotations

from vp_contract.wire.asyncapi import STREAM_ADDRESS
from vp_contract.wire.close import CLOSE_CODES
from vp_stream.clients import protocol


def test_close_codes_are_those_of_the_contract() -> None:
    """Name by name: two codes that changed places are another contract, though the numbers are the same."""
    ours = {name: value for name, value in vars(protocol).items() if name.startswith("CLOSE_")}
    contract = {close.name: close.code for close in CLOSE_CODES}
    assert ours == {
        "CLOSE_DONE": contract["finished"],
        "CLOSE_GOING_AWAY": contract["shutdown"],
        "CLOSE_REFUSED": contract["refused"],
        "CLOSE_TOO_BIG": contract["tooLarge"],
        "CLOSE_ENGINE_FAILED": contract["engineFailed"],
        "CLOSE_FULL": contract["full"],
    }
    assert len(ours) == len(contract)


def test_the_stream_is_where_the_contract_says() -> None:
    assert protocol.STREAM_PATH == STREAM_ADDRESS
