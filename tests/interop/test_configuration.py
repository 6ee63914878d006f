"""What is configured on real gateways; ``swanctl`` loads it, changes it and is the witness."""

from __future__ import annotations

import asyncio
import glob
import ipaddress
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, Unpack

import pytest

from datasource.configuration import Configuration, CryptoMapSet, PolicyKind
from datasource.control import UnloadError
from datasource.errors import DataSourceError
from datasource.events import (
    CryptoMapAdded,
    CryptoMapDeleted,
    Event,
    IsakmpPolicyAdded,
    IsakmpPolicyDeleted,
)
from datasource.model import AuthMethod, EncapsulationMode, IkeTunnel, Proposal
from datasource.snapshot import Snapshot
from datasource.strongswan.default_proposals import DEFAULT_ESP, default_ike_offers
from datasource.strongswan.link import Link
from datasource.strongswan.proposals import Offer
from datasource.strongswan.settings import Files
from datasource.strongswan.source import StrongSwanSource, tracker_for
from datasource.strongswan.swanctl_conf import agrees, read_swanctl_conf
from tests.certificates import Authority
from tests.following import following
from tests.gateway_config import SIDES, Changes
from tests.gateways import CommandError, Gateways
from tests.unit.datasource.strongswan.replay import encode

CHANGES = CryptoMapAdded | CryptoMapDeleted | IsakmpPolicyAdded | IsakmpPolicyDeleted

OFFICE = """
connections {
  office {
    version = 2
    remote_addrs = 10.9.0.7, peer.example.org
    local { auth = psk }
    remote { auth = psk }
    children {
      web { remote_ts = 10.20.0.0/24 }
      mail { remote_ts = 10.21.0.0/24
        mode = transport
        rekey_time = 20m
        rekey_bytes = 500000000 }
    }
  }
}
"""
ROAD = """
connections {
  road {
    remote_addrs = %any
    proposals = aes256-sha384-ecp384
    pools = phones
    local { auth = pubkey
      id = gw.example.org }
    remote { auth = eap-radius
      id = %any }
    children { all { local_ts = 0.0.0.0/0 } }
  }
}
pools { phones { addrs = 10.30.0.0/24 } }
"""


