"""The command line: the commands ``run``, ``check-config``, ``localize``, ``doctor``, ``traps``.

Exit status: 0 done, 1 a fault of flowmib, 2 something that the operator can mend.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from agent import config as configuration
from agent import daemon, doctor, traps
from agent.cli.localize import localized_users
from agent.config import Config, ConfigError, Snmp
from agent.errors import AgentError
from agent.state import default_directory, engine_id_of

__all__ = ["main"]

_Value = TypeVar("_Value")

_TRAPS_LISTEN = "udp:127.0.0.1:1162"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; return the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except AgentError as error:
        print(f"flowmib: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flowmib", description="Show a strongSwan gateway through the Cisco IPsec MIBs."
    )
    parser.add_argument(
        "--version", action="version", version=f"flowmib {metadata.version('flowmib')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="start the agent")
    run.set_defaults(command=_run)
    _add_config(run)
    run.add_argument("--source", choices=("auto", "strongswan", "simulated"), metavar="KIND")
    run.add_argument("--tunnels", type=_number(1, configuration.MAX_TUNNELS), metavar="N")
    run.add_argument("--seed", type=_number(0, configuration.MAX_SEED), metavar="S")
    _add_listen(run, "instead of snmp.listen")
    check = commands.add_parser("check-config", help="check a configuration file and stop")
    check.set_defaults(command=_check_config)
    check.add_argument("file", type=Path, metavar="FILE")
    localize = commands.add_parser(
        "localize", help="print the users of a configuration with localised keys"
    )
    localize.set_defaults(command=_localize)
    _add_config(localize, required=True)
    examine = commands.add_parser(
        "doctor", help="ask a running agent everything, and say what managers would see"
    )
    examine.set_defaults(command=_doctor)
    doctor.add_arguments(examine)
    receive = commands.add_parser("traps", help="receive notifications and print them")
    receive.set_defaults(command=_traps)
    _add_config(receive)
    _add_listen(receive, f"instead of {_TRAPS_LISTEN}")
    receive.add_argument(
        "--community",
        action="append",
        default=[],
        metavar="NAME",
        help="take no other over SNMPv1 and SNMPv2c; may be given more than once",
    )
    receive.add_argument(
        "--count", type=_number(1, sys.maxsize), metavar="N", help="stop after N notifications"
    )
    receive.add_argument("--json", action="store_true", help="for programs: one object a line")
    return parser


def _add_listen(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--listen",
        action="append",
        type=_argument(configuration.parse_listen),
        metavar="udp:HOST:PORT",
        help=f"{default}; may be given more than once",
    )


def _add_config(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", required=required, help="the configuration, in TOML"
    )
    parser.add_argument(
        "--state-directory",
        type=Path,
        metavar="DIR",
        help="instead of state_directory; where the engine ID and its boots are kept",
    )


def _argument(parse: Callable[[str], _Value]) -> Callable[[str], _Value]:
    def checked(text: str) -> _Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _number(smallest: int, largest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and smallest <= int(text) <= largest:
            return int(text)
        raise ValueError(f"{text!r} is no whole number from {smallest} to {largest}")

    return _argument(number)


def _run(options: argparse.Namespace) -> int:
    load = functools.partial(_configuration, options)
    daemon.run(load(), load)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    config = configuration.load(options.config) if options.config else configuration.DEFAULT
    return doctor.run(config, agent=options.agent, as_json=options.json)


def _check_config(options: argparse.Namespace) -> int:
    for warning in configuration.load(options.file).warnings:
        print(f"{options.file}: warning: {warning}", file=sys.stderr)
    print(f"{options.file}: good")
    return 0


def _localize(options: argparse.Namespace) -> int:
    config = configuration.load(options.config)
    users = config.snmp.users
    if not users:
        raise ConfigError(f"{options.config}: snmp.user: there is none to localise")
    engine_id, origin = _engine_id(options, config)
    print(f"# Keys for the engine {engine_id.hex()} ({origin}); no other engine takes them.")
    print(localized_users(options.config.read_text(encoding="utf-8"), users, engine_id))
    return 0


def _traps(options: argparse.Namespace) -> int:
    config = configuration.load(options.config) if options.config else configuration.DEFAULT
    traps.run(
        options.listen or [configuration.parse_listen(_TRAPS_LISTEN)],
        users=[user.settings for user in config.snmp.users],
        communities=[name.encode() for name in options.community],
        engine_id=lambda: _engine_id(options, config)[0],
        count=options.count,
        as_json=options.json,
    )
    return 0


def _engine_id(options: argparse.Namespace, config: Config) -> tuple[bytes, Path]:
    """Return the engine ID that the agent has, and where it stands."""
    if config.snmp.engine_id is not None:
        return config.snmp.engine_id, options.config
    directory = options.state_directory or config.state_directory
    directory = directory or default_directory(os.environ)
    return engine_id_of(directory), directory


def _configuration(options: argparse.Namespace) -> Config:
    """Read the file, if there is one. What stands on the command line goes before it."""
    config = configuration.load(options.config) if options.config else configuration.DEFAULT
    source = config.source
    simulated = dataclasses.replace(
        source.simulated,
        tunnels=source.simulated.tunnels if options.tunnels is None else options.tunnels,
        seed=source.simulated.seed if options.seed is None else options.seed,
    )
    snmp: Snmp = config.snmp
    if options.listen:
        snmp = dataclasses.replace(snmp, listen=tuple(options.listen))
    return dataclasses.replace(
        config,
        snmp=snmp,
        state_directory=options.state_directory or config.state_directory,
        source=dataclasses.replace(source, kind=options.source or source.kind, simulated=simulated),
    )


if __name__ == "__main__":
    sys.exit(main())
