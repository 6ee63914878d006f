"""Puts the agent together and runs it: source, tracker, views, engine, sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import metadata
from typing import Any

from agent.alarms import Alarms
from agent.config import Config, History, Mib, Peer, Snmp, needs_restart
from agent.contexts import ContextMaker
from agent.errors import AgentError
from agent.feed import make_feed
from agent.identity import Product, system_group
from agent.notify.sender import Sender
from agent.pump import EventPump
from agent.snmp.community import Origins
from agent.snmp.engine import Engine, Limits, Policy
from agent.snmp.limits import Limiter, QuietLog
from agent.snmp.udp import UdpListener
from agent.snmp.usm.users import User, make_user
from agent.snmp.v3 import MessageProcessor
from agent.snmp.vacm import Vacm
from agent.state import EngineState, StateDirectory, default_directory
from agent.subagent.clock import MasterTime
from agent.subagent.subagent import Subagent
from datasource.configuration import Wanted
from mibs import served, smi
from mibs.algorithms import AlgorithmNumbers
from mibs.cisco_ipsec_flow_monitor import Choices
from mibs.settable import SerialNumber
from mibs.snmp_engine_mibs import EngineGroup
from mibs.snmp_statistics import SnmpStatistics

__all__ = ["Daemon", "run"]

_log = logging.getLogger("flowmib")

_PATIENCE = 15.0
"""Seconds that requests may wait for the first listing of the source."""
_BURST = 4
"""Seconds' worth of failures that one address may make at once."""
_MAX_TIME = 0x7FFFFFFF
"""snmpEngineTime, after 68 years."""