class Watched:
    """One gateway, as the source shows it."""

    def __init__(self, gateways: Gateways, *, file: bool = False) -> None:
        self.gateways = gateways
        self.tracker = tracker_for(log_events=True)
        self.source = StrongSwanSource(
            self.tracker,
            gateways.vici("alpha"),
            interval=5.0,
            min_interval=0.1,
            patience=2.0,
            swanctl_conf=gateways.swanctl_conf("alpha") if file else None,
        )
        self.events: list[Event] = []

    @property
    def snapshot(self) -> Snapshot:
        return self.tracker.snapshot(asyncio.get_running_loop().time())

    @property
    def configuration(self) -> Configuration:
        return self.snapshot.configuration

    @property
    def sets(self) -> dict[str, CryptoMapSet]:
        now = self.configuration
        return {row.name: row for row in (*now.static_sets, *now.dynamic_sets)}

    @property
    def tunnels(self) -> tuple[IkeTunnel, ...]:
        return self.snapshot.ike_tunnels

    def changes(self) -> list[str]:
        """Return what has changed since this was asked last, as text."""
        return [
            f"{type(event).__name__} {_subject(event)}"
            for event in self.tracker.take_events()
            if isinstance(event, CHANGES)
        ]

    async def until(
        self, condition: Callable[[], object], what: str, seconds: float = 10.0
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            assert loop.time() < deadline, f"not within {seconds} s: {what}"
            await asyncio.sleep(0.01)

    async def reconfigure(self, **changes: Unpack[Changes]) -> None:
        await asyncio.to_thread(self.gateways.reconfigure, "alpha", **changes)


def _subject(event: Event) -> str:
    if isinstance(event, CryptoMapAdded | CryptoMapDeleted):
        return f"{event.crypto_map.set_name}/{event.crypto_map.child.name}"
    assert isinstance(event, IsakmpPolicyAdded | IsakmpPolicyDeleted)
    return f"{event.policy.priority} {event.policy.policy.proposal.encryption}"


def run(
    directory: Path,
    body: Callable[[Watched], Awaitable[None]],
    *,
    file: bool = False,
    **settings: Unpack[Changes],
) -> None:
    async def main(gateways: Gateways) -> None:
        watched = Watched(gateways, file=file)
        async with following(watched.source):
            await body(watched)
        assert not watched.source._problems

    with Gateways(directory, **settings) as gateways:
        asyncio.run(main(gateways))


def test_connections_come_change_and_go(directory: Path) -> None:
    async def body(watched: Watched) -> None:
        assert set(watched.sets) == {"site", "office"}
        assert not watched.changes(), "news of what was there before"
        office = watched.sets["office"]
        assert not office.dynamic
        assert [(one.priority, one.child.name, one.peers) for one in office.members] == [
            (1, "web", 2),
            (2, "mail", 2),
        ]
        web, mail = (one.child for one in office.members)
        assert web.remote_selectors == ("10.20.0.0/24",)
        assert (web.mode, web.lifetime, web.lifetime_octets) == (
            EncapsulationMode.TUNNEL,
            None,
            None,
        )
        assert (mail.mode, mail.lifetime, mail.lifetime_octets) == (
            EncapsulationMode.TRANSPORT,
            1200,
            500_000_000,
        )
        assert office.members[0].peer == ipaddress.ip_address("10.9.0.7")
        assert watched.configuration.enabled
        assert watched.configuration.keepalive == 1
        assert watched.configuration.defaults.lifetime == 3600

        await watched.reconfigure(swanctl_extra=OFFICE + ROAD)
        # The log tells, long before the next poll.
        await watched.until(lambda: "road" in watched.sets, "a new connection", 1.0)
        assert watched.sets["road"].dynamic
        assert not watched.changes(), "a dynamic crypto map has no notification"

        await watched.reconfigure(swanctl_extra=OFFICE.replace("web {", "www {") + ROAD)
        await watched.until(
            lambda: [one.child.name for one in watched.sets["office"].members] == ["mail", "www"],
            "another child",
            1.0,
        )
        assert watched.changes() == ["CryptoMapDeleted office/web", "CryptoMapAdded office/www"]
        assert [one.priority for one in watched.sets["office"].members] == [2, 3]

        await watched.reconfigure(swanctl_extra="")
        await watched.until(lambda: set(watched.sets) == {"site"}, "what is left", 3.0)
        assert watched.changes() == ["CryptoMapDeleted office/mail", "CryptoMapDeleted office/www"]

    run(directory, body, swanctl_extra=OFFICE)


def test_a_configured_tunnel_that_is_down_and_up_and_rekeyed(directory: Path) -> None:
    async def body(watched: Watched) -> None:
        gateways = watched.gateways
        assert watched.sets["site"].sas == 0
        await asyncio.to_thread(gateways.initiate)
        await watched.until(lambda: watched.sets["site"].sas == 2, "both SAs")
        (ipsec,) = watched.snapshot.ipsec_tunnels
        assert ipsec.policy_map is not None
        assert (ipsec.policy_map.set_name, ipsec.policy_map.priority) == ("site", 1)
        # Without the file the policies are learned of the SAs, which is no news.
        (policy,) = watched.configuration.policies
        assert (policy.priority, policy.kind) == (1, PolicyKind.CONFIGURED)
        assert policy.policy.proposal == watched.tunnels[0].parameters.proposal
        assert policy.policy.auth_method is AuthMethod.PRE_SHARED_KEY
        assert policy.policy.lifetime == 3600
        assert watched.tunnels[0].policy == 1

        counts = set()

        async def count() -> None:
            while True:
                counts.add(watched.sets["site"].sas)
                await asyncio.sleep(0.005)

        counting = asyncio.create_task(count())
        for rekey in (gateways.rekey_child, gateways.rekey_ike):
            await asyncio.to_thread(rekey)
        await watched.until(lambda: watched.snapshot.ipsec_tunnels[0].refreshes == 1, "the rekey")
        counting.cancel()
        assert counts == {2}
        await asyncio.to_thread(gateways.terminate)
        await watched.until(lambda: watched.sets["site"].sas == 0, "its end")
        assert not watched.changes()

    run(directory, body, dpd_delay=0)


def test_unload(directory: Path) -> None:
    async def body(watched: Watched) -> None:
        await asyncio.to_thread(watched.gateways.initiate)
        await watched.until(lambda: watched.tunnels, "the tunnel")
        assert watched.source.can_unload
        await watched.source.unload("site")
        assert not watched.sets
        assert "CryptoMapDeleted site/net" in watched.changes()
        assert not watched.gateways.list_conns("alpha")
        await watched.source.unload("site")  # it has gone, which is no error
        assert len(watched.tunnels) == 1
        watched.gateways.stop("alpha")
        with pytest.raises(UnloadError):
            await watched.source.unload("site")

    run(directory, body)


def test_a_restart_with_the_same_connections_is_no_news(directory: Path) -> None:
    async def body(watched: Watched) -> None:
        before = watched.configuration
        await asyncio.to_thread(watched.gateways.stop, "alpha")
        await watched.until(lambda: not watched.configuration.enabled, "that it is away")
        assert watched.configuration.crypto_maps == before.crypto_maps
        await asyncio.to_thread(watched.gateways.start, "alpha")
        await watched.until(lambda: watched.configuration.enabled, "that it is back")
        await asyncio.to_thread(watched.gateways.initiate)
        await watched.until(lambda: watched.sets["site"].sas == 2, "its tunnel")
        assert watched.configuration.crypto_maps == before.crypto_maps
        assert not watched.changes()

        # One that the new daemon does not get is missed for a while, and then is gone.
        await asyncio.to_thread(watched.gateways.stop, "alpha")
        watched.gateways.reconfigure("alpha", swanctl_extra="")
        await asyncio.to_thread(watched.gateways.start, "alpha")
        await watched.until(lambda: set(watched.sets) == {"site"}, "that it is gone", 15.0)
        assert watched.changes() == [
            "CryptoMapDeleted office/web",
            "CryptoMapDeleted office/mail",
        ]

    run(directory, body, swanctl_extra=OFFICE)


# Policies -----------------------------------------------------------------------------------------


def _offered(log: str) -> list[list[str]]:
    """Return the proposals of the peer, as charon has logged them last."""
    lines = re.findall(r"received proposals: (IKE:.*)", log)
    return [re.split("[:/]", offer) for offer in lines[-1].split(", ")]


def _as_logged(offer: Offer) -> list[str]:
    ciphers = [f"{name}_{bits}" if bits else name for name, bits in offer.encryption]
    return [offer.protocol, *ciphers, *offer.integrity, *offer.prf, *offer.groups]


def _printed(proposal: Proposal) -> list[str]:
    bits = f"_{proposal.key_bits}" if proposal.key_bits else ""
    parts = (proposal.integrity, proposal.prf, proposal.group)
    return [proposal.encryption + bits, *(part for part in parts if part)]


@pytest.mark.parametrize("plugins", ["", "gcrypt cmac xcbc chapoly ctr"])
def test_what_the_daemon_offers_by_default(directory: Path, plugins: str) -> None:
    async def body(watched: Watched) -> None:
        gateways = watched.gateways
        gateways.reconfigure("beta", proposals="aes128-md5-modp768")
        with pytest.raises(CommandError):
            gateways.initiate()
        async with await Link.connect(gateways.vici("alpha")) as link:
            offers = default_ike_offers(await link.command("get-algorithms"))
        assert [_as_logged(offer) for offer in offers] == _offered(gateways.log("beta"))

        policies = watched.configuration.defaults.policies
        assert len(policies) == 8
        for signature, shared in zip(policies[::2], policies[1::2], strict=True):
            assert signature.auth_method is AuthMethod.SIGNATURE
            assert shared.auth_method is AuthMethod.PRE_SHARED_KEY
            assert signature.proposal == shared.proposal
            assert signature.lifetime == shared.lifetime == 14400
        ciphers = [(one.proposal.encryption, one.proposal.key_bits) for one in policies[::2]]
        assert ciphers == [cipher for offer in offers for cipher in offer.encryption][:4]
        assert watched.configuration.defaults.triple_des is bool(plugins)

    run(directory, body, proposals="default", plugins=plugins)


@pytest.mark.parametrize("auth", ["psk", "pubkey"])
def test_default_policies_are_what_two_such_gateways_agree_on(
    directory: Path, auth: Literal["psk", "pubkey"]
) -> None:
    async def body(watched: Watched) -> None:
        authority = Authority("Trusted")
        for side in SIDES if auth == "pubkey" else ():
            address = watched.gateways.endpoint(side)
            files = authority.files(address, authority.issue(address))
            await asyncio.to_thread(watched.gateways.reconfigure, side, files=files)
        await asyncio.to_thread(watched.gateways.initiate)
        await watched.until(lambda: watched.tunnels, "the tunnel")
        policies = {one.priority: one for one in watched.configuration.policies}
        assert set(policies) == set(range(65507, 65515))
        number = watched.tunnels[0].policy
        assert number == (65508 if auth == "psk" else 65507)
        assert policies[number].policy.proposal == watched.tunnels[0].parameters.proposal
        assert policies[number].kind is PolicyKind.DEFAULT
        assert not watched.changes()

    run(directory, body, file=True, proposals="default", auth=auth)


# swanctl.conf -------------------------------------------------------------------------------------

# Whatever strongswan.conf(5) has of syntax.
SYNTAX = """
template { proposals = aes256-sha256-modp2048
  version = 2
  local { auth = psk }
  remote-a { auth = eap-md5
    id = %any }
  children { inherited { esp_proposals = aes128gcm16-x25519, default } }
}
connections {
  a : template { remote_addrs = 10.9.0.2 , 10.9.0.3
    children { own : child-template { ah_proposals = sha256-modp2048,default } } }
  b : connections.a, template {
    proposals =
    version = 1
    remote-a { auth = psk } }
  c
  {
    local_addrs="10.9.0.1, 10.9.0.7",
    proposals = "aes128-aes256-sha256-sha384-prfsha512-modp2048-ecp256" , default
    rekey_time = 0x10 m # with a comment
    local-2 { auth = xauth-generic }
    local {  }
    remote { auth = ike:rsa-sha256 }
    children { x { mode = pass } y { life_time = 3h
        esp_proposals = null-md5-esn } }
  }
  include conf.d/*.conf  # more
  include "conf.d/../other dir/d\\ 1.conf"
  include conf.d/*.none
  d { version = 0 }
}
# Extends it.
connections { d { version = 2
  children { k { } } }
  e { local { auth = pubkey-sha256-ecdsa } remote { }
    proposals = aes128gcm16-sha384-curve25519-ecp384bp,3des-md5-modp768
    children { k { esp_proposals = aes-none
      ah_proposals = aesxcbc-aescmac } } } }
child-template { rekey_time = 20m
  local_ts = 10.3.0.0/16 }
secrets { include secrets.d/*.conf
}
"""
FILES = {
    "conf.d/one.conf": b"""one { version = 1
  local { auth = psk
} remote { auth = psk }
proposals=aes128ctr-aesxcbc-modp3072 }
#""",
    "conf.d/two.conf": b"include inner/*\n",
    "conf.d/inner/z": b"z : template { remote_addrs = %any6\n\tlocal { auth = eap } }",
    "other dir/d 1.conf": b"d { local { auth = psk }\n remote { auth = psk }\n"
    b"proposals = aes192-sha1-modp1024 }",
    "secrets.d/s.conf": b"ike-2 { secret = very secret }",
}


def _loaded(log: str, protocol: str) -> dict[str, list[list[str]]]:
    """Return the proposals of each connection, or child, as charon logs what it has loaded."""
    found: dict[str, list[list[str]]] = {}
    owner, connection = "", ""
    for line in log.splitlines():
        text = line.partition("[CFG]")[2].strip()
        if match := re.fullmatch(r"conn (\S+):", text):
            owner = connection = match[1]
        elif match := re.fullmatch(r"child (\S+):", text):
            owner = f"{connection}/{match[1]}"
        elif text.startswith("proposals = ") and (text[12:15] == "IKE") == (protocol == "IKE"):
            offers = text.removeprefix("proposals = ").split(", ")
            name = connection if protocol == "IKE" else owner
            found[name] = [re.split("[:/]", offer) for offer in offers]
    return found


def _is_one_of(proposal: Proposal, protocol: str, offers: list[list[str]]) -> bool:
    printed = [part for part in _printed(proposal) if part]
    return any(offer[0] == protocol and set(printed) <= set(offer) for offer in offers)


def test_swanctl_conf_is_read_as_swanctl_does(directory: Path) -> None:
    problems: list[DataSourceError] = []
    settings: Changes = {"swanctl_extra": SYNTAX, "files": FILES, "log_extra": "cfg = 2"}
    with Gateways(directory, **settings) as gateways:
        read: list[str] = []

        def text(path: str) -> str:
            read.append(path)
            return Path(path).read_text("utf-8")

        files = Files(text, lambda pattern: sorted(glob.glob(pattern)))  # noqa: PTH207
        path = str(gateways.swanctl_conf("alpha"))
        declared = read_swanctl_conf(path, files, problems.append)
        listed = {name: one for conn in gateways.list_conns("alpha") for name, one in conn.items()}
        log = gateways.log("alpha")
    assert not problems
    assert not [name for name in read if "secrets.d" in name]
    assert set(declared) == set(listed) == {"site", "a", "b", "c", "one", "z", "d", "e"}
    for name, fields in listed.items():
        assert agrees(declared[name], encode(fields)), name
    for name, offers in _loaded(log, "IKE").items():
        own, uses_defaults = declared[name].proposals, declared[name].uses_defaults
        assert own is not None
        assert all(_is_one_of(one, "IKE", offers) for one in own), name
        if own:
            assert set(_printed(own[0])) <= set(offers[0])
        assert uses_defaults == (name in ("b", "c"))
    for name, offers in _loaded(log, "ESP").items():
        connection, _, child = name.partition("/")
        transforms = declared[connection].children[child].transforms
        assert transforms is not None
        assert all(_is_one_of(one.proposal, one.protocol, offers) for one in transforms), name
    # Where nothing is said.
    silent = _loaded(log, "ESP")["d/k"]
    assert silent == [[*_as_logged(offer), "NO_EXT_SEQ"] for offer in DEFAULT_ESP]
    assert declared["c"].children["y"].life_time == 3 * 3600
    assert declared["b"].children["own"].rekey_time == 20 * 60


def test_policies_of_the_file(directory: Path) -> None:
    async def body(watched: Watched) -> None:
        policies = {one.priority: one for one in watched.configuration.policies}
        kinds = {number: one.kind for number, one in policies.items()}
        assert kinds[1] is PolicyKind.CONFIGURED
        assert policies[1].policy.proposal.group == "MODP_2048"
        assert kinds[65515] is PolicyKind.EASY_VPN
        assert policies[65515].policy.proposal.group == "ECP_384"
        assert set(range(65507, 65515)) <= set(policies), "office names none"
        (net,) = (one.child for one in watched.sets["site"].members)
        assert net.transforms is not None
        assert [one.proposal.encryption for one in net.transforms] == ["AES_CBC"]
        assert watched.sets["site"].members[0].pfs_group == ""
        assert watched.configuration.transform_sets == (
            watched.configuration.defaults.transform_sets
        )
        # What is not loaded yet, and does not agree, changes nothing.
        conf = watched.gateways.swanctl_conf("alpha")
        text = conf.read_text("utf-8")
        conf.write_text(text.replace("remote_addrs = 10.9.0.2", "remote_addrs = 10.9.0.9"), "utf-8")
        included = conf.parent / "conf.d" / "office.conf"
        included.write_text(OFFICE.replace("version = 2", "proposals = 3des-md5-modp768"), "utf-8")
        watched.source.reload_configuration()
        listed_at = watched.source._configuration.listed_at
        await watched.until(
            lambda: watched.source._configuration.listed_at != listed_at, "that it looked"
        )
        assert not watched.changes()
        conf.write_text(text, "utf-8")

        office = OFFICE.replace("version = 2", "version = 2\nproposals = 3des-md5-modp768")
        await watched.reconfigure(files={"conf.d/office.conf": office.encode()})
        await watched.until(lambda: 2 in _numbers(watched), "its policy")
        assert set(_numbers(watched)) == {1, 2, 65515}
        assert watched.changes() == ["IsakmpPolicyAdded 2 3DES_CBC"]
        await asyncio.to_thread(watched.gateways.initiate)
        await watched.until(lambda: watched.tunnels, "the tunnel")
        assert watched.tunnels[0].policy == 1

        # An included file alone, and an agent that is told to look.
        included.write_text(office.replace("3des", "aes192"), "utf-8")
        watched.source.reload_configuration()
        await watched.until(lambda: 3 in _numbers(watched), "its other policy", 1.0)
        assert watched.changes() == [
            "IsakmpPolicyDeleted 2 3DES_CBC",
            "IsakmpPolicyAdded 3 AES_CBC",
        ]

    run(
        directory,
        body,
        file=True,
        swanctl_extra="include conf.d/*.conf\n" + ROAD,
        files={"conf.d/office.conf": OFFICE.encode()},
        dpd_delay=0,
    )


def _numbers(watched: Watched) -> list[int]:
    return [one.priority for one in watched.configuration.policies]
