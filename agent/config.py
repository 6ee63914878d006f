"""The configuration file: TOML, checked strictly, as frozen values.

A key that is unknown, of the wrong type or out of range is an error that names the file and the
key; nothing is ignored. :data:`DEFAULT` is what runs without a file.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from agent.errors import AgentError
from agent.snmp.community import Community, Network

__all__ = [
    "DEFAULT",
    "Config",
    "ConfigError",
    "ListenAddress",
    "Mib",
    "Peer",
    "Simulated",
    "Snmp",
    "Source",
    "StrongSwan",
    "System",
    "load",
    "parse_listen",
    "parse_text",
]

MAX_DESCRIPTION = 80
"""Of a peer, as on the devices that operators know."""
MAX_TUNNELS = 50_000
MAX_SEED = 2**63 - 1

_Choice = TypeVar("_Choice", bound=str)
_Parsed = TypeVar("_Parsed")


class ConfigError(AgentError):
    """The configuration cannot be used; the message names the file, the key and what is wrong."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A UDP endpoint; the text is how the operator wrote it."""

    host: str
    port: int
    text: str


@dataclass(frozen=True, slots=True)
class Snmp:
    """``[snmp]``: the engine."""

    listen: tuple[ListenAddress, ...]
    communities: tuple[Community, ...]
    max_message_size: int = 65507
    max_repetitions: int = 1000


@dataclass(frozen=True, slots=True)
class System:
    """``[system]``: the system group. An empty description or name is filled in at start."""

    description: str = ""
    object_id: tuple[int, ...] = (0, 0)
    contact: str = ""
    name: str = ""
    location: str = ""


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


@dataclass(frozen=True, slots=True)
class Simulated:
    """``[source.simulated]``."""

    tunnels: int = 20
    seed: int = 1


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
class Config:
    """All of it."""

    snmp: Snmp
    system: System = System()
    mib: Mib = Mib()
    source: Source = Source()
    peers: tuple[Peer, ...] = ()


class _Section:
    """One table of the file: hands out checked values, and knows what it was not asked for."""

    def __init__(self, where: str, path: str, content: Any) -> None:
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: {path}: must be a table, not {_kind(content)}")
        self._where = where
        self._path = path
        self._content: dict[str, Any] = content
        self._asked: set[str] = set()

    def fail(self, key: str, what: str) -> ConfigError:
        return ConfigError(f"{self._where}: {self._name(key)}: {what}")

    def text(self, key: str, default: str | None = None, *, longest: int = 255) -> str:
        value: str = self._take(key, str, "a text", default)
        if len(value) > longest:
            raise self.fail(key, f"is {len(value)} characters long, {longest} are allowed")
        if not (value.isascii() and value.isprintable()):
            raise self.fail(key, "has characters that are not printable ASCII")
        return value

    def number(self, key: str, default: int, smallest: int, largest: int) -> int:
        value: int = self._take(key, int, "a whole number", default)
        if not smallest <= value <= largest:
            raise self.fail(key, f"is {value}, allowed are {smallest} to {largest}")
        return value

    def seconds(self, key: str, default: float, smallest: float, largest: float) -> float:
        value = self._take(key, (int, float), "a number of seconds", default)
        if not smallest <= value <= largest:
            raise self.fail(key, f"is {value}, allowed are {smallest} to {largest} seconds")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value: bool = self._take(key, bool, "true or false", default)
        return value

    def choice(self, key: str, default: _Choice, *others: _Choice) -> _Choice:
        value = self.text(key, default)
        for allowed in (default, *others):
            if value == allowed:
                return allowed
        raise self.fail(key, f"is {value!r}, allowed are {', '.join((default, *others))}")

    def texts(self, key: str, default: list[str]) -> list[str]:
        values: list[str] = self._take(key, list, "a list of texts", default)
        if not values or not all(isinstance(value, str) for value in values):
            raise self.fail(key, "must be a list of one text or more")
        return values

    def parsed(self, key: str, value: str, parse: Callable[[str], _Parsed]) -> _Parsed:
        try:
            return parse(value)
        except ValueError as error:
            raise self.fail(key, str(error)) from None

    def section(self, key: str) -> _Section:
        self._asked.add(key)
        return _Section(self._where, self._name(key), self._content.get(key, {}))

    def sections(self, key: str) -> list[_Section]:
        self._asked.add(key)
        content = self._content.get(key, [])
        if not isinstance(content, list):
            raise self.fail(key, f"must be an array of tables, [[{self._name(key)}]]")
        return [
            _Section(self._where, f"{self._name(key)}[{number}]", item)
            for number, item in enumerate(content, 1)
        ]

    def close(self) -> None:
        for key in self._content:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise self.fail(key, f"unknown key; known here: {known}")

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _take(self, key: str, kind: Any, what: str, default: Any) -> Any:
        self._asked.add(key)
        if key not in self._content:
            if default is None:
                raise self.fail(key, "is missing")
            return default
        value = self._content[key]
        # To Python a truth value is a number, to an operator it is not.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fail(key, f"must be {what}, not {_kind(value)}")
        return value


