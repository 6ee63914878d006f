"""NO-01 to NO-05 on two real gateways: what snmptrapd and ``flowmib traps`` are told of them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import pytest

from mibs import served, smi
from tests.certificates import Authority
from tests.gateway_config import Changes
from tests.gateways import CommandError, Gateways
from tests.running_agent import RunningAgent
from tests.snmp_user import User
from tests.snmptrapd import PUBLIC, Received, Snmptrapd, as_receiver
from tests.trap_receiver import TrapReceiver

ENGINE_ID = bytes.fromhex("80001f8804666c6f776d6962")
TOLD, INFORMED = User("told", "SHA-256", "AES-128"), User("informed", "SHA-1", "AES-128")
FORMS = {
    ("1", "trap"): 'version = "1"\ncommunity = "public"',
    ("2c", "trap"): 'version = "2c"\ncommunity = "public"',
    ("2c", "inform"): 'version = "2c"\ncommunity = "public"\ninform = true',
    ("3", "trap"): f'version = "3"\nuser = "{TOLD.name}"',
    ("3", "inform"): f'version = "3"\nuser = "{INFORMED.name}"\ninform = true',
}
USERS = f'[snmp]\nengine_id = "{ENGINE_ID.hex()}"\n{TOLD.section()}\n{INFORMED.section()}\n'
TRAPD = PUBLIC + as_receiver(TOLD, ENGINE_ID, "priv") + as_receiver(INFORMED, level="priv")

MODULES = smi.load(served.MODULES)
NAMES = {MODULES.notification(name).oid: name for name in served.NOTIFICATIONS}
ENTERPRISE = (1, 3, 6, 1, 4, 1, 9, 9, 171, 2)

UP = Counter(cikeTunnelStart=1, cipSecTunnelStart=1)
DOWN = Counter(cikeTunnelStop=1, cipSecTunnelStop=1)
EARLY = DOWN + Counter(cipSecEarlyTunTerm=1)

versions = pytest.mark.parametrize("version", [1, 2])


def name_of(received: Received) -> str:
    if received.version == "1":
        if received.generic != 6:
            return {0: "coldStart", 4: "authenticationFailure"}[received.generic]
        return NAMES[(*received.enterprise, 0, received.specific)]
    return NAMES[received.trap_oid]


class Watched:
    """Two gateways, flowmib on alpha, and two receivers that each are told in every form."""

    def __init__(self, directory: Path, **settings: Unpack[Changes]) -> None:
        self.gateways = Gateways(directory, **settings)
        self.trapd = Snmptrapd(TRAPD)
        self.traps = TrapReceiver(configuration=USERS)
        self._seen: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        try:
            for part in (self.gateways, self.trapd, self.traps):
                self._stack.enter_context(part)
            self.agent = self._stack.enter_context(RunningAgent(configuration=self._text()))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def _text(self) -> str:
        targets = "".join(
            f'\n[[notify.target]]\naddress = "{address}"\n{form}\n'
            for address in (self.trapd.address, f"udp:{self.traps.endpoint}")
            for form in FORMS.values()
        )
        return f"""{USERS}
