"""agent.traps.notification: what is printed, word by word."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from agent.snmp.security import SecurityLevel
from agent.traps.decode import Decoder, Value
from agent.traps.notification import (
    Received,
    Security,
    TrapV1,
    Varbind,
    json_line,
    text_block,
)
from mibs import ber, smi
from mibs.names import Names
from mibs.smi import Oid

SMI = smi.load()
DECODER = Decoder(Names(SMI))
AT = datetime(2025, 3, 30, 12, 34, 56, 789012, timezone(timedelta(hours=2)))
ENGINE_ID = bytes.fromhex("800000000501")

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
TRAP_OID: Oid = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
PEER = (1, *(8, *b"10.9.0.1"), 1, *(8, *b"10.9.0.2"), 1)
SET_NAME = (3, *b"vpn")

SENT: dict[str, tuple[Oid, Value]] = {
    "cikePeerLocalAddr": (PEER, bytes((10, 9, 0, 1))),
    "cikePeerRemoteAddr": (PEER, bytes((10, 9, 0, 2))),
    "cikeTunLifeTime": ((1,), 3600),
    "cikeTunActiveTime": ((1,), 12345),
    "cipSecTunLifeTime": ((2,), 1800),
    "cipSecTunLifeSize": ((2,), 4608000),
    "cipSecTunActiveTime": ((2,), 90061234),
    "cipSecSpiProtocol": ((2, 1), 2),
    "cipsNumIsakmpPolicies": ((0,), 4),
    "cipsStaticCryptomapType": ((*SET_NAME, 10), 2),
    "cipsStaticCryptomapSetSize": (SET_NAME, 3),
    "cipsStaticCryptomapSetNumIsakmp": (SET_NAME, 2),
    "cipsStaticCryptomapSetNumDynamic": (SET_NAME, 1),
    "cipsMaxSAs": ((0,), 200),
}
"""For each object that a notification has: the instance and the value that are sent."""

LOCAL = 'cikePeerLocalAddr.1."10.9.0.1".1."10.9.0.2".1 = 10.9.0.1'
REMOTE = 'cikePeerRemoteAddr.1."10.9.0.1".1."10.9.0.2".1 = 10.9.0.2'
SET_SIZE = 'cipsStaticCryptomapSetSize."vpn" = 3'

PRINTED = {
    "cikeTunnelStart": [LOCAL, REMOTE, "cikeTunLifeTime.1 = 3600 seconds"],
    "cikeTunnelStop": [LOCAL, REMOTE, "cikeTunActiveTime.1 = 00:02:03.45"],
    "cikeSysFailure": [LOCAL, REMOTE],
    "cikeCertCrlFailure": [LOCAL, REMOTE],
    "cikeProtocolFailure": [LOCAL, REMOTE],
    "cikeNoSa": [LOCAL, REMOTE],
    "cipSecTunnelStart": [
        "cipSecTunLifeTime.2 = 1800 Seconds",
        "cipSecTunLifeSize.2 = 4608000 KBytes",
    ],
    "cipSecTunnelStop": ["cipSecTunActiveTime.2 = 10d 10:10:12.34"],
    "cipSecSysFailure": [
        LOCAL,
        REMOTE,
        "cipSecTunActiveTime.2 = 10d 10:10:12.34",
        "cipSecSpiProtocol.2.1 = esp(2)",
    ],
    "cipSecSetUpFailure": [LOCAL, REMOTE],
    "cipSecEarlyTunTerm": [
        "cipSecTunActiveTime.2 = 10d 10:10:12.34",
        "cipSecSpiProtocol.2.1 = esp(2)",
    ],
    "cipSecProtocolFailure": [
        "cipSecTunActiveTime.2 = 10d 10:10:12.34",
        "cipSecSpiProtocol.2.1 = esp(2)",
    ],
    "cipSecNoSa": [],
    "cipsIsakmpPolicyAdded": ["cipsNumIsakmpPolicies.0 = 4"],
    "cipsIsakmpPolicyDeleted": ["cipsNumIsakmpPolicies.0 = 4"],
    "cipsCryptomapAdded": [
        'cipsStaticCryptomapType."vpn".10 = cryptomapTypeISAKMP(2)',
        SET_SIZE,
    ],
    "cipsCryptomapDeleted": [SET_SIZE],
    "cipsCryptomapSetAttached": [
        SET_SIZE,
        'cipsStaticCryptomapSetNumIsakmp."vpn" = 2',
        'cipsStaticCryptomapSetNumDynamic."vpn" = 1',
    ],
    "cipsCryptomapSetDetached": [SET_SIZE],
    "cipsTooManySAs": ["cipsMaxSAs.0 = 200 Integral Units"],
    "coldStart": [],
    "warmStart": [],
    "authenticationFailure": [],
}


def varbinds(name: str) -> list[Varbind]:
    """Give what is sent, by the MIB."""
    notification = SMI.notification(name)
    found: list[Varbind] = [
        (SYS_UP_TIME, ber.TIME_TICKS, 12345678),
        (TRAP_OID, ber.OBJECT_IDENTIFIER, notification.oid),
    ]
    for label in notification.objects:
        item = SMI.object(label)
        suffix, value = SENT[label]
        found.append(((*item.oid, *suffix), item.tag, value))
    return found


def test_no_notification_is_forgotten() -> None:
    assert PRINTED.keys() == {
        notification.name for module in SMI.modules for notification in module.notifications
    }


@pytest.mark.parametrize("name", PRINTED)
def test_every_notification(name: str) -> None:
    received = Received(AT, "192.0.2.1", "2c", "trap", varbinds(name))
    assert text_block(received, DECODER).splitlines() == [
        "2025-03-30T12:34:56.789+02:00 192.0.2.1 v2c trap",
        f"  {name}, sysUpTime 1d 10:17:36.78",
        *(f"    {line}" for line in PRINTED[name]),
        "",
    ]
    line = json_line(received, DECODER)
    assert line.endswith("}\n")
    found = json.loads(line)
    assert found["notification"] == name
    texts = [item.partition(" = ")[2] for item in PRINTED[name]]
    assert [item["text"] for item in found["objects"]] == texts


def test_the_text_of_snmpv3() -> None:
    security = Security("ops", SecurityLevel.AUTH_PRIV, ENGINE_ID)
    start = varbinds("cipSecNoSa")
    trap = Received(AT, "2001:db8::1", "3", "trap", start, security, context="a context")
    assert text_block(trap, DECODER) == (
        "2025-03-30T12:34:56.789+02:00 2001:db8::1 v3 trap, user 'ops', authPriv,"
        " engine 800000000501, context 'a context'\n"
        "  cipSecNoSa, sysUpTime 1d 10:17:36.78\n\n"
    )
    # The engine of an inform is ours.
    inform = Received(AT, "192.0.2.1", "3", "inform", start, security)
    assert text_block(inform, DECODER).startswith(
        "2025-03-30T12:34:56.789+02:00 192.0.2.1 v3 inform, user 'ops', authPriv\n"
    )


def test_the_text_of_snmpv1() -> None:
    v1 = TrapV1((1, 3, 6, 1, 4, 1, 9, 9, 171, 2), "10.9.0.1", 6, 13)
    received = Received(AT, "192.0.2.1", "1", "trap", varbinds("cipSecNoSa"), v1=v1)
    assert text_block(received, DECODER) == (
        "2025-03-30T12:34:56.789+02:00 192.0.2.1 v1 trap\n"
        "  enterprise 1.3.6.1.4.1.9.9.171.2, generic 6, specific 13, agent 10.9.0.1\n"
        "  cipSecNoSa, sysUpTime 1d 10:17:36.78\n\n"
    )


KEYS = [
    *("time", "sender", "version", "kind", "user", "level", "engine", "context", "up_time"),
    *("notification", "oid", "v1", "objects"),
]


def test_the_json_of_snmpv3() -> None:
    security = Security("ops", SecurityLevel.AUTH_NO_PRIV, ENGINE_ID)
    received = Received(
        AT, "192.0.2.1", "3", "inform", varbinds("cikeTunnelStart"), security, context="c"
    )
    found: dict[str, Any] = json.loads(json_line(received, DECODER))
    assert list(found) == KEYS
    peer = "1.8.49.48.46.57.46.48.46.49.1.8.49.48.46.57.46.48.46.50.1"
    index = [1, "10.9.0.1", 1, "10.9.0.2", 1]
    assert found == {
        "time": "2025-03-30T12:34:56.789+02:00",
        "sender": "192.0.2.1",
        "version": "3",
        "kind": "inform",
        "user": "ops",
        "level": "authNoPriv",
        "engine": "800000000501",
        "context": "c",
        "up_time": 12345678,
        "notification": "cikeTunnelStart",
        "oid": "1.3.6.1.4.1.9.9.171.2.0.1",
        "v1": None,
        "objects": [
            {
                "name": "cikePeerLocalAddr",
                "index": index,
                "oid": f"1.3.6.1.4.1.9.9.171.1.2.2.1.6.{peer}",
                "type": "OCTET STRING",
                "value": "10.9.0.1",
                "text": "10.9.0.1",
            },
            {
                "name": "cikePeerRemoteAddr",
                "index": index,
                "oid": f"1.3.6.1.4.1.9.9.171.1.2.2.1.7.{peer}",
                "type": "OCTET STRING",
                "value": "10.9.0.2",
                "text": "10.9.0.2",
            },
            {
                "name": "cikeTunLifeTime",
                "index": [1],
                "oid": "1.3.6.1.4.1.9.9.171.1.2.3.1.15.1",
                "type": "INTEGER",
                "value": 3600,
                "text": "3600 seconds",
            },
        ],
    }
    assert list(found["objects"][0]) == ["name", "index", "oid", "type", "value", "text"]


def test_the_json_of_snmpv1() -> None:
    v1 = TrapV1((1, 3, 6, 1, 4, 1, 9, 9, 171, 2), "10.9.0.1", 6, 13)
    received = Received(AT, "192.0.2.1", "1", "trap", varbinds("cipSecNoSa"), v1=v1)
    found = json.loads(json_line(received, DECODER))
    assert list(found) == KEYS
    assert found["v1"] == {
        "enterprise": "1.3.6.1.4.1.9.9.171.2",
        "generic": 6,
        "specific": 13,
        "agent_address": "10.9.0.1",
    }
    assert (found["user"], found["level"], found["engine"]) == (None, None, None)


def test_a_notification_of_no_mib() -> None:
    unknown: list[Varbind] = [
        (SYS_UP_TIME, ber.TIME_TICKS, 0),
        (TRAP_OID, ber.OBJECT_IDENTIFIER, (1, 3, 6, 1, 4, 1, 99999, 0, 1)),
        ((1, 3, 6, 1, 4, 1, 99999, 1, 0), ber.OCTET_STRING, b"\x00\xff"),
    ]
    received = Received(AT, "192.0.2.1", "2c", "trap", unknown)
    assert text_block(received, DECODER).splitlines()[1:] == [
        "  1.3.6.1.4.1.99999.0.1, sysUpTime 00:00:00.00",
        "    1.3.6.1.4.1.99999.1.0 = OCTET STRING: 0x00ff",
        "",
    ]
    found = json.loads(json_line(received, DECODER))
    assert (found["notification"], found["oid"]) == (None, "1.3.6.1.4.1.99999.0.1")
    (item,) = found["objects"]
    assert (item["name"], item["index"], item["value"]) == (None, [], "0x00ff")


@pytest.mark.parametrize(
    ("sent", "lines", "up_time", "oid"),
    [
        ([], ["  no snmpTrapOID.0", ""], None, None),
        (
            [(TRAP_OID, ber.OBJECT_IDENTIFIER, (1, 3, 6, 1, 6, 3, 1, 1, 5, 1))],
            ["  coldStart", ""],
            None,
            "1.3.6.1.6.3.1.1.5.1",
        ),
        (
            [(SYS_UP_TIME, ber.TIME_TICKS, 100), (TRAP_OID, ber.INTEGER, 5)],
            [
                "  no snmpTrapOID.0, sysUpTime 00:00:01.00",
                "    snmpTrapOID.0 = INTEGER: 5",
                "",
            ],
            100,
            None,
        ),
        (
            [(SYS_UP_TIME, ber.INTEGER, 100)],
            ["  no snmpTrapOID.0", "    sysUpTime.0 = INTEGER: 100", ""],
            None,
            None,
        ),
    ],
)
def test_without_the_objects_that_come_first(
    sent: list[Varbind], lines: list[str], up_time: int | None, oid: str | None
) -> None:
    received = Received(AT, "192.0.2.1", "2c", "trap", sent)
    assert text_block(received, DECODER).splitlines()[1:] == lines
    found = json.loads(json_line(received, DECODER))
    assert (found["up_time"], found["oid"]) == (up_time, oid)


def test_se04_a_community_that_a_proxy_sends_is_not_shown() -> None:
    community = ((1, 3, 6, 1, 6, 3, 18, 1, 4, 0), ber.OCTET_STRING, b"very secret")
    received = Received(AT, "192.0.2.1", "2c", "trap", [*varbinds("coldStart"), community])
    for printed in (text_block(received, DECODER), json_line(received, DECODER)):
        assert "secret" not in printed


def test_the_time_is_shown_with_its_offset() -> None:
    received = Received(AT.astimezone(UTC), "192.0.2.1", "2c", "trap", [])
    assert text_block(received, DECODER).startswith("2025-03-30T10:34:56.789+00:00 ")
