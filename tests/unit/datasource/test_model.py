from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from datasource.model import (
    Identity,
    IdentityType,
    IkeTraffic,
    IpsecTraffic,
    TrafficSelector,
    add_counters,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_an_address_is_an_address_in_its_usual_form(text: str, shown: str) -> None:
    assert Identity.parse(text) == Identity(IdentityType.ADDRESS, shown)


@pytest.mark.parametrize(
    "text",
    ["oslo.example.net", "ada@example.com", "C=NO, O=Example, CN=oslo", "192.0.2", "", "%any"],
)
def test_anything_else_is_a_name(text: str) -> None:
    assert Identity.parse(text) == Identity(IdentityType.NAME, text)


def test_a_long_name_keeps_its_beginning() -> None:
    text = "concentrator-17." + "x" * 60 + ".example.net"
    assert Identity.parse(text).text == text[: Identity.MAX_LENGTH]


def test_a_long_distinguished_name_keeps_its_end() -> None:
    text = "C=NO, O=" + "Example " * 10 + ", CN=oslo.example.net"
    assert Identity.parse(text).text == text[-Identity.MAX_LENGTH :]
    assert Identity.parse(text).text.endswith("CN=oslo.example.net")


def test_a_name_that_just_fits_is_whole() -> None:
    assert Identity.parse("x" * 54).text == "x" * 54
    assert len(Identity.parse("x" * 55).text) == 54


def test_what_is_not_printable_ascii_is_a_question_mark() -> None:
    assert Identity.parse("tromsø\x00\n~ \x7f").text == "troms???~ ?"


def test_an_address_with_a_zone_is_a_name_and_bounded() -> None:
    identity = Identity.parse("fe80::1%" + "x" * 100)
    assert identity.type is IdentityType.NAME
    assert len(identity.text) == Identity.MAX_LENGTH


@pytest.mark.parametrize(
    ("first", "last", "prefix"),
    [
        ("10.0.0.0", "10.0.0.255", 24),
        ("10.0.0.7", "10.0.0.7", 32),
        ("0.0.0.0", "255.255.255.255", 0),
        ("10.0.0.0", "10.0.0.254", None),
        ("10.0.0.1", "10.0.0.255", None),
        ("10.0.0.128", "10.0.1.127", None),
        ("10.0.0.255", "10.0.0.0", None),
        ("10.0.0.6", "10.0.0.7", 31),
        ("10.0.0.7", "10.0.0.8", None),
        ("2001:db8::", "2001:db8:0:0:ffff:ffff:ffff:ffff", 64),
        ("2001:db8::1", "2001:db8::1", 128),
        ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0),
    ],
)
def test_a_range_that_is_a_subnet_has_a_prefix(first: str, last: str, prefix: int | None) -> None:
    selector = TrafficSelector(ipaddress.ip_address(first), ipaddress.ip_address(last))
    assert selector.prefix == prefix


def test_any_protocol_and_any_port_is_the_default() -> None:
    address = ipaddress.ip_address("10.0.0.1")
    selector = TrafficSelector(address, address)
    assert (selector.protocol, selector.first_port, selector.last_port) == (0, 0, 65535)


def test_counters_add_up_and_none_is_nothing() -> None:
    assert add_counters([1, None, 3, None], [10, 20, None, None]) == [11, 20, 3, None]
    with pytest.raises(ValueError, match="zip"):
        add_counters([1], [1, 2])


def test_nothing_is_counted_unless_somebody_says_so() -> None:
    assert set(IkeTraffic()) == {None}
    assert set(IpsecTraffic()) == {None}


def test_the_model_cannot_be_changed() -> None:
    identity = Identity.parse("oslo.example.net")
    with pytest.raises(dataclasses.FrozenInstanceError):
        identity.text = "lima"  # type: ignore[misc]