class Daemon:
    """The agent, ready to run; made in the event loop. Nothing is opened before :meth:`run`.

    Args:
        config: all of it.
        state: the SNMP engine that this is.
        clock: monotonic seconds.
    """

    def __init__(
        self, config: Config, state: EngineState, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._state = state
        self._clock = clock
        started_at = clock()
        self._feed = make_feed(config.source, config.vrfs, clock)
        self._quiet = QuietLog(logging.getLogger("flowmib.snmp"), clock)
        statistics = SnmpStatistics()

        def up_time() -> float:
            return clock() - started_at

        def engine_time() -> int:
            return min(int(up_time()), _MAX_TIME)

        def time_stamp(at: float) -> int:
            # TimeTicks that wrap as sysUpTime does (RFC 2578 section 7.1.8).
            return max(int((at - started_at) * 100), 0)

        self._resize(config.history)
        self._want(config)
        switches = served.make_switches()
        snmp = config.snmp
        shown = served.Shown(
            system=system_group(
                snmp.identity,
                Product(metadata.version("flowmib"), self._feed.title, os.uname()),
            ),
            engine=EngineGroup(state.engine_id, state.boots, engine_time, snmp.max_message_size),
            statistics=statistics,
            up_time=up_time,
            serial_number=SerialNumber(secrets.randbits(31)),
            switches=switches,
            choices=_choices(config.mib, config.peers),
        )
        modules = smi.load(served.MODULES)
        maker = ContextMaker(
            modules,
            shown,
            self._feed.trackers,
            control=self._feed.control,
            connections=self._feed.source,
            may_detach=lambda: self._may_detach,
            clock=clock,
            on_read=self._feed.source.refresh,
        )
        self._contexts = maker.make(time_stamp)
        self._tree = self._contexts[b""].tree
        turn = asyncio.Lock()
        self._subagent = self._below(config, maker, turn)
        users = self._users(snmp)
        self._processor = MessageProcessor(
            engine_id=state.engine_id,
            boots=state.boots,
            engine_time=engine_time,
            statistics=statistics,
            users=users,
            max_message_size=snmp.max_message_size,
            random=secrets.token_bytes,
        )
        policy = self._policy(snmp)
        self._sender = Sender(self._processor.encoder, self._quiet)
        self._sender.replace(config.notify.targets, users, policy.vacm)
        self._alarms = Alarms(
            config.notify,
            modules,
            {name: context.tree for name, context in self._contexts.items()},
            switches=switches,
            outlets=(self._sender, *((self._subagent,) if self._subagent else ())),
            clock=clock,
            time_stamp=time_stamp,
        )
        self._pumps = [
            EventPump(tracker, (partial(self._alarms.happened, name),))
            for name, tracker in self._feed.trackers.items()
        ]
        self._engine = Engine(
            policy,
            {name: context.keeper for name, context in self._contexts.items()},
            statistics,
            self._processor,
            quiet=self._quiet,
            on_stranger=self._alarms.stranger,
            turn=turn,
        )

    def _below(self, config: Config, maker: ContextMaker, turn: asyncio.Lock) -> Subagent | None:
        """Make what serves below a master, if there is to be one.

        It shows the same of the same trackers, but for times: managers there know the master's
        sysUpTime.
        """
        if config.agentx is None:
            return None
        time = MasterTime(self._clock)
        contexts = maker.make(time.time_stamp)
        return Subagent(
            config.agentx.master,
            served.CISCO_MODULES,
            {name: (context.tree, context.keeper) for name, context in contexts.items()},
            time,
            clock=self._clock,
            quiet=self._quiet,
            turn=turn,
        )

    async def run(
        self,
        stop: asyncio.Event,
        reload: asyncio.Event | None = None,
        load: Callable[[], Config] | None = None,
    ) -> None:
        """Serve until ``stop`` is set.

        Args:
            stop: ends it.
            reload: each time it is set, users and access are taken from a new configuration.
            load: gives that configuration.

        Raises:
            ListenError: an address of the configuration cannot be listened on.
        """
        with contextlib.ExitStack() as stack:
            listeners = [
                stack.enter_context(contextlib.closing(UdpListener(address, self._engine)))
                for address in self._config.snmp.listen
            ]
            source = asyncio.create_task(self._feed.run())
            ready = asyncio.create_task(self._feed.source.ready.wait())
            pumps = [asyncio.create_task(pump.run()) for pump in self._pumps]
            chores = asyncio.create_task(self._do_chores())
            stopped = asyncio.create_task(stop.wait())
            tasks = [source, ready, *pumps, chores, stopped]
            if reload is not None and load is not None:
                tasks.append(asyncio.create_task(self._reload_for_ever(reload, load)))
            try:
                # To a manager, empty tables are news: it hears nothing before there is something.
                await _first_of(source, stopped, ready, patience=_PATIENCE)
                if not (source.done() or stopped.done()):
                    self._serve(listeners)
                    if self._subagent is not None:
                        tasks.append(asyncio.create_task(self._subagent.run()))
                    # A source goes on through every fault of its daemon: its end is one of ours.
                    await _first_of(source, stopped)
                if source.done():
                    source.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for pump in self._pumps:
                    pump.drain()
                await self._sender.close()
        _log.info("stopped")

    def _serve(self, listeners: Sequence[UdpListener]) -> None:
        _calm_the_collector()
        for listener in listeners:
            listener.start()
        addresses = ", ".join(address.text for address in self._config.snmp.listen)
        where = f"listening on {addresses}" if addresses else "serving over AgentX only"
        _log.info("%s, showing the %s", where, self._feed.title)
        self._alarms.started()

    async def _do_chores(self) -> None:
        while True:
            self._quiet.sum_up()
            await asyncio.sleep(1)

    # Who may do what ------------------------------------------------------------------------------

    async def _reload_for_ever(self, wanted: asyncio.Event, load: Callable[[], Config]) -> None:
        last = self._config
        while True:
            await wanted.wait()
            wanted.clear()
            try:
                # Passphrases take a while to turn into keys.
                config, users = await asyncio.to_thread(self._loaded, load)
            except AgentError as error:
                _log.error("not reloaded, going on as before: %s", error)
                continue
            policy = self._policy(config.snmp)
            self._processor.set_users(users)
            self._engine.replace(policy)
            self._sender.replace(config.notify.targets, users, policy.vacm)
            # What a manager has set stays, unless the operator says something new.
            if config.history != last.history:
                self._resize(config.history)
            if config.notify.enabled != last.notify.enabled:
                self._alarms.enable(config.notify.enabled)
            self._want(config)
            self._feed.source.reload_configuration()
            for context in self._contexts.values():
                context.keeper.expire()
            last = config
            later = needs_restart(self._config, config)
            _log.info(
                "reloaded%s", f"; changed only by a restart: {', '.join(later)}" if later else ""
            )

    def _resize(self, config: History) -> None:
        for tracker in self._feed.trackers.values():
            tracker.history.resize_tunnels(config.tunnel_size)
            tracker.history.resize_failures(config.failure_size)

    def _want(self, config: Config) -> None:
        """Say what the operator wants of the gateway's configuration, and lets be done to it."""
        self._may_detach = config.control.allow_detach
        wanted = Wanted(
            config.isakmp.default_policy,
            config.ipsec.default_transform_set,
            config.control.max_sas,
        )
        for tracker in self._feed.trackers.values():
            tracker.want(wanted)

    def _loaded(self, load: Callable[[], Config]) -> tuple[Config, list[User]]:
        config = load()
        for warning in config.warnings:
            _log.warning("%s", warning)
        return config, self._users(config.snmp)

    def _users(self, config: Snmp) -> list[User]:
        return [make_user(user.settings, self._state.engine_id) for user in config.users]

    def _policy(self, config: Snmp) -> Policy:
        return Policy(
            communities=Origins(
                (community.name, community.networks, community) for community in config.communities
            ),
            users=Origins(
                (name, user.networks, name)
                for user in config.users
                for name in [user.settings.name.encode()]
            ),
            vacm=Vacm(config.access, self._tree),
            limits=Limits(self._config.snmp.max_message_size, config.max_repetitions),
            failures=Limiter(
                config.failures_per_second, _BURST * config.failures_per_second, self._clock
            ),
        )


async def _first_of(*tasks: asyncio.Task[Any], patience: float | None = None) -> None:
    await asyncio.wait(tasks, timeout=patience, return_when=asyncio.FIRST_COMPLETED)


def run(config: Config, load: Callable[[], Config] | None = None) -> None:
    """Run the agent until SIGTERM or SIGINT.

    Args:
        config: all of it.
        load: gives the configuration anew, at SIGHUP.

    Raises:
        ListenError: an address of the configuration cannot be listened on.
        StateError: the state directory cannot be used.
    """
    for warning in config.warnings:
        _log.warning("%s", warning)
    path = config.state_directory or default_directory(os.environ)
    with StateDirectory(path) as directory:
        asyncio.run(_run(config, directory.start(config.snmp.engine_id), load))


async def _run(config: Config, state: EngineState, load: Callable[[], Config] | None) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    with _signals({signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}):
        await Daemon(config, state).run(stop, reload, load)


@contextlib.contextmanager
def _signals(events: dict[signal.Signals, asyncio.Event]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number, event in events.items():
        loop.add_signal_handler(number, event.set)
    try:
        yield
    finally:
        for number in events:
            loop.remove_signal_handler(number)


def _calm_the_collector() -> None:
    """Keep full collections away, which would stop the agent for as long as it has rows.

    Measured with 50,000 tunnels: 1.5 s. Rows are freed when nothing refers to them any more; what
    is left for the collector is little.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 500, 100)


def _choices(config: Mib, peers: tuple[Peer, ...]) -> Choices:
    return Choices(
        algorithms=AlgorithmNumbers(extended=config.algorithms == "extended"),
        peer_index_octets=config.peer_index == "octets",
        descriptions={peer.match: peer.description for peer in peers},
    )