[source]
kind = "strongswan"
[source.strongswan]
vici = "{self.gateways.vici("alpha")}"
error_notify = "{self.gateways.error_notify("alpha")}"
interval = 1
[notify]
enable = ["isakmp", "ipsec", "snmp coldstart"]
{targets}"""

    def told(self, expected: Counter[str]) -> list[Received]:
        """Wait until both were told this in every form, and no more; return what snmptrapd got."""
        self._seen += expected
        number = len(FORMS) * self._seen.total()
        received = self.trapd.wait_for(number)
        mine = self.traps.wait_for_number(number)
        for form in FORMS:
            names = Counter(name_of(r) for r in received if (r.version, r.kind) == form)
            assert names == self._seen, form
        assert Counter(one["notification"] for one in mine) == Counter(
            {name: count * len(FORMS) for name, count in self._seen.items()}
        )
        return received[-len(FORMS) * expected.total() :]


def objects(received: Sequence[Received], name: str) -> dict[str, Any]:
    """The objects of a notification by their names; they are the same in every form."""
    forms = [
        [(varbind.name, varbind.value) for varbind in one.varbinds]
        for one in received
        if name_of(one) == name
    ]
    assert len(forms) >= len(FORMS)
    assert all(form == forms[0] for form in forms)
    oids = {type_.oid: type_.name for m in MODULES.modules for type_ in m.objects}
    return {
        next(oids[oid[:n]] for n in range(len(oid), 0, -1) if oid[:n] in oids): value
        for oid, value in forms[0]
    }


ALPHA, BETA = bytes((10, 9, 0, 1)), bytes((10, 9, 0, 2))


@versions
def test_tunnels_that_come_and_go(directory: Path, version: int) -> None:
    with Watched(directory, version=version) as watched:
        watched.told(Counter(coldStart=1))
        watched.gateways.initiate()
        received = watched.told(UP)
        start = objects(received, "cikeTunnelStart")
        assert list(start) == ["cikePeerLocalAddr", "cikePeerRemoteAddr", "cikeTunLifeTime"]
        assert (start["cikePeerLocalAddr"], start["cikePeerRemoteAddr"]) == (ALPHA, BETA)
        assert start["cikeTunLifeTime"] == 3600
        ipsec = objects(received, "cipSecTunnelStart")
        assert list(ipsec) == [
            *("cipSecTunLifeTime", "cipSecTunLifeSize"),
            *("cipSecEndPtLocalAddr1", "cipSecEndPtRemoteAddr1"),
        ]
        assert ipsec["cipSecEndPtLocalAddr1"] == bytes((10, 10, 1, 0))
        # NO-05: a rekey is no end and no beginning.
        watched.gateways.rekey_child()
        watched.gateways.rekey_ike()
        watched.gateways.terminate()
        received = watched.told(EARLY)
        stop = objects(received, "cikeTunnelStop")
        assert list(stop)[2:] == ["cikeTunActiveTime", "cikeTunHistTermReason"]
        assert stop["cikeTunHistTermReason"] == 3
        assert objects(received, "cipSecTunnelStop")["cipSecTunHistTermReason"] == 3
        early = objects(received, "cipSecEarlyTunTerm")
        assert early["cipSecSpiProtocol"] == 2
        watched.gateways.initiate(side="beta")
        watched.told(UP)
        watched.gateways.terminate(side="beta")
        received = watched.told(EARLY)
        assert objects(received[-3 * len(FORMS) :], "cikeTunnelStop")["cikeTunHistTermReason"] == 4


@versions
def test_set_ups_that_fail(directory: Path, version: int) -> None:
    protocol = Counter(cikeProtocolFailure=1)
    # The IKE tunnel comes up, and stays.
    child = Counter(cikeTunnelStart=1, cipSecSetUpFailure=1)
    other_networks = "\n local_ts = 192.0.2.0/25\n remote_ts = 192.0.2.128/25"
    cases: list[tuple[Changes, Counter[str]]] = [
        ({"proposals": "aes256-sha512-modp3072"}, protocol),
        ({"esp_proposals": "aes256-sha512"}, child),
        ({"child_extra": other_networks}, child),
        ({"psk": "another"}, protocol),
    ]
    with Watched(directory, version=version, dpd_delay=0) as watched:
        watched.told(Counter(coldStart=1))
        gateways = watched.gateways
        good = gateways.settings("beta")
        for changes, expected in cases:
            gateways.reconfigure("beta", **changes)
            with contextlib.suppress(CommandError):
                gateways.initiate()
            received = watched.told(expected)
            failure = "cipSecSetUpFailure" if expected == child else "cikeProtocolFailure"
            told = objects(received, failure)
            assert told == {"cikePeerLocalAddr": ALPHA, "cikePeerRemoteAddr": BETA}
            if expected == child:
                gateways.terminate()
                watched.told(Counter(cikeTunnelStop=1))
            gateways.reconfigure("beta", **{key: getattr(good, key) for key in changes})


@versions
def test_certificates_that_are_refused(directory: Path, version: int) -> None:
    trusted, unknown = Authority("Lab CA"), Authority("Another CA")
    alpha, beta = "10.9.0.1", "10.9.0.2"
    refused = {
        "expired": trusted.files(beta, trusted.issue(beta, expired=True)),
        "untrusted": {
            **unknown.files(beta, unknown.issue(beta)),
            "x509ca/authority.pem": trusted.pem,
        },
    }
    with Watched(directory, version=version, dpd_delay=0, auth="pubkey") as watched:
        watched.told(Counter(coldStart=1))
        watched.gateways.reconfigure("alpha", files=trusted.files(alpha, trusted.issue(alpha)))
        for files in refused.values():
            watched.gateways.reconfigure("beta", files=files)
            with contextlib.suppress(CommandError):
                watched.gateways.initiate()
            received = watched.told(Counter(cikeCertCrlFailure=1))
            told = objects(received, "cikeCertCrlFailure")
            assert told == {"cikePeerLocalAddr": ALPHA, "cikePeerRemoteAddr": BETA}


@versions
def test_garbage(directory: Path, version: int) -> None:
    with Watched(directory, version=version, dpd_delay=0) as watched:
        watched.told(Counter(coldStart=1))
        watched.gateways.send("beta", b"short")
        received = watched.told(Counter(cikeProtocolFailure=1))
        told = objects(received, "cikeProtocolFailure")
        assert told["cikePeerRemoteAddr"] == BETA


def test_no05_tunnels_of_before_a_start_are_not_told(directory: Path) -> None:
    with Watched(directory) as watched:
        watched.gateways.initiate()
        watched.told(Counter(coldStart=1) + UP)
        watched.agent.restart()
        watched.told(Counter(coldStart=1))
        watched.gateways.rekey_child()
        watched.gateways.terminate()
        # Nothing of the tunnel's beginning, or there would be more than its end.
        watched.told(EARLY)


@versions
def test_a_peer_that_falls_silent(directory: Path, version: int) -> None:
    with Watched(directory, version=version) as watched:
        watched.gateways.initiate()
        watched.told(Counter(coldStart=1) + UP)
        watched.gateways.cut()
        received = watched.told(EARLY)
        assert objects(received, "cikeTunnelStop")["cikeTunHistTermReason"] == 5
