"""An engine with everything behind it, and an examination of what it does with any datagram.

An answer is read by code of its own, which is strict: octets that do not belong somewhere are an
:class:`AssertionError`, as everything is that must not be.
"""

from __future__ import annotations

import logging
from operator import attrgetter
from typing import NamedTuple

from agent.snmp.community import Community, Origins
from agent.snmp.engine import Answer, Engine, Limits, Policy
from agent.snmp.limits import Limiter, QuietLog
from agent.snmp.message import (
    INFORM_REQUEST,
    REPORT,
    RESPONSE,
    SET_REQUEST,
    TRAP,
    TRAP_V1,
    VERSION_1,
    VERSION_2C,
    VERSION_3,
)
from agent.snmp.security import SecurityLevel, SecurityModel
from agent.snmp.usm.users import Secret, User, UserSettings, localized_settings
from agent.snmp.v3 import MessageProcessor
from agent.snmp.vacm import AccessEntry, GroupMember, Subtree, Vacm, VacmTables
from datasource import simulated
from datasource.control import TerminateError
from mibs import ber, served, smi
from mibs.setting import ErrorStatus
from mibs.snmp_statistics import SnmpStatistics
from mibs.tree import ColumnSpan, Tree
from mibs.view import ViewBuilder
from tests.engine import ENGINE_ID, LOOPBACK, Still
from tests.malformed import Target
from tests.shown import shown
from tests.snmp_peer import Oid, items

__all__ = [
    "BOOTS",
    "COMMUNITIES",
    "HOST",
    "MAX_MESSAGE_SIZE",
    "NO_REQUEST",
    "SECRETS",
    "TIME",
    "USERS",
    "Examined",
]

HOST = "127.0.0.1"
BOOTS, TIME = 5, 1000
MAX_MESSAGE_SIZE = 1472
COMMUNITIES = (b"w-flute-4711", b"r-flute-4712", b"p-flute-4713", b"n-flute-4714")
"""Of somebody who may write, read, see some of it, and do nothing."""
_PASSPHRASES = ("maplesyrup", "pancakes with butter")
NO_REQUEST = "no request"
"""What becomes of a message that is right, and nothing to answer."""

_FLOW_MONITOR: Oid = (1, 3, 6, 1, 4, 1, 9, 9, 171)
_SETTABLE = "cikeTunStatus", "cipSecTunStatus"
_STUBBORN = 3
"""No tunnel with such an index, or a multiple of it, can be ended."""
_COUNTERS = SnmpStatistics.__slots__
_counts = attrgetter(*_COUNTERS)
_VALUES = frozenset(
    (
        *(ber.INTEGER, ber.OCTET_STRING, ber.OBJECT_IDENTIFIER, ber.IP_ADDRESS, ber.COUNTER32),
        *(ber.GAUGE32, ber.TIME_TICKS, ber.COUNTER64),
    )
)
_EXCEPTIONS = frozenset((ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB_VIEW))
_SILENT = {VERSION_1: (RESPONSE, TRAP_V1), VERSION_2C: (RESPONSE, INFORM_REQUEST, TRAP, REPORT)}
"""PDUs of SNMPv1 and SNMPv2c that have no answer and are no error (RFC 3584 section 5)."""


def _settings(name: str, auth: str | None = None, priv: str | None = None) -> UserSettings:
    auth_secret, priv_secret = map(Secret, _PASSPHRASES)
    settings = UserSettings(
        name, auth, auth_secret if auth else None, priv, priv_secret if priv else None
    )
    return localized_settings(settings, ENGINE_ID)


_USERS = (
    _settings("guest"),
    _settings("operator", "SHA-1"),
    _settings("admin", "SHA-256", "AES-128"),
    _settings("veteran", "MD5", "DES"),
)
USERS = {settings.name.encode(): User(settings) for settings in _USERS}
"""Those of the managers: ciphers have state, so the engine has its own."""

