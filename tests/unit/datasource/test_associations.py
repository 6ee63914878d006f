from __future__ import annotations

import dataclasses
import ipaddress

from datasource._associations import PeerAssociations
from datasource._state import IkeSaState, IkeTunnelState, IpsecTunnelState
from datasource.model import (
    ChildSaParameters,
    Identity,
    IkeSaParameters,
    IkeTraffic,
    IpsecTraffic,
    PeerAssociation,
)

PARAMETERS = IkeSaParameters(
    connection="site",
    version=2,
    initiator=True,
    local_address=ipaddress.ip_address("192.0.2.1"),
    remote_address=ipaddress.ip_address("198.51.100.2"),
    local_identity=Identity.parse("192.0.2.1"),
    remote_identity=Identity.parse("oslo.example.net"),
)
ELSEWHERE = dataclasses.replace(PARAMETERS, remote_address=ipaddress.ip_address("203.0.113.9"))
SOMEBODY_ELSE = dataclasses.replace(PARAMETERS, remote_identity=Identity.parse("lima.example.net"))


def ike_tunnel(index: int, parameters: IkeSaParameters = PARAMETERS) -> IkeTunnelState:
    tunnel = IkeTunnelState(index, float(index), parameters, parameters, IkeTraffic())
    tunnel.sas[index] = IkeSaState(index, tunnel, float(index), 0)
    return tunnel


def ipsec_tunnel(index: int, ike: IkeTunnelState) -> IpsecTunnelState:
    parameters = ChildSaParameters("lan", index, 1, 2, (), ())
    return IpsecTunnelState(index, ike, 0.0, parameters, (), IpsecTraffic())


def joined(associations: PeerAssociations, *tunnels: IkeTunnelState) -> list[PeerAssociation]:
    for tunnel in tunnels:
        associations.join_ike(tunnel)
    return [next(r for r in associations.rows() if r.key == t.association.key) for t in tunnels]


def test_the_same_two_identities_are_told_apart_by_number() -> None:
    rows = joined(
        PeerAssociations(), ike_tunnel(1), ike_tunnel(2, ELSEWHERE), ike_tunnel(3, SOMEBODY_ELSE)
    )
    assert [(row.key, row.number, row.ike_index) for row in rows] == [
        (1, 1, 1),
        (2, 2, 2),
        (3, 1, 3),
    ]
    assert rows[0].started_at == 1.0
    assert rows[1].remote_address == ELSEWHERE.remote_address


def test_the_lowest_free_number_is_used_again_but_no_key() -> None:
    associations = PeerAssociations()
    tunnels = [ike_tunnel(index) for index in range(1, 4)]
    joined(associations, *tunnels)
    associations.leave_ike(tunnels[1])
    assert [row.number for row in associations.rows()] == [1, 3]
    (row,) = joined(associations, ike_tunnel(4))
    assert (row.key, row.number) == (4, 2)
    assert [row.key for row in associations.rows()] == [1, 3, 4]


def test_an_association_with_ipsec_tunnels_waits_for_the_next_ike_tunnel() -> None:
    associations = PeerAssociations()
    old = ike_tunnel(1)
    joined(associations, old)
    ipsec = ipsec_tunnel(9, old)
    associations.join_ipsec(ipsec)
    associations.leave_ike(old)
    (row,) = associations.rows()
    assert (row.ike_index, row.members) == (0, ((1, 9),))
    (row,) = joined(associations, ike_tunnel(2))
    assert (row.key, row.ike_index, row.members, row.started_at) == (1, 2, ((1, 9),), 1.0)
    associations.leave_ipsec(ipsec)
    assert [row.members for row in associations.rows()] == [()]


def test_a_waiting_association_does_not_take_a_tunnel_to_another_address() -> None:
    associations = PeerAssociations()
    old = ike_tunnel(1)
    joined(associations, old)
    associations.join_ipsec(ipsec_tunnel(9, old))
    associations.leave_ike(old)
    (row,) = joined(associations, ike_tunnel(2, ELSEWHERE))
    assert (row.key, row.number) == (2, 2)


def test_an_association_goes_with_the_last_that_holds_it() -> None:
    associations = PeerAssociations()
    tunnel = ike_tunnel(1)
    joined(associations, tunnel)
    ipsec = ipsec_tunnel(9, tunnel)
    associations.join_ipsec(ipsec)
    associations.leave_ike(tunnel)
    assert len(associations.rows()) == 1
    associations.leave_ipsec(ipsec)
    assert associations.rows() == ()


def test_what_comes_and_goes_unseen_leaves_no_row() -> None:
    associations = PeerAssociations()
    tunnel = ike_tunnel(1)
    associations.join_ike(tunnel)
    associations.leave_ike(tunnel)
    assert associations.rows() == ()


def test_running_numbers_of_ipsec_tunnels_are_not_used_again() -> None:
    associations = PeerAssociations()
    ike = ike_tunnel(1)
    associations.join_ike(ike)
    tunnels = [ipsec_tunnel(index, ike) for index in (5, 6, 7)]
    for tunnel in tunnels[:2]:
        associations.join_ipsec(tunnel)
    associations.leave_ipsec(tunnels[1])
    associations.join_ipsec(tunnels[2])
    (row,) = associations.rows()
    assert row.members == ((1, 5), (3, 7))


def test_associations_wait_in_line() -> None:
    associations = PeerAssociations()
    tunnels = [ike_tunnel(index) for index in (1, 2)]
    joined(associations, *tunnels)
    for tunnel in tunnels:
        associations.join_ipsec(ipsec_tunnel(tunnel.index, tunnel))
        associations.leave_ike(tunnel)
    rows = joined(associations, ike_tunnel(3), ike_tunnel(4), ike_tunnel(5))
    assert [(row.key, row.number, len(row.members)) for row in rows] == [
        (1, 1, 1),
        (2, 2, 1),
        (3, 3, 0),
    ]


def test_the_end_of_a_former_ike_tunnel_changes_nothing() -> None:
    associations = PeerAssociations()
    old, new = ike_tunnel(1), ike_tunnel(2)
    associations.join_ike(old)
    associations.join_ipsec(ipsec_tunnel(9, old))
    associations.leave_ike(old)
    associations.join_ike(new)
    associations.leave_ike(old)
    assert [row.ike_index for row in associations.rows()] == [2]
