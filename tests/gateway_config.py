"""What the two gateways of ``tests/gateways.py`` are configured with, and the files that say so."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypedDict

__all__ = [
    "CONNECTION",
    "SIDES",
    "Changes",
    "Settings",
    "Side",
    "connection_text",
    "daemon_text",
    "endpoint",
    "further_connection",
    "host",
    "network",
    "number",
    "other",
]

Side = Literal["alpha", "beta"]
SIDES: tuple[Side, Side] = ("alpha", "beta")
CONNECTION = "site"  # the one connection that both gateways load

PLUGINS = (
    "random nonce aes sha1 sha2 md5 hmac kdf ccm curve25519 gmp pem pkcs1 pkcs8 x509 pubkey "
    "constraints revocation kernel-libipsec kernel-netlink socket-default vici error-notify updown "
    "counters eap-identity eap-radius eap-md5"
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a gateway is configured with; times are in seconds.

    Attributes:
        version: IKE version, 1 or 2.
        aggressive: IKEv1 aggressive mode instead of main mode.
        children: number of child configurations: net, net2, net3, …, each with networks of its own.
        family: IP version of the IKE endpoints, 4 or 6.
        inner_family: IP version of the protected networks, 4 or 6.
        proposals: IKE proposals, as in swanctl.conf.
        esp_proposals: ESP proposals, as in swanctl.conf.
        ike_rekey_time: soft lifetime of an IKE SA; charon takes up to a tenth off at random.
        child_rekey_time: the same of a child SA.
        dpd_delay: silence after which the peer is probed; 0 never probes.
        retransmit_timeout: wait before the first retransmission.
        retransmit_tries: retransmissions before charon gives up.
        retransmit_base: factor from one wait to the next.
        half_open_timeout: after which charon gives up a peer that does not finish a set-up.
        psk: the pre-shared key.
        peer_id: the identity that the peer must have, where that is not its address.
        error_notify: whether charon has that plugin. It is loaded when charon starts.
        auth: how both sides prove who they are: ``psk`` or ``pubkey``.
        files: more files of swanctl's directory, such as ``x509/leaf.pem``, by path.
        connection_extra: more lines for the connection section of swanctl.conf.
        child_extra: more lines for each child section.
        swanctl_extra: more text at the end of swanctl.conf, such as further connections.
        plugins: more plugins of charon. They are loaded when charon starts.
        log_extra: more lines for charon's log, such as ``cfg = 2``.
    """

    version: int = 2
    aggressive: bool = False
    children: int = 1
    family: int = 4
    inner_family: int = 4
    proposals: str = "aes128-sha256-modp2048"
    esp_proposals: str = "aes128-sha256"
    ike_rekey_time: int = 3600
    child_rekey_time: int = 1200
    dpd_delay: int = 1
    retransmit_timeout: float = 0.4
    retransmit_tries: int = 2
    retransmit_base: float = 1.0
    half_open_timeout: int = 30
    psk: str = "lab only"
    peer_id: str = ""
    error_notify: bool = True
    auth: Literal["psk", "pubkey"] = "psk"
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    connection_extra: str = ""
    child_extra: str = ""
    swanctl_extra: str = ""
    plugins: str = ""
    log_extra: str = ""

    def dpd_timeout(self) -> int:
        """Return the seconds of silence after which IKEv1 takes the peer for lost.

        By default charon takes the sum of its retransmission times and then subtracts dpd_delay
        in unsigned arithmetic: with a short sum the timeout would wrap round to seven weeks.
        """
        waits = (self.retransmit_base**number for number in range(self.retransmit_tries + 1))
        return max(math.ceil(self.retransmit_timeout * sum(waits)), self.dpd_delay + 1)

    def child_names(self) -> list[str]:
        """Return the names of the child configurations."""
        return ["net", *(f"net{number}" for number in range(2, self.children + 1))]


class Changes(TypedDict, total=False):
    """Keywords of the constructor and of ``reconfigure``: the fields of ``Settings``."""

    version: int
    aggressive: bool
    children: int
    family: int
    inner_family: int
    proposals: str
    esp_proposals: str
    ike_rekey_time: int
    child_rekey_time: int
    dpd_delay: int
    retransmit_timeout: float
    retransmit_tries: int
    retransmit_base: float
    half_open_timeout: int
    psk: str
    peer_id: str
    error_notify: bool
    auth: Literal["psk", "pubkey"]
    files: Mapping[str, bytes]
    connection_extra: str
    child_extra: str
    swanctl_extra: str
    plugins: str
    log_extra: str


