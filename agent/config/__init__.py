"""The configuration file: TOML, checked strictly, as frozen values.

A key that is unknown, of the wrong type or out of range is an error that names the file and the
key; nothing is ignored. :data:`DEFAULT` is what runs without a file.
"""

from __future__ import annotations

from agent.config.file import DEFAULT, MAX_SEED, MAX_TUNNELS, load, parse_text
from agent.config.model import (
    AgentX,
    Config,
    Control,
    History,
    Identity,
    Ipsec,
    Isakmp,
    ListenAddress,
    Mib,
    Notify,
    Peer,
    Simulated,
    Snmp,
    Source,
    StrongSwan,
    UserConfig,
)
from agent.config.reload import needs_restart
from agent.config.section import ConfigError
from agent.config.snmp import parse_listen

__all__ = [
    "DEFAULT",
    "MAX_SEED",
    "MAX_TUNNELS",
    "AgentX",
    "Config",
    "ConfigError",
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
    "load",
    "needs_restart",
    "parse_listen",
    "parse_text",
]
