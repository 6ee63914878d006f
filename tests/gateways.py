"""Two real strongSwan gateways, ``alpha`` and ``beta``, on this one machine.

Each is a charon-systemd daemon of its own in a network namespace of its own; a veth pair joins
the two. ESP runs in user space (charon's plugin kernel-libipsec, over /dev/net/tun), so IKE and
the ESP byte counters are real without any ESP in the kernel.

    with Gateways(tmp_path, version=1) as gateways:
        gateways.initiate()
        gateways.ping(3)
        (entry,) = gateways.list_sas("alpha")

Namespace and interface names are unique to an instance, so rigs may run side by side.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, TypedDict, TypeVar, Unpack

import pytest

from tests.tools import requires_tool

__all__ = [
    "CONNECTION",
    "SIDES",
    "Changes",
    "CommandError",
    "DeadlineError",
    "Gateways",
    "RigError",
    "Settings",
    "Side",
    "child_sas",
    "ike_sas",
    "other",
    "parse_raw",
    "wait_for",
]

Side = Literal["alpha", "beta"]
SIDES: tuple[Side, Side] = ("alpha", "beta")
CONNECTION = "site"  # the one connection that both gateways load

POLL_SECONDS = 0.02
COMMAND_SECONDS = 20.0  # no command of the rig takes a second; a frozen charon blocks for ever
UNIX_PATH_MAX = 107  # bytes of sun_path without its NUL, see unix(7)

# The plugins of the lab, without xauth-generic: Debian's packages do not have it.
PLUGINS = (
    "random nonce aes sha1 sha2 md5 hmac kdf ccm curve25519 gmp pem pkcs1 pkcs8 x509 pubkey "
    "constraints kernel-libipsec kernel-netlink socket-default vici error-notify updown counters "
    "eap-identity eap-radius eap-md5"
)

Found = TypeVar("Found")


class RigError(Exception):
    """The rig could not do what a test asked for."""


class CommandError(RigError):
    """A program that the rig ran failed, or did not end in time (``status`` is None then)."""

    def __init__(
        self, command: Iterable[str], status: int | None, stdout: str, stderr: str
    ) -> None:
        self.command = tuple(command)
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        outcome = "did not end in time" if status is None else f"exit status {status}"
        super().__init__(
            f"{' '.join(self.command)}: {outcome}\nstderr: {stderr.strip()}\n"
            f"stdout: {stdout.strip()}"
        )


class DeadlineError(RigError):
    """A condition did not come true in time."""


def wait_for(condition: Callable[[], Found], what: str, seconds: float = 10.0) -> Found:
    """Poll ``condition`` until it is true, and return what it returned.

    Raises:
        DeadlineError: it was still false after ``seconds``; the message says ``what``.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise DeadlineError(f"not within {seconds} s: {what}; last seen: {found!r}")
        time.sleep(POLL_SECONDS)
    return found


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a gateway is configured with; times are in seconds.

    Attributes:
        version: IKE version, 1 or 2.
        aggressive: IKEv1 aggressive mode instead of main mode.
        children: number of child configurations: net, net2, net3, …, each with networks of its own.
        family: IP version of the IKE endpoints, 4 or 6.
        inner_family: IP version of the protected networks, 4 or 6.
        proposals: IKE proposals, as in swanctl.conf.
        esp_proposals: ESP proposals, as in swanctl.conf.
        ike_rekey_time: soft lifetime of an IKE SA; charon takes up to a tenth off at random.
        child_rekey_time: the same of a child SA.
        dpd_delay: silence after which the peer is probed; 0 never probes.
        retransmit_timeout: wait before the first retransmission.
        retransmit_tries: retransmissions before charon gives up.
        retransmit_base: factor from one wait to the next.
        psk: the pre-shared key.
        connection_extra: more lines for the connection section of swanctl.conf.
        child_extra: more lines for each child section.
    """

    version: int = 2
    aggressive: bool = False
    children: int = 1
    family: int = 4
    inner_family: int = 4
    proposals: str = "aes128-sha256-modp2048"
    esp_proposals: str = "aes128-sha256"
    ike_rekey_time: int = 3600
    child_rekey_time: int = 1200
    dpd_delay: int = 1
    retransmit_timeout: float = 0.4
    retransmit_tries: int = 2
    retransmit_base: float = 1.0
    psk: str = "lab only"
    connection_extra: str = ""
    child_extra: str = ""

    def dpd_timeout(self) -> int:
        """Return the seconds of silence after which IKEv1 takes the peer for lost.

        By default charon takes the sum of its retransmission times and then subtracts dpd_delay
        in unsigned arithmetic: with a short sum the timeout would wrap round to seven weeks.
        """
        waits = (self.retransmit_base**number for number in range(self.retransmit_tries + 1))
        return max(math.ceil(self.retransmit_timeout * sum(waits)), self.dpd_delay + 1)

    def child_names(self) -> list[str]:
        """Return the names of the child configurations."""
        return ["net", *(f"net{number}" for number in range(2, self.children + 1))]


class Changes(TypedDict, total=False):
    """Keywords of the constructor and of ``reconfigure``: the fields of ``Settings``."""

    version: int
    aggressive: bool
    children: int
    family: int
    inner_family: int
    proposals: str
    esp_proposals: str
    ike_rekey_time: int
    child_rekey_time: int
    dpd_delay: int
    retransmit_timeout: float
    retransmit_tries: int
    retransmit_base: float
    psk: str
    connection_extra: str
    child_extra: str


def other(side: Side) -> Side:
    """Return the peer of ``side``."""
    return "beta" if side == "alpha" else "alpha"


# ---- addresses -----------------------------------------------------------------------------


def _number(side: Side) -> int:
    return SIDES.index(side) + 1


def _endpoint(side: Side, family: int) -> str:
    return f"10.9.0.{_number(side)}" if family == 4 else f"fd09::{_number(side)}"


def _network(side: Side, family: int, child: int) -> str:
    """Return the prefix of the protected network; a host number can be appended to it."""
    if family == 4:
        return f"10.{10 + child}.{_number(side)}."
    return f"fd10:{child}:{_number(side)}::"


def _host(side: Side, settings: Settings, child: str) -> str:
    index = settings.child_names().index(child)
    return _network(side, settings.inner_family, index) + "1"


# ---- the text of swanctl --raw --------------------------------------------------------------

_NAME = re.compile(r"\s*([^\s={}\[\]]+)\s*(=\[|=|\{)")
# A value is not quoted and may hold spaces and "=" (a distinguished name: "C=CH, O=Lab"). It ends
# at a closing brace, or before the next key. charon's own keys are lower case, and those of a
# distinguished name are not, which tells them apart.
_VALUE = re.compile(r"(.*?)(?=\s*\}|\s+[a-z][a-z0-9-]*=|\s+[^\s={}]+ \{|\s*$)", re.DOTALL)
_ITEM = re.compile(r"\s*((?:[^\s\[\]]|\[[^\]]*\])+)")  # a traffic selector may end in "[tcp/80]"


def _parse_section(text: str, position: int, depth: int) -> tuple[dict[str, Any], int]:
    """Parse from ``position`` up to the section's closing brace (or the end, at depth 0)."""
    section: dict[str, Any] = {}
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text) or text[position] == "}":
            if (position == len(text)) != (depth == 0):
                raise RigError(f"unbalanced braces at {position} in: {text}")
            return section, position + 1
        match = _NAME.match(text, position)
        if match is None:
            raise RigError(f"no name at {position} in: {text}")
        name, opening = match.groups()
        position = match.end()
        if opening == "{":
            section[name], position = _parse_section(text, position, depth + 1)
        elif opening == "=[":
            items = []
            while item := _ITEM.match(text, position):
                items.append(item[1])
                position = item.end()
            closing = re.compile(r"\s*\]").match(text, position)
            if closing is None:
                raise RigError(f"unclosed list at {position} in: {text}")
            section[name] = items
            position = closing.end()
        else:
            value = _VALUE.match(text, position)
            assert value is not None  # the pattern matches the empty string before any end
            section[name] = value[1]
            position = value.end()


