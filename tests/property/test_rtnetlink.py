"""Whatever comes, there is one kind of error."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from datasource.interfaces.codec import Answer, RtnetlinkError, make_interfaces
from tests.netlink import SEQUENCE, done
from tests.rtnetlink import address, link, route

DATAGRAMS = (
    link(1, "lo") + link(2, "eth0", kind="gre"),
    address(2, "192.0.2.1") + address(2, "2001:db8::1", peer="2001:db8::2", more_state=0x40),
    route(3, "198.51.100.2"),
    done(),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    datagram = bytearray(draw(st.sampled_from(DATAGRAMS)))
    for _ in range(draw(st.integers(1, 4))):
        datagram[draw(st.integers(0, len(datagram) - 1))] = draw(st.integers(0, 255))
    return bytes(datagram[: draw(st.integers(0, len(datagram)))])


@settings(max_examples=2000, deadline=None)
@given(damaged() | st.binary(max_size=200))
def test_a_damaged_datagram_is_read_or_refused(datagram: bytes) -> None:
    try:
        make_interfaces(Answer(SEQUENCE).feed(datagram))
    except RtnetlinkError as error:
        assert str(error)  # noqa: PT017
