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
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from tests.gateway_config import (
    CONNECTION,
    SIDES,
    Changes,
    Settings,
    Side,
    connection_text,
    daemon_text,
    endpoint,
    host,
    other,
)
from tests.swanctl_raw import child_sas, ike_sas, parse_raw
from tests.tools import refuse, requires_tool

__all__ = ["CommandError", "DeadlineError", "Gateways", "RigError", "wait_for"]

Found = TypeVar("Found")

POLL_SECONDS = 0.02
COMMAND_SECONDS = 20.0  # no command of the rig takes a second; a frozen charon blocks for ever
UNIX_PATH_MAX = 107  # bytes of sun_path without its NUL, see unix(7)


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
            refuse("two gateways need root: network namespaces, /dev/net/tun")
        if not Path("/dev/net/tun").exists():
            refuse("two gateways need /dev/net/tun for ESP in user space")
        with contextlib.ExitStack() as started:  # undoes the first steps if a later one fails
            self._build_network(started)
            for side in SIDES:
                (self._directory / side).mkdir(parents=True)
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
                refuse(f"two gateways need network namespaces: {error}")
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
                side, self._link(side), settings.family, endpoint(side, settings.family)
            )
            for child in settings.child_names():
                self._add_address(side, "lo", settings.inner_family, host(side, settings, child))
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

    def swanctl_conf(self, side: Side) -> Path:
        """Return the path of swanctl.conf."""
        return self._directory / side / "swanctl" / "swanctl.conf"

    def netns(self, side: Side) -> str:
        """Return the name of the network namespace."""
        return f"{self._name}-{side}"

    def endpoint(self, side: Side) -> str:
        """Return the address that IKE runs on."""
        return endpoint(side, self._settings[side].family)

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
            self._load(side)

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
            *("-I", host(side, self._settings[side], child)),
            host(other(side), self._settings[side], child),
            accept=(0, 1),  # 1: fewer answers than packets
        )
        match = re.search(r"(\d+) received", output)
        if match is None:
            raise RigError(f"ping printed no count: {output}")
        return int(match[1])

    def send(self, side: Side, *datagrams: bytes, port: int = 500) -> None:
        """Send datagrams from ``side`` to a port of the other, past both charons."""
        program = (
            "import socket, sys\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "for datagram in sys.argv[3:]:\n"
            "    s.sendto(bytes.fromhex(datagram), (sys.argv[1], int(sys.argv[2])))\n"
        )
        _run(
            *(self._ip, "netns", "exec", self.netns(side), sys.executable, "-c", program),
            *(self.endpoint(other(side)), str(port), *(one.hex() for one in datagrams)),
        )

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
            self._load(side)

    def _load(self, side: Side) -> None:
        # Without --clear charon keeps the certificates of before.
        self._swan(side, "--load-all", "--clear")

    def _write(self, side: Side) -> None:
        directory, settings = self._directory / side, self._settings[side]
        (directory / "strongswan.conf").write_text(daemon_text(directory, settings), "utf-8")
        swanctl = directory / "swanctl"
        text = connection_text(side, settings).encode()
        wanted = {
            swanctl / name: content
            for name, content in {**settings.files, "swanctl.conf": text}.items()
        }
        for path in [path for path in swanctl.rglob("*") if path.is_file()]:
            if path not in wanted:
                path.unlink()
        for path, content in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # In one step: somebody may be reading them.
            new = path.with_name(path.name + ".new")
            new.write_bytes(content)
            new.replace(path)

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

    def rekey_child(
        self, child: str = "net", *, side: Side = "alpha", seconds: float = 10.0
    ) -> None:
        """Rekey a child SA from ``side``; return when both sides have the new one.

        Raises:
            DeadlineError: they do not have it after ``seconds``.
        """
        before = {where: self._inbound_spis(where, child) for where in SIDES}
        self._swan(side, "--rekey", "--child", child)

        def renewed(where: Side) -> set[str]:
            return self._inbound_spis(where, child) - before[where]

        for where in SIDES:
            what = f"{where} to have a new child {child}"
            wait_for(functools.partial(renewed, where), what, seconds)

    def _inbound_spis(self, side: Side, child: str) -> set[str]:
        found = child_sas(self.list_sas(side), child)
        return {sa["spi-in"] for sa in found if sa["state"] == "INSTALLED"}

    def rekey_ike(self, *, side: Side = "alpha") -> None:
        """Rekey the IKE SA from ``side`` (IKEv1: reauthenticate, it knows no rekeying).

        Returns when both sides have a new IKE SA and the children have moved to it. The old one
        is gone by then with IKEv2; with IKEv1 charon keeps it for a while.
        """
        self._replace_ike(side, "--rekey", "--ike", CONNECTION)

    def reauthenticate(self, *, side: Side = "alpha") -> None:
        """Replace the IKE SA from ``side`` by one that is made from the beginning.

        Returns like ``rekey_ike``.
        """
        self._replace_ike(side, "--rekey", "--ike", CONNECTION, "--reauth")

    def _replace_ike(self, side: Side, *command: str) -> None:
        before = {where: self._ike_ids(where) for where in SIDES}
        self._swan(side, *command)

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

    def list_conns(self, side: Side) -> list[dict[str, Any]]:
        """Return what ``swanctl --list-conns --raw`` prints, one dict a connection."""
        return parse_raw(self._swan(side, "--list-conns", "--raw"), "list-conn")
