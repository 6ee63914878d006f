"""``flowmib doctor``: asks a running agent everything, and says what a management system would see.

Exit status: 0 all is well, 1 the agent is wrong somewhere, 2 it could not be asked at all.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from agent.config import Config, ListenAddress, parse_listen
from agent.doctor.access import DoctorError

__all__ = ["DoctorError", "add_arguments", "run"]

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens there


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``flowmib doctor`` takes: ``config``, ``agent`` and ``json``."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="that the agent runs with")
    parser.add_argument(
        "--agent",
        type=_address,
        metavar="HOST:PORT",
        help="where the agent listens, instead of snmp.listen; HOST is an IP address",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def _address(text: str) -> ListenAddress:
    try:
        return parse_listen(f"udp:{text.removeprefix('udp:')}")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(config: Config, *, agent: ListenAddress | None, as_json: bool) -> int:
    """Examine a running agent and print the report; return the exit status.

    Args:
        config: of the agent.
        agent: where it listens; None if the configuration says so.
        as_json: whether to print JSON.

    Raises:
        DoctorError: pysnmp is not installed, or nobody may ask from this machine.
    """
    try:
        # It takes long, and the agent itself has no use for it.
        from agent.doctor import examination  # noqa: PLC0415
    except ImportError as error:
        raise DoctorError(f"the doctor needs pysnmp: {error}; install it with pip") from None
    addresses: Sequence[ListenAddress] = (agent,) if agent else config.snmp.listen
    report = asyncio.run(examination.examine(config, [_reachable(a) for a in addresses]))
    print(report.json() if as_json else report.text())  # noqa: T201 - it is what was asked for
    return report.status


def _reachable(address: ListenAddress) -> ListenAddress:
    """Ask who listens everywhere at the loopback address."""
    host = _LOOPBACK.get(address.host)
    if host is None:
        return address
    return dataclasses.replace(address, host=host, text=address.text.replace(address.host, host, 1))
