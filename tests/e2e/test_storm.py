"""All tunnels of a large gateway get lost within a second: everything is counted, kept and told."""

from __future__ import annotations

import socket
from collections import Counter

from agent.snmp.message import decode_bindings, decode_envelope, decode_pdu
from mibs import ber, served, smi
from tests.gateways import wait_for
from tests.net_snmp import V2C, dotted, run, varbinds
from tests.running_agent import RunningAgent

MODULES = smi.load(served.MODULES)
TUNNELS = 2000
NAMES = {ber.encode_oid(MODULES.notification(n).oid): n for n in served.NOTIFICATIONS}
ENDED = {
    "cikeTunnelStop": "cikeGlobalPreviousTunnels",
    "cipSecTunnelStop": "cipSecGlobalPreviousTunnels",
}
WINDOWS = {"cikeTunHistTermReason": 50, "cipSecTunHistTermReason": 50, "cikeFailReason": 70}


def name_of(datagram: bytes) -> str:
    envelope = decode_envelope(datagram)
    pdu = decode_pdu(datagram, envelope.pdu_type, envelope.start, envelope.stop)
    return NAMES[decode_bindings(pdu.varbinds)[1].content]


def counters(agent: RunningAgent) -> Counter[str]:
    names = {name: dotted((*MODULES.object(of).oid, 0)) for name, of in ENDED.items()}
    found = varbinds(run("snmpget", agent, V2C, *names.values()))
    return Counter({name: int(found[f".{oid}"].split()[-1]) for name, oid in names.items()})


def numbers(agent: RunningAgent, column: str) -> list[int]:
    root = dotted(MODULES.object(column).oid)
    found = varbinds(run("snmpbulkwalk", agent, (*V2C, "-Cr50"), root))
    return [int(oid.rpartition(".")[2]) for oid in found]


def test_every_end_is_told_once_and_the_newest_are_kept() -> None:
    told: Counter[str] = Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        text = f"""
[[snmp.community]]
name = "public"
[history]
tunnel_size = 50
failure_size = 70
[source.simulated]
tunnels = {TUNNELS}
outage_after = 3
[notify]
enable = ["isakmp tunnel stop", "ipsec tunnel stop"]
[[notify.target]]
address = "udp:127.0.0.1:{receiver.getsockname()[1]}"
community = "public"
rate = 1000
"""
        with RunningAgent("--source", "simulated", configuration=text) as agent:

            def all_told() -> bool:
                while True:
                    try:
                        told[name_of(receiver.recv(65535))] += 1
                    except BlockingIOError:
                        break
                return told["cipSecTunnelStop"] >= TUNNELS and counters(agent) == told

            wait_for(all_told, "every end to be told", 60.0)
            for column, size in WINDOWS.items():
                kept = numbers(agent, column)
                assert len(kept) == size
                assert kept == list(range(kept[0], kept[0] + size))
            assert numbers(agent, "cikeTunHistTermReason")[-1] >= told["cikeTunnelStop"]