def _kind(value: Any) -> str:
    names: Mapping[type, str] = {
        dict: "a table",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
    }
    return names.get(type(value), "a date or time")


def load(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: octet {error.start} is not UTF-8") from None
    return parse_text(text, str(path))


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
    top = _Section(where, "", content)
    config = Config(
        snmp=_snmp(top.section("snmp")),
        system=_system(top.section("system")),
        mib=_mib(top.section("mib")),
        source=_source(top.section("source")),
        peers=tuple(_peer(section) for section in top.sections("peer")),
    )
    top.close()
    return config


def parse_listen(text: str) -> ListenAddress:
    """Read ``udp:HOST:PORT``, with an IPv6 address in brackets.

    Raises:
        ValueError: the text is not of that form.
    """
    transport, _, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    if transport != "udp" or not host:
        raise ValueError(f"{text!r} is not of the form udp:HOST:PORT")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} has the port {port!r}, allowed are 1 to 65535")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ValueError(f"{text!r} has the host {host!r}, which is no IP address") from None
    if bracketed != (address.version == 6):
        raise ValueError(f"{text!r}: an IPv6 address, and no other, stands in brackets")
    return ListenAddress(str(address), int(port), text)


def _snmp(section: _Section) -> Snmp:
    listen = tuple(
        section.parsed("listen", text, parse_listen)
        for text in section.texts("listen", ["udp:127.0.0.1:1161"])
    )
    communities = tuple(_community(part) for part in section.sections("community"))
    snmp = Snmp(
        listen,
        communities or (_PUBLIC,),
        section.number("max_message_size", 65507, 484, 65507),
        section.number("max_repetitions", 1000, 1, 100_000),
    )
    section.close()
    return snmp


def _community(section: _Section) -> Community:
    name = section.text("name")
    if not name:
        raise section.fail("name", "is empty")
    section.choice("access", "read")
    networks = tuple(
        section.parsed("from", text, _network)
        for text in section.texts("from", ["127.0.0.0/8", "::1/128"])
    )
    section.close()
    return Community(name.encode(), networks)


def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


def _system(section: _Section) -> System:
    system = System(
        description=section.text("description", ""),
        object_id=section.parsed("object_id", section.text("object_id", "0.0"), _object_id),
        contact=section.text("contact", ""),
        name=section.text("name", ""),
        location=section.text("location", ""),
    )
    section.close()
    return system


def _object_id(text: str) -> tuple[int, ...]:
    parts = text.removeprefix(".").split(".")
    if not all(part.isascii() and part.isdigit() for part in parts) or not 1 < len(parts) <= 128:
        raise ValueError(f"{text!r} is not an OID in numbers")
    numbers = tuple(map(int, parts))
    if numbers[0] > 2 or (numbers[0] < 2 and numbers[1] > 39) or max(numbers) > 0xFFFFFFFF:
        raise ValueError(f"{text!r} has a number that no OID has there")
    return numbers


def _mib(section: _Section) -> Mib:
    mib = Mib(
        algorithms=section.choice("algorithms", "extended", "strict"),
        peer_index=section.choice("peer_index", "text", "octets"),
    )
    section.close()
    return mib


def _source(section: _Section) -> Source:
    strongswan = section.section("strongswan")
    simulated = section.section("simulated")
    source = Source(
        kind=section.choice("kind", "auto", "strongswan", "simulated"),
        strongswan=StrongSwan(
            vici=Path(strongswan.text("vici", "/run/charon.vici")),
            interval=strongswan.seconds("interval", 5.0, 1.0, 3600.0),
            log_events=strongswan.flag("log_events", default=True),
        ),
        simulated=Simulated(
            tunnels=simulated.number("tunnels", 20, 1, MAX_TUNNELS),
            seed=simulated.number("seed", 1, 0, MAX_SEED),
        ),
    )
    for part in (strongswan, simulated, section):
        part.close()
    return source


def _peer(section: _Section) -> Peer:
    peer = Peer(section.text("match"), section.text("description", longest=MAX_DESCRIPTION))
    section.close()
    return peer


_PUBLIC = Community(
    b"public", (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
)
DEFAULT = parse_text("", "the default configuration")
