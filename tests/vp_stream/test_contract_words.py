"""What the server says outside its messages is what the contract's documents say."""

from __future__ import annotations

from vp_contract.asyncapi import STREAM_ADDRESS
from vp_contract.close import CLOSE_CODES
from vp_stream import protocol


def test_close_codes_are_those_of_the_contract() -> None:
    ours = {value for name, value in vars(protocol).items() if name.startswith("CLOSE_")}
    assert ours == {close.code for close in CLOSE_CODES}


def test_the_stream_is_where_the_contract_says() -> None:
    assert protocol.STREAM_PATH == STREAM_ADDRESS