SECRETS = (
    *_PASSPHRASES,
    *(
        form
        for settings in _USERS
        for secret in (settings.auth_secret, settings.priv_secret)
        if secret
        for form in (secret.key.hex(), repr(secret.key)[2:-1])
    ),
)
"""Passphrases and keys, as they might be in a text."""

_WRITERS, _READERS = (COMMUNITIES[0], b"operator", b"admin"), (COMMUNITIES[1], b"guest")
_LOOKERS = (COMMUNITIES[2], b"veteran")


def _tables() -> VacmTables:
    groups = dict.fromkeys(_WRITERS, "write") | dict.fromkeys(_READERS, "read")
    groups |= dict.fromkeys(_LOOKERS, "look")
    # In the logs, communities have other names.
    names = {community: b"community-%d" % n for n, community in enumerate(COMMUNITIES, 1)}
    return VacmTables(
        tuple(
            GroupMember(model, names.get(name, name), group)
            for name, group in groups.items()
            for model in (SecurityModel.V1, SecurityModel.V2C, SecurityModel.USM)
        ),
        (
            _entry("write", SecurityModel.V1, SecurityLevel.NO_AUTH_NO_PRIV, "all"),
            _entry("write", SecurityModel.V2C, SecurityLevel.NO_AUTH_NO_PRIV, "all"),
            _entry("write", SecurityModel.USM, SecurityLevel.AUTH_NO_PRIV, "all"),
            _entry("look", SecurityModel.ANY, SecurityLevel.NO_AUTH_NO_PRIV, "rows"),
            AccessEntry("read", SecurityModel.ANY, SecurityLevel.NO_AUTH_NO_PRIV, read="all"),
        ),
        (
            *(Subtree("all", (root,)) for root in (0, 1, 2)),
            Subtree("rows", (1, 3, 6, 1)),
            Subtree("rows", (*_FLOW_MONITOR, 1, 2, 3, 1, None, 2), included=False),
            Subtree("rows", (*_FLOW_MONITOR, 1, 3, 2, 1, None, 4), included=False),
        ),
    )


def _entry(group: str, model: SecurityModel, level: SecurityLevel, view: str) -> AccessEntry:
    return AccessEntry(group, model, level, read=view, write=view)


class _Control:
    """Ends tunnels, which stay nevertheless so that everything is as before."""

    can_terminate = True

    async def terminate_ike(self, index: int) -> None:
        if index % _STUBBORN == 0:
            raise TerminateError("it does not end")

    terminate_ipsec = terminate_ike


class _Read(NamedTuple):
    """An answer, whose protection is right."""

    version: int
    head: bytes
    """Version and community, or msgID, as they came."""
    pdu_type: int
    pdu: bytes
    """Content."""