def parse_raw(output: str, event: str = "list-sa") -> list[dict[str, Any]]:
    """Parse what ``swanctl --raw`` prints; return the messages of ``event``, in their order.

    A section becomes a dict, a list a list of str, a value a str, as in the VICI message itself.

    Raises:
        RigError: the text is not of that form.
    """
    messages = []
    for line in output.splitlines():
        if line.startswith(f"{event} event {{"):
            text = line.removeprefix(f"{event} event ")
            message, end = _parse_section(text, 1, 1)
            if text[end:].strip():
                raise RigError(f"text after the closing brace: {text[end:]}")
            messages.append(message)
    return messages


def ike_sas(answer: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the IKE SAs of a ``list_sas`` answer, each without its connection's name."""
    return [sa for entry in answer for sa in entry.values()]


def child_sas(
    answer: Iterable[Mapping[str, Any]], child: str | None = None
) -> list[dict[str, Any]]:
    """Return the child SAs of a ``list_sas`` answer, or only those of one configuration."""
    children = [sa for ike in ike_sas(answer) for sa in ike.get("child-sas", {}).values()]
    return [sa for sa in children if child in (None, sa["name"])]


# ---- configuration files -------------------------------------------------------------------


def _daemon_text(directory: Path, settings: Settings) -> str:
    return f"""\
charon-systemd {{
  load_modular = no
  load = {PLUGINS}
  retransmit_timeout = {settings.retransmit_timeout}
  retransmit_tries = {settings.retransmit_tries}
  retransmit_base = {settings.retransmit_base}
  # Without it a responder refuses aggressive mode with a pre-shared key.
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {{
    vici {{ socket = "unix://{directory}/charon.vici" }}
    error-notify {{ socket = "unix://{directory}/charon.enfy" }}
  }}
  filelog {{ log {{
      path = "{directory}/charon.log"
      default = 1
      append = yes
      flush_line = yes
  }} }}
}}
# swanctl needs no plugin here; with its default list it complains of those not installed.
swanctl {{ load = nonce }}
"""


def _connection_text(side: Side, settings: Settings) -> str:
    peer = other(side)
    local, remote = _endpoint(side, settings.family), _endpoint(peer, settings.family)
    prefix = "0/24" if settings.inner_family == 4 else "/64"
    children = "".join(
        f"""
    {name} {{
      local_ts = {_network(side, settings.inner_family, index)}{prefix}
      remote_ts = {_network(peer, settings.inner_family, index)}{prefix}
      esp_proposals = {settings.esp_proposals}
      rekey_time = {settings.child_rekey_time}s
      {settings.child_extra}
    }}"""
        for index, name in enumerate(settings.child_names())
    )
    dpd_timeout = f"dpd_timeout = {settings.dpd_timeout()}s" if settings.version == 1 else ""
    # The key in hexadecimal, so that it may hold any character.
    return f"""\
connections {{ {CONNECTION} {{
  version = {settings.version}
  aggressive = {"yes" if settings.aggressive else "no"}
  local_addrs = {local}
  remote_addrs = {remote}
  proposals = {settings.proposals}
  rekey_time = {settings.ike_rekey_time}s
  dpd_delay = {settings.dpd_delay}s
  {dpd_timeout}
  {settings.connection_extra}
  local {{
    auth = psk
    id = {local}
  }}
  remote {{
    auth = psk
    id = {remote}
  }}
  children {{{children}
  }}
}} }}
secrets {{ ike-site {{ secret = 0x{settings.psk.encode().hex()} }} }}
"""


# ---- programs ------------------------------------------------------------------------------


def _refuse(reason: str) -> NoReturn:
    """Skip the test, but in CI, where the machine must be fit for the rig, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _run(
    *command: str, environment: Mapping[str, str] | None = None, accept: tuple[int, ...] = (0,)
) -> str:
    """Run a program to its end and return its standard output.

    Raises:
        CommandError: its exit status is not one to ``accept``, or it took too long.
    """
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        # Bytes, whatever the encoding asked for: see TimeoutExpired in the library's reference.
        stdout, stderr = (
            (part or b"").decode(errors="replace") for part in (expired.stdout, expired.stderr)
        )
        raise CommandError(command, None, stdout, stderr) from expired
    if done.returncode not in accept:
        raise CommandError(command, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Gateways:
    """The pair of gateways; a context manager that starts them and always cleans up.

    Both have one connection, ``site``, with the children of ``Settings``; nothing is initiated
    yet. The state directory, its logs included, stays for the caller to read and to remove.

    Args:
        directory: an empty directory for configuration, sockets and logs. Its path must be short:
            a unix socket's path has at most 107 bytes.
        settings: fields of ``Settings``, for both sides.
    """

    def __init__(self, directory: Path, **settings: Unpack[Changes]) -> None:
        self._directory = directory
        self._settings: dict[Side, Settings] = dict.fromkeys(SIDES, Settings(**settings))
        self._name = f"fm{secrets.token_hex(4)}"  # an interface's name has at most 15 characters
        self._processes: dict[Side, subprocess.Popen[bytes]] = {}
        self._cleanup = contextlib.ExitStack()

    # -- life cycle

    def __enter__(self) -> Self:
        for side in SIDES:
            if len(os.fsencode(self.vici(side))) > UNIX_PATH_MAX:
                raise RigError(f"too long for a unix socket: {self.vici(side)}")
        self._ip = requires_tool("ip")
        self._ping = requires_tool("ping")
        self._swanctl = requires_tool("swanctl")
        self._charon = requires_tool("charon-systemd")
        if os.geteuid() != 0:
            _refuse("two gateways need root: network namespaces, /dev/net/tun")
        if not Path("/dev/net/tun").exists():
            _refuse("two gateways need /dev/net/tun for ESP in user space")
        with contextlib.ExitStack() as started:  # undoes the first steps if a later one fails
            self._build_network(started)
            for side in SIDES:
                (self._directory / side / "swanctl").mkdir(parents=True)
                self._write(side)
                started.callback(self._end, side)
            self.start(*SIDES)
            self._cleanup = started.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _build_network(self, started: contextlib.ExitStack) -> None:
        for side in SIDES:
            started.callback(self._delete_namespace, side)
            try:
                _run(self._ip, "netns", "add", self.netns(side))
            except CommandError as error:
                _refuse(f"two gateways need network namespaces: {error}")
        ends = [("name", self._link(side), "netns", self.netns(side)) for side in SIDES]
        _run(self._ip, "link", "add", *ends[0], "type", "veth", "peer", *ends[1])
        for side in SIDES:
            # No link-local address: an IPv6 neighbour would be asked for from it, once it has
            # been checked for duplicates, which takes a second.
            self._ip_in(side, "link", "set", self._link(side), "addrgenmode", "none")
            for device in ("lo", self._link(side)):
                self._ip_in(side, "link", "set", device, "up")
        for side in SIDES:
            settings = self._settings[side]
            self._add_address(
                side, self._link(side), settings.family, _endpoint(side, settings.family)
            )
            for child in settings.child_names():
                self._add_address(side, "lo", settings.inner_family, _host(side, settings, child))
        for side in SIDES:
            # Until the kernel has noticed the carrier, the first IKE packet may be dropped.
            wait_for(functools.partial(self._link_is_up, side), f"{side}'s link")

    def _link(self, side: Side) -> str:
        return f"{self._name}{side[0]}"

    def _link_is_up(self, side: Side) -> bool:
        return "state UP" in self._ip_in(side, "link", "show", self._link(side))

    def _add_address(self, side: Side, device: str, family: int, address: str) -> None:
        # nodad: an IPv6 address is not usable while it is being checked for duplicates.
        length = ("/24",) if family == 4 else ("/64", "nodad")
        self._ip_in(side, "addr", "add", address + length[0], *length[1:], "dev", device)

    def _delete_namespace(self, side: Side) -> None:
        if Path("/run/netns", self.netns(side)).exists():
            _run(self._ip, "netns", "del", self.netns(side))

    def _ip_in(self, side: Side, *arguments: str) -> str:
        return _run(self._ip, "-n", self.netns(side), *arguments)

    # -- names and files

    def vici(self, side: Side) -> str:
        """Return the path of the VICI socket."""
        return str(self._directory / side / "charon.vici")

    def error_notify(self, side: Side) -> str:
        """Return the path of the socket of the plugin error-notify."""
        return str(self._directory / side / "charon.enfy")

    def netns(self, side: Side) -> str:
        """Return the name of the network namespace."""
        return f"{self._name}-{side}"

    def endpoint(self, side: Side) -> str:
        """Return the address that IKE runs on."""
        return _endpoint(side, self._settings[side].family)

    def pid(self, side: Side) -> int:
        """Return the process id of the running charon."""
        return self._process(side).pid

    def log(self, side: Side) -> str:
        """Return what charon has logged since the rig began, restarts included."""
        path = self._directory / side / "charon.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def settings(self, side: Side) -> Settings:
        """Return the settings in force, or in the files of a gateway that is down."""
        return self._settings[side]

    # -- daemons

    def start(self, *sides: Side) -> None:
        """Start charon and load its configuration; also after ``kill`` or ``stop``.

        A socket that a killed charon left behind is not touched: replacing it is charon's job.
        """
        for side in sides:
            if side in self._processes:
                raise RigError(f"{side} runs already")
            with (self._directory / side / "output").open("ab") as output:
                self._processes[side] = subprocess.Popen(
                    # "ip netns exec" becomes the program, so the pid is charon's.
                    (self._ip, "netns", "exec", self.netns(side), self._charon),
                    env={**os.environ, **self._environment(side)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a terminal's ^C is for the tests, not for charon
                )
        for side in sides:
            wait_for(functools.partial(self._answers, side), f"{side}'s VICI socket")
            self._swan(side, "--load-all")

    def _answers(self, side: Side) -> bool:
        process = self._process(side)
        if process.poll() is not None:
            printed = (self._directory / side / "output").read_text("utf-8", "replace")
            del self._processes[side]
            raise CommandError((self._charon,), process.returncode, self.log(side), printed)
        with socket.socket(socket.AF_UNIX) as probe:
            # Not "does the file exist": a killed charon's socket does.
            return probe.connect_ex(self.vici(side)) == 0

    def stop(self, side: Side) -> None:
        """End charon the polite way (SIGTERM): it deletes its SAs, so the peer is told."""
        self.thaw(side)
        process = self._process(side)
        process.terminate()
        try:
            process.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(side)
            raise CommandError((self._charon,), None, self.log(side), "ignored SIGTERM") from None
        del self._processes[side]

    def kill(self, side: Side) -> None:
        """End charon with SIGKILL: the peer is told nothing, and the sockets stay behind."""
        process = self._process(side)
        process.kill()
        process.wait(COMMAND_SECONDS)
        del self._processes[side]

    def _end(self, side: Side) -> None:
        if side in self._processes:
            # Not stop(): the peer may be gone, and then charon would wait for its answers.
            self.kill(side)

    def freeze(self, side: Side) -> None:
        """Stop charon in its tracks (SIGSTOP) until ``thaw``; its sockets stay open."""
        self._process(side).send_signal(signal.SIGSTOP)
        wait_for(lambda: set(self._thread_states(side)) == {"T"}, f"{side} frozen")

    def thaw(self, side: Side) -> None:
        """Let a frozen charon go on; no harm if it is not frozen."""
        self._process(side).send_signal(signal.SIGCONT)
        wait_for(lambda: "T" not in self._thread_states(side), f"{side} thawed")

    def _thread_states(self, side: Side) -> Iterator[str]:
        for path in Path(f"/proc/{self.pid(side)}/task").glob("*/stat"):
            with contextlib.suppress(OSError):  # a thread may end meanwhile
                # proc(5): pid (name) state …; the name may hold spaces and brackets itself
                yield path.read_text("utf-8").rpartition(")")[2].split()[0]

    def _process(self, side: Side) -> subprocess.Popen[bytes]:
        if side not in self._processes:
            raise RigError(f"{side} does not run")
        return self._processes[side]

    # -- the wire between the two

    def cut(self) -> None:
        """Lose every packet between the two, without a word to either charon, until ``mend``.

        Each end is given a wrong link-layer address of the other. charon watches links, addresses
        and routes, but not neighbours: to it, the peer has gone silent.
        """
        for side in SIDES:
            self._ip_in(side, "neigh", "replace", *self._neighbour(side), "lladdr",
                        "02:00:00:00:00:0f", "nud", "permanent")  # fmt: skip

    def mend(self) -> None:
        """End the loss that ``cut`` began."""
        for side in SIDES:
            self._ip_in(side, "neigh", "del", *self._neighbour(side))

    def _neighbour(self, side: Side) -> tuple[str, str, str]:
        return self.endpoint(other(side)), "dev", self._link(side)

    def ping(self, count: int = 3, *, side: Side = "alpha", child: str = "net") -> int:
        """Send ``count`` packets from ``side`` through the tunnel; return how many came back.

        Raises:
            CommandError: there is no tunnel, so no route.
        """
        output = _run(
            *(self._ip, "netns", "exec", self.netns(side), self._ping, "-n", "-q"),
            *("-c", str(count), "-i", "0.01", "-W", "1"),
            *("-I", _host(side, self._settings[side], child)),
            _host(other(side), self._settings[side], child),
            accept=(0, 1),  # 1: fewer answers than packets
        )
        match = re.search(r"(\d+) received", output)
        if match is None:
            raise RigError(f"ping printed no count: {output}")
        return int(match[1])

    # -- configuration

    def reconfigure(self, side: Side, **changes: Unpack[Changes]) -> None:
        """Change settings of one side; a charon that runs loads them at once.

        As in real life, SAs that are up keep what they were made with.
        """
        before = self._settings[side]
        self._settings[side] = after = dataclasses.replace(before, **changes)
        if (after.family, after.inner_family) != (before.family, before.inner_family) or (
            after.children > before.children
        ):
            self._settings[side] = before
            raise RigError("the addresses are fixed when the rig is built")
        self._write(side)
        if side in self._processes:
            self._swan(side, "--reload-settings")
            self._swan(side, "--load-all")

    def _write(self, side: Side) -> None:
        directory, settings = self._directory / side, self._settings[side]
        (directory / "strongswan.conf").write_text(_daemon_text(directory, settings), "utf-8")
        swanctl = directory / "swanctl" / "swanctl.conf"
        swanctl.write_text(_connection_text(side, settings), "utf-8")

    def _environment(self, side: Side) -> dict[str, str]:
        directory = self._directory / side
        return {
            "STRONGSWAN_CONF": str(directory / "strongswan.conf"),
            "SWANCTL_DIR": str(directory / "swanctl"),
        }

    def _swan(self, side: Side, *arguments: str) -> str:
        self._process(side)  # a clear error, instead of swanctl's, when it does not run
        return _run(
            *(self._swanctl, *arguments, "--uri", f"unix://{self.vici(side)}"),
            environment=self._environment(side),
        )

    # -- tunnels

    def initiate(self, child: str = "net", *, side: Side = "alpha") -> None:
        """Bring a child SA up, and the IKE SA if there is none; return when ``side`` has it.

        Raises:
            CommandError: the negotiation failed; ``stdout`` is charon's log of it.
        """
        self._swan(side, "--initiate", "--child", child)

    def terminate(
        self, *, ike: str | None = None, child: str | None = None, side: Side = "alpha"
    ) -> None:
        """Take down an IKE SA (default: of the connection) or only a child SA, from ``side``."""
        if child is not None:
            self._swan(side, "--terminate", "--child", child)
        else:
            self._swan(side, "--terminate", "--ike", ike or CONNECTION)

    def rekey_child(self, child: str = "net", *, side: Side = "alpha") -> None:
        """Rekey a child SA from ``side``; return when both sides have the new one."""
        before = {where: self._inbound_spis(where, child) for where in SIDES}
        self._swan(side, "--rekey", "--child", child)

        def renewed(where: Side) -> set[str]:
            return self._inbound_spis(where, child) - before[where]

        for where in SIDES:
            wait_for(functools.partial(renewed, where), f"{where} to have a new child {child}")

    def _inbound_spis(self, side: Side, child: str) -> set[str]:
        found = child_sas(self.list_sas(side), child)
        return {sa["spi-in"] for sa in found if sa["state"] == "INSTALLED"}

    def rekey_ike(self, *, side: Side = "alpha") -> None:
        """Rekey the IKE SA from ``side`` (IKEv1: reauthenticate, it knows no rekeying).

        Returns when both sides have a new IKE SA and the children have moved to it. The old one
        is gone by then with IKEv2; with IKEv1 charon keeps it for a while.
        """
        before = {where: self._ike_ids(where) for where in SIDES}
        self._swan(side, "--rekey", "--ike", CONNECTION)

        def replaced(where: Side) -> bool:
            now = self._ike_ids(where)
            gone = not now.keys() & before[where].keys() or self._settings[where].version == 1
            children = {name for names in before[where].values() for name in names}
            return gone and any(
                children <= names for unique, names in now.items() if unique not in before[where]
            )

        for where in SIDES:
            wait_for(functools.partial(replaced, where), f"{where} to have a new IKE SA")

    def _ike_ids(self, side: Side) -> dict[str, set[str]]:
        """Return the ids of the IKE SAs that are up, each with its installed children's names."""
        return {
            sa["uniqueid"]: {
                child["name"]
                for child in sa.get("child-sas", {}).values()
                if child["state"] == "INSTALLED"
            }
            for sa in ike_sas(self.list_sas(side))
            if sa["state"] == "ESTABLISHED"
        }

    def list_sas(self, side: Side) -> list[dict[str, Any]]:
        """Return what ``swanctl --list-sas --raw`` prints, one dict an IKE SA: ``{"site": {…}}``.

        The real program, not a VICI client of ours: an independent answer to compare ours with.
        """
        return parse_raw(self._swan(side, "--list-sas", "--raw"))
