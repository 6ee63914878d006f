"""``[agentx]``: the master that the agent serves below."""

from __future__ import annotations

import ipaddress

from agent.agentx.address import TcpAddress, UnixAddress
from agent.config.model import AgentX
from agent.config.section import Section

__all__ = ["parse_agentx", "parse_master"]

_LONGEST_PATH = 107
"""Octets of a Unix socket's name (unix(7))."""


def parse_master(text: str) -> UnixAddress | TcpAddress:
    """Read ``unix:PATH`` or ``tcp:HOST:PORT``, with an IPv6 address in brackets.

    Raises:
        ValueError: the text is not of that form.
    """
    transport, _, rest = text.partition(":")
    if transport == "unix" and rest.startswith("/"):
        if len(rest) > _LONGEST_PATH:
            raise ValueError(f"{text!r} has a path of {len(rest)} characters, {_LONGEST_PATH} fit")
        return UnixAddress(rest)
    host, _, port = rest.rpartition(":")
    if transport != "tcp" or not host:
        raise ValueError(f"{text!r} is neither of the form unix:/PATH nor tcp:HOST:PORT")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} has the port {port!r}, allowed are 1 to 65535")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ValueError(f"{text!r} has the host {host!r}, which is no IP address") from None
    if bracketed != (address.version == 6):
        raise ValueError(f"{text!r}: an IPv6 address, and no other, stands in brackets")
    return TcpAddress(str(address), int(port))


def parse_agentx(section: Section) -> AgentX:
    """Read all of ``[agentx]``.

    Raises:
        ConfigError: a key is wrong.
    """
    text = section.text("master", "unix:/var/agentx/master")
    agentx = AgentX(section.parsed("master", text, parse_master))
    section.close()
    return agentx