class Examined:
    """An engine that shows a gateway, which stays as it is.

    Attributes:
        engine: to be asked.
        target: what there is for whom asks.
        now: seconds; a little later for each datagram.
    """

    def __init__(self) -> None:
        self.now = 0.0
        everything = shown(_Control())
        self._statistics = everything.statistics
        self.tree = Tree(smi.load(served.MODULES), served.bind(everything))
        tracker = simulated.tracker_for_simulation()
        gateway = simulated.SimulatedGateway(tracker, tunnels=30, seed=1, started_at=0.0)
        gateway.advance(100.0)
        view = ViewBuilder(self.tree).build(tracker.snapshot(100.0), 100.0)
        limits = Limits(MAX_MESSAGE_SIZE, max_repetitions=50)
        self.engine = Engine(
            self._policy(limits),
            {b"": Still(view)},
            self._statistics,
            MessageProcessor(
                engine_id=ENGINE_ID,
                boots=BOOTS,
                engine_time=lambda: TIME,
                statistics=self._statistics,
                users=map(User, _USERS),
                max_message_size=MAX_MESSAGE_SIZE,
                random=bytes,
            ),
            quiet=QuietLog(logging.getLogger("flowmib.snmp"), lambda: self.now),
        )
        settable = [(*self._oid(name), n) for name in _SETTABLE for n in (1, 2, 3, 6, 99)]
        settable += [(*self._oid(name), 0) for name in ("snmpSetSerialNo", "snmpEnableAuthenTraps")]
        columns = [span.type.oid for span in self.tree.spans if isinstance(span, ColumnSpan)]
        names = [(0, 0), (1, 3), (1, 3, 6, 1), (2, 39, 5), _FLOW_MONITOR, *columns[::7]]
        names += [(*oid, n) for oid in columns[::5] for n in (1, 4, 2**32 - 1)]
        self.target = Target(
            COMMUNITIES,
            tuple(USERS.values()),
            ENGINE_ID,
            BOOTS,
            TIME,
            [ber.encode_oid(name) for name in [*names, *settable]],
            [ber.encode_oid(name) for name in settable],
        )

    def _policy(self, limits: Limits) -> Policy:
        return Policy(
            Origins(
                (name, LOOPBACK, Community(name, LOOPBACK, b"community-%d" % number))
                for number, name in enumerate(COMMUNITIES, 1)
            ),
            Origins((name, LOOPBACK, name) for name in USERS),
            Vacm(_tables(), self.tree),
            limits,
            Limiter(1e9, 1 << 30, lambda: self.now),
        )

    def _oid(self, name: str) -> Oid:
        return next(span.type.oid for span in self.tree.spans if span.type.name == name)

    def answer(self, data: bytes) -> bytes | None:
        """Have a datagram answered; a SET is done to its end."""
        self.now += 0.001
        return _driven(self.engine.process(data, HOST))

    def examine(self, data: bytes) -> str:
        """Have a datagram answered, and say what came of it.

        Returns:
            The name of a counter, NO_REQUEST, or the label of the error-status of an answer.

        Raises:
            AssertionError: it was not counted once, or its answer is wrong.
        """
        before = _counts(self._statistics)
        answer = self.answer(data)
        after = _counts(self._statistics)
        changed = {
            name: new - old
            for name, old, new in zip(_COUNTERS, before, after, strict=True)
            if new != old
        }
        assert changed.pop("snmpInPkts") == 1
        assert list(changed.values()) in ([], [1]), changed
        counter = next(iter(changed), None)
        if answer is None:
            if counter is None:
                version, pdu_type = _version_and_pdu(data)
                assert pdu_type in _SILENT[version]
            return counter or NO_REQUEST
        assert len(answer) <= MAX_MESSAGE_SIZE
        read = _opened(answer)
        assert read.head == _head(data)
        if read.pdu_type == REPORT:
            assert counter is not None
            self._check_report(read, counter)
            return counter
        assert read.pdu_type == RESPONSE
        assert counter in (None, "snmpInBadCommunityUses")
        return _checked_response(read, data).label

    def _check_report(self, read: _Read, counter: str) -> None:
        """RFC 3412 section 7.1: the one binding is the counter that has just been counted."""
        assert read.version == VERSION_3
        request_id, status, index, (tag, bindings, _) = items(read.pdu)
        assert request_id[0] == ber.INTEGER
        assert (status[2], index[2], tag) == (b"\x02\x01\x00", b"\x02\x01\x00", ber.SEQUENCE)
        ((_, binding, _),) = items(bindings)
        (_, name, _), (value_tag, value, _) = items(binding)
        assert ber.decode_oid(name) == (*self._oid(counter), 0)
        assert value_tag == ber.COUNTER32
        assert int.from_bytes(value, "big") == getattr(self._statistics, counter)


def _driven(coming: Answer) -> bytes | None:
    if coming is None or isinstance(coming, bytes):
        return coming
    try:
        coming.send(None)
    except StopIteration as ended:
        result: bytes | None = ended.value
        return result
    raise AssertionError("a SET waits, and nothing here takes a while")


def _version_and_pdu(data: bytes) -> tuple[int, int]:
    """Version, and tag of the third element, of a message that the engine has understood."""
    version, _, (pdu_type, _, _), *_ = items(_cut(data)[0])
    return int.from_bytes(version[1], "big"), pdu_type


