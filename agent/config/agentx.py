"""``[agentx]``: the master that the agent serves below."""

from __future__ import annotations

from agent.agentx.address import TcpAddress, UnixAddress
from agent.config.endpoint import parse_endpoint
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
    if transport != "tcp" or not rest.rpartition(":")[0]:
        raise ValueError(f"{text!r} is neither of the form unix:/PATH nor tcp:HOST:PORT")
    return TcpAddress(*parse_endpoint(text, rest))


def parse_agentx(section: Section) -> AgentX:
    """Read all of ``[agentx]``.

    Raises:
        ConfigError: a key is wrong.
    """
    text = section.text("master", "unix:/var/agentx/master")
    agentx = AgentX(section.parsed("master", text, parse_master))
    section.close()
    return agentx
