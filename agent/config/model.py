"""The configuration as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.agentx.address import TcpAddress, UnixAddress
from agent.notify.target import Target
from agent.snmp.community import Community, Network
from agent.snmp.usm.users import UserSettings
from agent.snmp.vacm import VacmTables
from datasource.history import DEFAULT_SIZE
from datasource.vrf import VrfRule

__all__ = [
    "AgentX",
    "Config",
    "Control",
    "History",
    "Identity",
    "Ipsec",
    "Isakmp",
    "ListenAddress",
    "Mib",
    "Notify",
    "Peer",
    "Simulated",
    "Snmp",
    "Source",
    "StrongSwan",
    "UserConfig",
]


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A UDP endpoint; the text is how the operator wrote it."""

    host: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class UserConfig:
    """``[[snmp.user]]``: a user of SNMPv3, and where it may come from."""

    settings: UserSettings
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """``[snmp.identity]``: the system group. What is empty is filled in at start."""

    preset: Literal["flowmib", "cisco-asa", "cisco-ios"] = "flowmib"
    sys_descr: str = ""
    sys_object_id: tuple[int, ...] = ()
    sys_name: str = ""
    sys_contact: str = ""
    sys_location: str = ""


@dataclass(frozen=True, slots=True)
class Snmp:
    """``[snmp]``: the engine, and whom it lets in to what."""

    listen: tuple[ListenAddress, ...]
    communities: tuple[Community, ...]
    access: VacmTables
    max_message_size: int = 65507
    """Octets."""
    max_repetitions: int = 1000
    failures_per_second: int = 50
    """Replies to failing messages, for each address that sends them."""
    engine_id: bytes | None = None
    """None: the state directory has one."""
    users: tuple[UserConfig, ...] = ()
    identity: Identity = Identity()


@dataclass(frozen=True, slots=True)
class AgentX:
    """``[agentx]``: the master that the agent serves below."""

    master: UnixAddress | TcpAddress


@dataclass(frozen=True, slots=True)
class Mib:
    """``[mib]``: where the MIBs leave a choice."""

    algorithms: Literal["extended", "strict"] = "extended"
    peer_index: Literal["text", "octets"] = "text"


@dataclass(frozen=True, slots=True)
class StrongSwan:
    """``[source.strongswan]``."""

    vici: Path = Path("/run/charon.vici")
    interval: float = 5.0
    log_events: bool = True
    kernel: Literal["auto", "off"] = "auto"
    error_notify: Path | None = Path("/run/charon.enfy")
    """None: it is not used."""
    swanctl_conf: Path | None = None
    """Where the proposals stand; None: it is not read."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """``[source.simulated]``."""

    tunnels: int = 20
    seed: int = 1
    outage_after: float = 0.0
    """Seconds; 0 is never."""


@dataclass(frozen=True, slots=True)
class Source:
    """``[source]``: where the tunnels come from."""

    kind: Literal["auto", "strongswan", "simulated"] = "auto"
    strongswan: StrongSwan = StrongSwan()
    simulated: Simulated = Simulated()


@dataclass(frozen=True, slots=True)
class Peer:
    """``[[peer]]``: what a peer is called."""

    match: str
    """Its address or its identity."""
    description: str


@dataclass(frozen=True, slots=True)
class History:
    """``[history]``: how many rows are kept of what has ended and of what has failed."""

    tunnel_size: int = DEFAULT_SIZE
    failure_size: int = DEFAULT_SIZE


@dataclass(frozen=True, slots=True)
class Isakmp:
    """``[isakmp]``."""

    default_policy: bool = True
    """The default policies may be in force."""


@dataclass(frozen=True, slots=True)
class Ipsec:
    """``[ipsec]``."""

    default_transform_set: bool = True
    """The default transform sets may be in force."""


@dataclass(frozen=True, slots=True)
class Control:
    """``[control]``: what may be done to the gateway, and how much it may have."""

    allow_detach: bool = False
    """A manager may unload connections."""
    max_sas: int = 0
    """IPsec SAs; 0 for no limit."""


@dataclass(frozen=True, slots=True)
class Notify:
    """``[notify]``: notifications, and who gets them."""

    enabled: frozenset[str] = frozenset()
    """Descriptors of those that are enabled at start; their switches in the MIB say it after."""
    targets: tuple[Target, ...] = ()
    extra_objects: bool = True
    """Whether they carry what IOS adds to the objects of the MIB."""


@dataclass(frozen=True, slots=True)
class Config:
    """All of it."""

    snmp: Snmp
    agentx: AgentX | None = None
    """None: the agent is nobody's subagent."""
    mib: Mib = Mib()
    history: History = History()
    source: Source = Source()
    peers: tuple[Peer, ...] = ()
    isakmp: Isakmp = Isakmp()
    ipsec: Ipsec = Ipsec()
    control: Control = Control()
    vrfs: tuple[VrfRule, ...] = ()
    """``[[vrf]]``, in order."""
    notify: Notify = Notify()
    state_directory: Path | None = None
    """None: where the environment says, see :func:`agent.state.default_directory`."""
    warnings: tuple[str, ...] = ()
    """What is allowed but not advisable; each begins with the key."""
