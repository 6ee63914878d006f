"""The command line: the commands ``run``, ``check-config``, ``localize`` and ``doctor``.

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
from agent import daemon, doctor
from agent.cli.localize import localized_users
from agent.config import Config, ConfigError, Snmp
from agent.errors import AgentError
from agent.state import default_directory, engine_id_of

__all__ = ["main"]

_Value = TypeVar("_Value")


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
    run.add_argument(
        "--listen",
        action="append",
        type=_argument(configuration.parse_listen),
        metavar="udp:HOST:PORT",
        help="instead of snmp.listen; may be given more than once",
    )
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
    return parser


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
    if config.snmp.engine_id is None:
        directory = options.state_directory or config.state_directory
        directory = directory or default_directory(os.environ)
        engine_id, origin = engine_id_of(directory), directory
    else:
        engine_id, origin = config.snmp.engine_id, options.config
    print(f"# Keys for the engine {engine_id.hex()} ({origin}); no other engine takes them.")
    print(localized_users(options.config.read_text(encoding="utf-8"), users, engine_id))
    return 0


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
