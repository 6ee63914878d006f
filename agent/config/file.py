"""The configuration file: TOML, checked strictly."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import stat
import tomllib
from pathlib import Path

from agent.config.agentx import parse_agentx
from agent.config.model import (
    Config,
    Control,
    History,
    Ipsec,
    Isakmp,
    Mib,
    Peer,
    Simulated,
    Source,
    StrongSwan,
)
from agent.config.notify import parse_notify
from agent.config.section import ConfigError, Section
from agent.config.snmp import parse_snmp
from agent.config.vrf import parse_vrfs
from datasource.history import DEFAULT_SIZE, MAX_SIZE
from datasource.vrf import VrfRules

__all__ = ["DEFAULT", "MAX_SEED", "MAX_TUNNELS", "load", "parse_text"]

MAX_DESCRIPTION = 80
"""Of a peer, as on the devices that operators know."""
MAX_TUNNELS = 50_000
MAX_SEED = 2**63 - 1
MAX_OUTAGE_AFTER = 86_400.0
MAX_SAS = 65_535
"""As cipsMaxSAs has it."""


def load(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: the file cannot be read, is not TOML, a key is wrong, or it has secrets of
            users and permissions that do not keep them.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: octet {error.start} is not UTF-8") from None
    config = parse_text(text, str(path))
    if any(user.settings.auth for user in config.snmp.users):
        _check_mode(path, mode)
    return config


def _check_mode(path: Path, mode: int) -> None:
    if mode & stat.S_IROTH:
        who = "everybody may read it"
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        who = "others than its owner may change it"
    else:
        return
    raise ConfigError(f"{path}: has secrets of users, and {who}: chmod 600 {path}")


def parse_text(text: str, where: str) -> Config:
    """Check the text of a configuration; ``where`` is what errors call it.

    Raises:
        ConfigError: it is not TOML, or a key is wrong.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Also of a number with thousands of digits, or of brackets in thousands of brackets.
        raise ConfigError(f"{where}: {error}") from None
    if "system" in content:
        raise ConfigError(
            f"{where}: system: is [snmp.identity] now, where description is sys_descr, object_id"
            " sys_object_id, name sys_name, contact sys_contact and location sys_location"
        )
    top = Section(where, "", content)
    snmp_section = top.section("snmp")
    vrfs = parse_vrfs(top.sections("vrf"))
    contexts = VrfRules(vrfs).contexts
    snmp, warnings = parse_snmp(snmp_section, contexts)
    agentx = parse_agentx(top.section("agentx")) if "agentx" in top else None
    if agentx is None and not snmp.listen:
        raise snmp_section.fail("listen", "is empty, and there is no agentx: nobody could ask")
    notify, access, more_warnings = parse_notify(top.section("notify"), snmp, contexts)
    config = Config(
        snmp=dataclasses.replace(snmp, access=access),
        agentx=agentx,
        mib=_mib(top.section("mib")),
        history=_history(top.section("history")),
        source=_source(top.section("source")),
        peers=tuple(_peer(section) for section in top.sections("peer")),
        isakmp=_isakmp(top.section("isakmp")),
        ipsec=_ipsec(top.section("ipsec")),
        control=_control(top.section("control")),
        vrfs=vrfs,
        notify=notify,
        state_directory=_state_directory(top),
        warnings=(*warnings, *more_warnings),
    )
    top.close()
    return config


def _state_directory(section: Section) -> Path | None:
    text = section.text("state_directory", "")
    if not text:
        return None
    path = Path(text)
    if not path.is_absolute():
        raise section.fail("state_directory", f"{text!r} does not begin with a slash")
    return path


def _mib(section: Section) -> Mib:
    mib = Mib(
        algorithms=section.choice("algorithms", "extended", "strict"),
        peer_index=section.choice("peer_index", "text", "octets"),
    )
    section.close()
    return mib


def _history(section: Section) -> History:
    history = History(
        tunnel_size=section.number("tunnel_size", DEFAULT_SIZE, 1, MAX_SIZE),
        failure_size=section.number("failure_size", DEFAULT_SIZE, 1, MAX_SIZE),
    )
    section.close()
    return history


def _source(section: Section) -> Source:
    strongswan = section.section("strongswan")
    simulated = section.section("simulated")
    source = Source(
        kind=section.choice("kind", "auto", "strongswan", "simulated"),
        strongswan=StrongSwan(
            vici=Path(strongswan.text("vici", "/run/charon.vici")),
            interval=strongswan.seconds("interval", 5.0, 1.0, 3600.0),
            log_events=strongswan.flag("log_events", default=True),
            kernel=strongswan.choice("kernel", "auto", "off"),
            error_notify=_path(strongswan, "error_notify", "/run/charon.enfy"),
            swanctl_conf=_path(strongswan, "swanctl_conf", ""),
        ),
        simulated=Simulated(
            tunnels=simulated.number("tunnels", 20, 1, MAX_TUNNELS),
            seed=simulated.number("seed", 1, 0, MAX_SEED),
            outage_after=simulated.seconds("outage_after", 0, 0, MAX_OUTAGE_AFTER),
        ),
    )
    for part in (strongswan, simulated, section):
        part.close()
    return source


def _path(section: Section, key: str, default: str) -> Path | None:
    text = section.text(key, default)
    return Path(text) if text else None


def _peer(section: Section) -> Peer:
    if "address" in section:
        if "match" in section:
            raise section.fail("match", "is there, and address too; one of them names the peer")
        address = section.text("address")
        match = str(section.parsed("address", address, ipaddress.ip_address))
    else:
        match = section.text("match")
    peer = Peer(match, section.text("description", longest=MAX_DESCRIPTION))
    section.close()
    return peer


def _isakmp(section: Section) -> Isakmp:
    isakmp = Isakmp(default_policy=section.flag("default_policy", default=True))
    section.close()
    return isakmp


def _ipsec(section: Section) -> Ipsec:
    ipsec = Ipsec(default_transform_set=section.flag("default_transform_set", default=True))
    section.close()
    return ipsec


def _control(section: Section) -> Control:
    control = Control(
        allow_detach=section.flag("allow_detach", default=False),
        max_sas=section.number("max_sas", 0, 0, MAX_SAS),
    )
    section.close()
    return control


DEFAULT = parse_text("", "the default configuration")
