"""What objects show of rows made by hand: the forms, and the choices of the operator."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
from typing import Any

import pytest

from datasource.control import TerminateError, TunnelControl
from datasource.model import (
    ChildSaParameters,
    EncapsulationMode,
    Endpoint,
    Identity,
    IkeSaParameters,
    IkeTraffic,
    IkeTunnel,
    IpsecTraffic,
    IpsecTunnel,
    PeerAssociation,
    Spi,
    Totals,
    TrafficSelector,
)
from datasource.snapshot import Snapshot
from mibs import ber, smi, transaction
from mibs.access import SHOWN, Access
from mibs.cisco_ipsec_flow_monitor import MODULE, Choices, bind
from mibs.setting import ErrorStatus, SetError
from mibs.table import Key, Table, Value
from mibs.tree import Tree
from mibs.view import ViewBuilder


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


IKE = IkeTunnel(
    index=7,
    started_at=100.0,
    refreshes=2,
    parameters=IkeSaParameters(
        connection="site",
        version=2,
        initiator=True,
        local_address=address("192.0.2.1"),
        remote_address=address("2001:db8::2"),
        local_identity=Identity.parse("192.0.2.1"),
        remote_identity=Identity.parse("oslo.example.net"),
    ),
    traffic=IkeTraffic(in_octets=2**32 + 5),
    association=1,
)
CHILD = ChildSaParameters("net", 1, 1, 2, (), (), cpi_out=0x1234)
IPSEC = IpsecTunnel(
    index=9,
    ike_index=7,
    ike_alive=False,
    local_address=address("192.0.2.1"),
    remote_address=address("198.51.100.2"),
    started_at=0.0,
    refreshes=0,
    expired_spis=4,
    parameters=CHILD,
    traffic=IpsecTraffic(in_octets=3 * 2**32 + 7),
    spis=(
        Spi(1, inbound=True, value=0x80000000, protocol="ESP", expiring=True),
        Spi(2, inbound=False, value=5, protocol="IPCOMP", expiring=False),
    ),
    endpoints=(),
)
PEER = PeerAssociation(
    key=1,
    local_identity=Identity.parse("192.0.2.1"),
    remote_identity=Identity.parse("oslo.example.net"),
    number=3,
    local_address=address("192.0.2.1"),
    remote_address=address("198.51.100.2"),
    started_at=0.0,
    ike_index=0,
    members=(),
)


def table(name: str, choices: Choices | None = None) -> Table:
    return next(t for t in bind(choices or Choices()).tables if t.name == name)


def shown(name: str, row: Any, *, at: float = 0.0, choices: Choices | None = None) -> Value | None:
    columns = (c for t in bind(choices or Choices()).tables for c in t.columns)
    column = next(c for c in columns if c.name == name)
    return column.values([column.first(row)], at)[0]


def ike(**changes: Any) -> IkeTunnel:
    return dataclasses.replace(IKE, parameters=dataclasses.replace(IKE.parameters, **changes))


def ipsec(**changes: Any) -> IpsecTunnel:
    return dataclasses.replace(IPSEC, parameters=dataclasses.replace(CHILD, **changes))


def test_identities() -> None:
    assert (shown("cikeTunLocalType", IKE), shown("cikeTunRemoteType", IKE)) == (1, 2)
    assert shown("cikeTunLocalValue", IKE) == b"192.0.2.1"
    assert shown("cikeTunLocalAddr", IKE) == bytes((192, 0, 2, 1))
    assert shown("cikeTunRemoteAddr", IKE) == address("2001:db8::2").packed
    assert shown("cikeTunLocalName", IKE) == b"site"


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("oslo.example.net", b"oslo.example.net"),
        ("198.51.100.2", b""),
        ("kim@example.net", b""),
        ("C=NO, CN=oslo", b""),
        ("%any", b""),
    ],
)
def test_a_remote_name_is_a_host_name(identity: str, name: bytes) -> None:
    assert shown("cikeTunRemoteName", ike(remote_identity=Identity.parse(identity))) == name


@pytest.mark.parametrize("match", ["oslo.example.net", "2001:db8::2"])
def test_a_description_goes_before_the_identity(match: str) -> None:
    choices = Choices(descriptions={match: "branch Oslo"})
    assert shown("cikeTunRemoteName", IKE, choices=choices) == b"branch Oslo"


def test_times_stop_at_their_largest_value() -> None:
    assert shown("cikeTunActiveTime", IKE, at=100.0) == 0
    assert shown("cikeTunActiveTime", IKE, at=101.239) == 123
    assert shown("cikeTunActiveTime", IKE, at=1e9) == 2147483647


def test_a_limit_that_is_not_there_is_absent() -> None:
    assert shown("cikeTunLifeTime", IKE) is None
    assert shown("cikeTunLifeTime", ike(lifetime=3600)) == 3600
    assert shown("cipSecTunLifeSize", IPSEC) is None
    assert shown("cipSecTunSaLifeSizeThreshold", ipsec(rekey_octets=4096)) == 4
    assert shown("cipSecTunSaLifeSizeThreshold", ipsec(rekey_octets=1000)) is None


def test_octets_and_their_wraps() -> None:
    whole, low, wraps = (
        shown(f"cipSecTun{name}", IPSEC) for name in ("HcInOctets", "InOctets", "InOctWraps")
    )
    assert whole == low == 3 * 2**32 + 7  # the encoder takes a Counter32 modulo 2^32
    assert wraps == 3
    assert shown("cipSecTunHcInDecompOctets", IPSEC) is None


def test_ipsec_parameters() -> None:
    assert (shown("cipSecTunIkeTunnelIndex", IPSEC), shown("cipSecTunIkeTunnelAlive", IPSEC)) == (
        7,
        2,
    )
    modes = (EncapsulationMode.TUNNEL, EncapsulationMode.TRANSPORT, EncapsulationMode.BEET)
    assert [shown("cipSecTunEncapMode", ipsec(mode=mode)) for mode in modes] == [1, 2, None]
    assert (shown("cipSecTunInSaDecompAlgo", IPSEC), shown("cipSecTunOutSaCompAlgo", IPSEC)) == (
        1,
        2,
    )
    assert shown("cipSecTunCurrentSaInstances", IPSEC) == 2
    assert shown("cipSecTunExpiredSaInstances", IPSEC) == 4


def test_spis() -> None:
    names = ("Direction", "Value", "Protocol", "Status")
    values = [[shown(f"cipSecSpi{name}", spi) for name in names] for spi in IPSEC.spis]
    assert values == [[1, 0x80000000, 2, 2], [2, 5, 3, 1]]


@pytest.mark.parametrize(
    ("first", "last", "kind", "second"),
    [
        ("10.1.2.3", "10.1.2.3", 1, "10.1.2.3"),
        ("10.1.0.0", "10.1.255.255", 3, "255.255.0.0"),
        ("10.1.0.1", "10.1.0.9", 2, "10.1.0.9"),
        ("0.0.0.0", "255.255.255.255", 3, "0.0.0.0"),
        ("2001:db8::", "2001:db8::ffff", 3, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:0"),
        ("2001:db8::1", "2001:db8::1", 1, "2001:db8::1"),
    ],
)
def test_endpoints(first: str, last: str, kind: int, second: str) -> None:
    selector = TrafficSelector(address(first), address(last), protocol=6)
    row = Endpoint(selector, selector)
    for side in ("Local", "Remote"):
        assert shown(f"cipSecEndPt{side}Type", row) == kind
        assert shown(f"cipSecEndPt{side}Addr1", row) == address(first).packed
        assert shown(f"cipSecEndPt{side}Addr2", row) == address(second).packed
        assert shown(f"cipSecEndPt{side}Protocol", row) == 6
        assert shown(f"cipSecEndPt{side}Name", row) == b""


@pytest.mark.parametrize(("ports", "port"), [((443, 443), 443), ((0, 65535), 0), ((1, 99), 0)])
def test_a_range_of_ports_has_no_number(ports: tuple[int, int], port: int) -> None:
    selector = TrafficSelector(address("10.0.0.1"), address("10.0.0.1"), 6, *ports)
    assert shown("cipSecEndPtLocalPort", Endpoint(selector, selector)) == port


def key(*, octets: bool, row: PeerAssociation = PEER) -> Key:
    return table("cikePeerTable", Choices(peer_index_octets=octets)).root.key(row)


def test_the_peer_index() -> None:
    local, remote = b"192.0.2.1", b"oslo.example.net"
    assert key(octets=False) == (1, 9, *local, 2, 16, *remote, 3)
    assert key(octets=True) == (1, 4, 192, 0, 2, 1, 2, 16, *remote, 3)
    ipv6 = dataclasses.replace(PEER, remote_identity=Identity.parse("2001:db8::2"))
    assert key(octets=True, row=ipv6)[6:] == (1, 16, *address("2001:db8::2").packed, 3)
    assert shown("cikePeerActiveTunnelIndex", PEER) == 0


class Control:
    """Notes what is ended."""

    def __init__(self) -> None:
        self.can_terminate = True
        self.hangs = False
        self.ended: list[tuple[str, int]] = []

    async def terminate_ike(self, index: int) -> None:
        self._end("ike", index)

    async def terminate_ipsec(self, index: int) -> None:
        self._end("ipsec", index)

    def _end(self, kind: str, index: int) -> None:
        if self.hangs:
            raise TerminateError
        self.ended.append((kind, index))


MODULES = smi.load((MODULE,))
STATUS = ("cikeTunStatus", "cipSecTunStatus")
ROWS = {"cikeTunStatus": IKE.index, "cipSecTunStatus": IPSEC.index}


def set_status(control: TunnelControl | None, *rows: tuple[str, int, int]) -> None:
    """Set these columns of rows of these indexes to these numbers."""
    tree = Tree(MODULES, (bind(Choices(), control),))
    snapshot = Snapshot(0.0, (IKE,), (IPSEC,), (), Totals())
    varbinds = [
        (ber.encode_oid((*MODULES.object(name).oid, index)), ber.INTEGER, bytes((value,)))
        for name, index, value in rows
    ]
    view = ViewBuilder(tree).build(snapshot, 0.0)
    everything = Access(bytes([SHOWN]) * len(tree.spans))
    asyncio.run(transaction.test(view, everything, varbinds).commit())


def refusal(control: TunnelControl | None, *rows: tuple[str, int, int]) -> ErrorStatus:
    with pytest.raises(SetError) as caught:
        set_status(control, *rows)
    assert caught.value.index == len(rows)
    return caught.value.status


def test_destroy_ends_the_tunnel_of_the_row_and_active_nothing() -> None:
    control = Control()
    set_status(control, ("cipSecTunStatus", 9, 2))
    set_status(control, ("cikeTunStatus", 7, 2))
    set_status(control, ("cikeTunStatus", 7, 1), ("cipSecTunStatus", 9, 1))
    assert control.ended == [("ipsec", 9), ("ike", 7)]
    assert shown("cikeTunStatus", IKE) == shown("cipSecTunStatus", IPSEC) == 1


@pytest.mark.parametrize("name", STATUS)
def test_sn05_a_status_that_is_refused(name: str) -> None:
    control, index = Control(), ROWS[name]
    for value in (0, 3, 6, 255):  # the last one is -1
        assert refusal(control, (name, index, value)) is ErrorStatus.WRONG_VALUE
        assert refusal(control, (name, index + 1, value)) is ErrorStatus.WRONG_VALUE
    for value in (1, 2):
        assert refusal(control, (name, index + 1, value)) is ErrorStatus.NO_CREATION
    control.hangs = True
    assert refusal(control, (name, index, 2)) is ErrorStatus.COMMIT_FAILED
    control.can_terminate = False
    for value in (1, 2):
        assert refusal(control, (name, index, value)) is ErrorStatus.NOT_WRITABLE
    assert not control.ended


@pytest.mark.parametrize("name", STATUS)
def test_sn05_a_source_without_control_has_no_status_to_set(name: str) -> None:
    for index, value in ((ROWS[name], 2), (ROWS[name], 1), (ROWS[name], 9), (99, 2)):
        assert refusal(None, (name, index, value)) is ErrorStatus.NOT_WRITABLE


def test_a_read_only_column_of_a_missing_row_is_not_writable() -> None:
    row = ("cikeTunInOctets", 99, 2)
    assert refusal(Control(), ("cikeTunStatus", 7, 2), row) is ErrorStatus.NOT_WRITABLE