def other(side: Side) -> Side:
    """Return the peer of ``side``."""
    return "beta" if side == "alpha" else "alpha"


# ---- addresses -----------------------------------------------------------------------------


def number(side: Side) -> int:
    return SIDES.index(side) + 1


def endpoint(side: Side, family: int) -> str:
    return f"10.9.0.{number(side)}" if family == 4 else f"fd09::{number(side)}"


def network(side: Side, family: int, child: int) -> str:
    """Return the prefix of the protected network; a host number can be appended to it."""
    if family == 4:
        return f"10.{10 + child}.{number(side)}."
    return f"fd10:{child}:{number(side)}::"


def host(side: Side, settings: Settings, child: str) -> str:
    index = settings.child_names().index(child)
    return network(side, settings.inner_family, index) + "1"


# ---- configuration files -------------------------------------------------------------------


def daemon_text(directory: Path, settings: Settings) -> str:
    plugins = PLUGINS if settings.error_notify else PLUGINS.replace("error-notify ", "")
    return f"""\
charon-systemd {{
  load_modular = no
  load = {plugins} {settings.plugins}
  retransmit_timeout = {settings.retransmit_timeout}
  retransmit_tries = {settings.retransmit_tries}
  retransmit_base = {settings.retransmit_base}
  half_open_timeout = {settings.half_open_timeout}
  # Without it a responder refuses aggressive mode with a pre-shared key.
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {{
    vici {{ socket = "unix://{directory}/charon.vici" }}
    error-notify {{ socket = "unix://{directory}/charon.enfy" }}
  }}
  filelog {{ log {{
      path = "{directory}/charon.log"
      default = 1
      append = yes
      flush_line = yes
      {settings.log_extra}
  }} }}
}}
# swanctl needs no plugin here; with its default list it complains of those not installed.
swanctl {{ load = nonce }}
"""


def connection_text(side: Side, settings: Settings) -> str:
    peer = other(side)
    local, remote = endpoint(side, settings.family), endpoint(peer, settings.family)
    prefix = "0/24" if settings.inner_family == 4 else "/64"
    children = "".join(
        f"""
    {name} {{
      local_ts = {network(side, settings.inner_family, index)}{prefix}
      remote_ts = {network(peer, settings.inner_family, index)}{prefix}
      esp_proposals = {settings.esp_proposals}
      rekey_time = {settings.child_rekey_time}s
      {settings.child_extra}
    }}"""
        for index, name in enumerate(settings.child_names())
    )
    dpd_timeout = f"dpd_timeout = {settings.dpd_timeout()}s" if settings.version == 1 else ""
    # The key in hexadecimal, so that it may hold any character.
    return f"""\
connections {{ {CONNECTION} {{
  version = {settings.version}
  aggressive = {"yes" if settings.aggressive else "no"}
  local_addrs = {local}
  remote_addrs = {remote}
  proposals = {settings.proposals}
  rekey_time = {settings.ike_rekey_time}s
  dpd_delay = {settings.dpd_delay}s
  {dpd_timeout}
  {settings.connection_extra}
  local {{
    auth = {settings.auth}
    id = {local}
  }}
  remote {{
    auth = {settings.auth}
    id = {settings.peer_id or remote}
  }}
  children {{{children}
  }}
}} }}
secrets {{ ike-site {{ secret = 0x{settings.psk.encode().hex()} }} }}
{settings.swanctl_extra}
"""


def further_connection(
    side: Side, name: str, child: str, index: int, more: str = "", *, peer: str = ""
) -> str:
    """Return a section of swanctl.conf for another connection between the two gateways.

    Only its identities tell it from the others. Its child is between the inner networks of an
    index, which must be there; ``more`` are further lines of it, ``peer`` another name of the peer.
    """
    ours, theirs = (endpoint(one, 4) for one in (side, other(side)))
    local, remote = (network(one, 4, index) for one in (side, other(side)))
    return f"""
connections {{ {name} {{
  version = 2
  local_addrs = {ours}
  remote_addrs = {theirs}
  proposals = aes128-sha256-modp2048
  local {{
    auth = psk
    id = {side}.{name}
  }}
  remote {{
    auth = psk
    id = {peer or other(side)}.{name}
  }}
  children {{ {child} {{
    local_ts = {local}0/24
    remote_ts = {remote}0/24
    esp_proposals = aes128-sha256
    {more}
  }} }}
}} }}
"""


# ---- programs ------------------------------------------------------------------------------
