"""net-snmp's snmptrapd, as the receiver of notifications."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.netns import into
from tests.running_agent import free_port
from tests.snmp_peer import Oid, Varbind
from tests.snmp_user import User
from tests.tools import requires_tool

__all__ = ["PUBLIC", "Received", "Snmptrapd", "TrapdError", "as_receiver"]

PUBLIC = "authCommunity log public\n"
"""Configuration that lets in everybody with this community."""

_SYS_UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_SNMP_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_VARBIND_END, _FIELD_END, _RECORD_END = "\x1f", "\x1d", "\x1e"
_FORMAT = (
    _FIELD_END.join(("%s", "%u", "%P", "%T", "%N", "%a", "%w", "%q", f"%V{_VARBIND_END}%v"))
    + _RECORD_END
    + "\n"
)
_TYPES = {"INTEGER": "Integer", "Timeticks": "TimeTicks", "OID": "ObjectIdentifier"}
"""What net-snmp and pysnmp call by different names."""


class TrapdError(Exception):
    """It did not start, or did not get what it should; the message has what it said."""


@dataclass(frozen=True)
class Received:
    """A notification."""

    version: str
    """``1``, ``2c`` or ``3``."""
    kind: str
    """``trap`` or ``inform``."""
    who: str
    """The community or the user."""
    up_time: int
    """Hundredths of a second."""
    trap_oid: Oid
    """Empty in SNMPv1."""
    varbinds: list[Varbind]
    """All but sysUpTime.0 and snmpTrapOID.0, with pysnmp's names of types. INTEGER is Integer."""
    enterprise: Oid = ()
    agent_address: str = ""
    generic: int = -1
    specific: int = -1
    """Of SNMPv1."""


def as_receiver(user: User, engine_id: bytes = b"", level: str = "noauth") -> str:
    """Return the configuration that lets in a user.

    Args:
        user: who sends.
        engine_id: for traps, that of the sender; for informs it is the receiver's own.
        level: the least that is taken: noauth, auth or priv.
    """
    words = ["createUser"]
    if engine_id:
        words += ["-e", f"0x{engine_id.hex()}"]
    words.append(user.name)
    if user.auth:
        words += [user.auth.replace("SHA-1", "SHA"), f'"{user.auth_password}"']
    if user.priv:
        words += [user.priv.replace("AES-128", "AES"), f'"{user.priv_password}"']
    return f"{' '.join(words)}\nauthUser log {user.name} {level}\n"


class Snmptrapd:
    """snmptrapd on a free port of 127.0.0.1, until the end of the block.

    It reads no configuration of the system and writes nowhere but into a directory of its own,
    which keeps how often it has booted.

    Args:
        configuration: text of snmptrapd.conf.
        patience: seconds that it may take to start, to stop or to receive.

    Raises:
        TrapdError: it does not come up in time.
    """

    def __init__(
        self, configuration: str = PUBLIC, *, patience: float = 30.0, netns: str = ""
    ) -> None:
        self._netns = netns
        self._program = requires_tool("snmptrapd")
        self._configuration = configuration
        self._patience = patience
        self.port = free_port()
        self.address = f"udp:127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="st")))
        self._config = self._directory / "snmptrapd.conf"
        self._config.write_text(self._configuration, "utf-8")
        self._log = self._stack.enter_context((self._directory / "log").open("a+b"))
        self._read = 0
        self._rest = ""
        self._received: list[Received] = []
        try:
            self.start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if error is not None:
            print(self.log)  # noqa: T201 - pytest shows it with the failure
        self._stack.close()

    def start(self) -> None:
        """Start it. It remembers how often it has booted."""
        environment = os.environ | {
            "SNMP_PERSISTENT_DIR": str(self._directory / "state"),
            "SNMPCONFPATH": str(self._directory),
            "MIBS": "",
        }
        self._process = subprocess.Popen(
            (
                *into(self._netns),
                *(self._program, "-f", "-C", "-c", str(self._config), "-X", "-t", "-n", "-m", ""),
                *("-On", "-Oe", "-OU", "-Ox", "-Lo", "-F", _FORMAT, self.address),
            ),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        self._wait_for(self._is_listening, "listen")

    def stop(self) -> None:
        """End it by SIGTERM, if it runs."""
        self._process.terminate()
        try:
            self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    @property
    def log(self) -> str:
        """All that it has said so far."""
        size = self._log.seek(0, os.SEEK_END)
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    @property
    def received(self) -> list[Received]:
        """What it has received so far, in order."""
        size = self._log.seek(0, os.SEEK_END)
        new = os.pread(self._log.fileno(), size - self._read, self._read)
        self._read = size
        *records, self._rest = (self._rest + new.decode("latin-1")).split(_RECORD_END)
        self._received += map(_parsed, records)
        return self._received

    def wait_for(self, count: int) -> list[Received]:
        """Wait until it has received so many; return all.

        Raises:
            TrapdError: it has not, in time.
        """
        self._wait_for(lambda: len(self.received) >= count, f"receive {count}")
        return self.received

    def _is_listening(self) -> bool:
        sockets = Path(f"/proc/{self._process.pid}/net/udp")  # those of its namespace
        return f"0100007F:{self.port:04X} " in sockets.read_text("ascii")

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise TrapdError(f"snmptrapd does not {what}; it said:\n{self.log}")
            time.sleep(0.01)


def _parsed(record: str) -> Received:
    # Before it there may be lines of another kind, and then the end of the one before.
    version, who, security, ticks, enterprise, agent, generic, specific, rest = record.rsplit(
        _FIELD_END, 8
    )
    varbinds = [_varbind(text.strip()) for text in rest.split(_VARBIND_END) if text.strip()]
    kind = "inform" if "INFORM" in security else "trap"
    if version.endswith("0"):
        v1 = _oid(enterprise), agent, int(generic), int(specific.strip("."))
        return Received("1", kind, who, int(ticks), (), varbinds, *v1)
    up_time, trap_oid, *others = varbinds
    assert (up_time.name, trap_oid.name) == (_SYS_UP_TIME, _SNMP_TRAP_OID)
    name = {"1": "2c", "3": "3"}[version[-1]]
    return Received(name, kind, who, up_time.value, trap_oid.value, others)


def _varbind(text: str) -> Varbind:
    name, _, rest = text.partition(" = ")
    kind, separator, value = rest.partition(": ")
    if not separator:
        assert rest.strip() == '""', f"no type: {text!r}"
        return Varbind(_oid(name), "OctetString", b"")
    return Varbind(_oid(name), *_typed(kind, value.strip()))


def _typed(kind: str, text: str) -> tuple[str, Any]:
    match kind:
        case "Hex-STRING":
            return "OctetString", bytes.fromhex(text)
        case "OID":
            return _TYPES[kind], _oid(text)
        case "IpAddress":
            return kind, bytes(map(int, text.split(".")))
        case "Timeticks":
            found = re.match(r"\((\d+)\)", text)
            assert found, text
            return _TYPES[kind], int(found[1])
        case _:
            return _TYPES.get(kind, kind), int(text)


def _oid(text: str) -> Oid:
    return tuple(map(int, text.strip(".").split(".")))
