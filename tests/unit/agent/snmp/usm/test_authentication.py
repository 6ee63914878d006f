"""agent.snmp.usm.authentication: the same codes as Python's own HMAC."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.snmp.usm.authentication import Authenticator
from agent.snmp.usm.protocols import AUTH_PROTOCOLS


@pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
@given(st.data())
def test_us05_hmac_cut_short(auth: str, data: st.DataObject) -> None:
    protocol = AUTH_PROTOCOLS[auth]
    length = protocol.key_length
    key = data.draw(st.binary(min_size=length, max_size=length))
    authenticator = Authenticator(protocol, key)
    for message in data.draw(st.lists(st.binary(max_size=300), min_size=1, max_size=3)):
        expected = hmac.digest(key, message, protocol.hash_name)[: protocol.mac_length]
        assert authenticator.mac(message) == expected