def _head(data: bytes) -> bytes:
    """As that of _Read, of a message that the engine has understood."""
    (_, version, whole), (_, content, second), *_ = items(_cut(data)[0])
    return items(content)[0][2] if version[-1] == 3 else whole + second


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """The content of the first element, and what follows it."""
    start = 2 + (data[1] & 0x7F if data[1] > 0x7F else 0)
    stop = start + (data[1] if start == 2 else int.from_bytes(data[2:start], "big"))
    assert stop <= len(data)
    return data[start:stop], data[stop:]


def _opened(answer: bytes) -> _Read:
    ((tag, message, _),) = items(answer)
    assert tag == ber.SEQUENCE
    first = items(message)
    (tag, version, whole), (second_tag, second, second_whole), *_ = first
    assert tag == ber.INTEGER
    if version != b"\x03":
        assert second_tag == ber.OCTET_STRING
        _, _, (pdu_type, pdu, _) = first
        return _Read(int.from_bytes(version, "big"), whole + second_whole, pdu_type, pdu)
    _, _, (_, parameters, _), (data_tag, data, data_whole) = first
    (msg_id, size, flags, model) = items(second)
    assert (second_tag, size[2], model[2]) == (0x30, b"\x02\x02\x05\xc0", b"\x02\x01\x03")
    ((_, usm, _),) = items(parameters)
    engine_id, boots, time, name, mac, salt = items(usm)
    assert (engine_id[1], boots[1], time[1]) == (ENGINE_ID, b"\x05", b"\x03\xe8")
    user = USERS.get(name[1])
    if flags[1] != b"\x00":
        assert user is not None
        assert user.authenticator is not None
        place = len(answer) - len(data_whole) - len(salt[2]) - len(mac[1])
        without = answer[:place] + bytes(len(mac[1])) + answer[place + len(mac[1]) :]
        assert mac[1] == user.authenticator.mac(without)
    if flags[1] == b"\x03":
        assert user is not None
        assert user.cipher is not None
        assert data_tag == ber.OCTET_STRING
        data = user.cipher.decrypt(data, salt[1], BOOTS, TIME)
        data, filling = _cut(data)
        assert filling == bytes(len(filling))
        assert len(filling) < user.cipher.block
    else:
        assert (data_tag, salt[1], flags[1] in (b"\x00", b"\x01")) == (ber.SEQUENCE, b"", True)
    context_engine_id, _, (pdu_type, pdu, _) = items(data)
    assert context_engine_id[0] == ber.OCTET_STRING
    return _Read(VERSION_3, msg_id[2], pdu_type, pdu)


def _checked_response(read: _Read, data: bytes) -> ErrorStatus:
    """Check a response, by the request where it is not encrypted; return the error-status."""
    request_id, status, index, (tag, bindings, _) = items(read.pdu)
    assert [request_id[0], status[0], index[0], tag] == [2, 2, 2, ber.SEQUENCE]
    error = ErrorStatus(int.from_bytes(status[1], "big", signed=True))
    assert error is not ErrorStatus.GEN_ERR or read.version == VERSION_1, "a fault of the agent"
    assert read.version or error <= ErrorStatus.GEN_ERR
    found = [items(content) for _, content, _ in items(bindings)]
    assert 0 <= int.from_bytes(index[1], "big", signed=True) <= len(found)
    for (name_tag, name, _), _ in found:
        assert name_tag == ber.OBJECT_IDENTIFIER
        ber.decode_oid(name)
    if read.version < VERSION_3:
        _, _, (pdu_type, pdu, _), *_ = items(_cut(data)[0])
        its_request_id, *_, its_bindings = items(pdu)
        assert request_id == its_request_id
        if error or pdu_type == SET_REQUEST:
            # The request comes back, or nothing where that would be too big.
            assert bindings in (its_bindings[1], b"")
        else:
            known = _VALUES if read.version == VERSION_1 else _VALUES | _EXCEPTIONS
            assert all(value_tag in known for _, (value_tag, _, _) in found)
    return error
