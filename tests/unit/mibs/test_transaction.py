"""mibs.transaction: every way in which a SET is refused, and that it is done whole or not."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mibs import ber, transaction
from mibs.access import HIDDEN, PARTLY, SHOWN, Access
from mibs.ber import BerError
from mibs.setting import (
    Change,
    ErrorStatus,
    Irreversible,
    Reversible,
    SetError,
    to_v1,
)
from mibs.smi import ObjectType, Oid
from mibs.table import Column, Scalar
from mibs.transaction import Transaction, VarBind
from mibs.tree import Tree
from mibs.view import View, ViewBuilder
from tests.small_mib import ROOT, Small, Thing, binding, object_type, small_smi

READ_WRITE = "read-write"

SIZE, LABEL, MODE, RAW, GAUGE, OID, FIXED = ((*ROOT, 1, n) for n in range(10, 17))
STATE: Oid = (*ROOT, 2, 1, 20)
COUNT: Oid = (*ROOT, 2, 1, 2)
TOTAL: Oid = (*ROOT, 1, 1)

OBJECTS: tuple[ObjectType, ...] = (
    dataclasses.replace(
        object_type("setSize", (1, 10), "scalar", access=READ_WRITE), ranges=((1, 9), (90, 99))
    ),
    dataclasses.replace(
        object_type("setLabel", (1, 11), "scalar", ber.OCTET_STRING, READ_WRITE), ranges=((2, 4),)
    ),
    dataclasses.replace(
        object_type("setMode", (1, 12), "scalar", access=READ_WRITE),
        enumeration={"up": 1, "down": 4},
    ),
    object_type("setRaw", (1, 13), "scalar", access=READ_WRITE),
    object_type("setGauge", (1, 14), "scalar", ber.GAUGE32, READ_WRITE),
    object_type("setOid", (1, 15), "scalar", ber.OBJECT_IDENTIFIER, READ_WRITE),
    object_type("setNever", (1, 16), "scalar", access=READ_WRITE),
    dataclasses.replace(
        object_type("thingState", (2, 1, 20), "column", access="read-create"),
        enumeration={"active": 1, "destroy": 2, "dying": 3},
    ),
)
SNAPSHOT = Small(things=(Thing(3, 30, 0.0), Thing(5, 50, 0.0), Thing(7, 70, 0.0)))


class Agent:
    """What can be set, and how it is made to fail.

    Attributes:
        held: value of each scalar by its name; and the numbers of the things that are there.
        journal: what was done, in order.
        refused: raised by the setting of an object, by its name.
        broken: names of what cannot be applied (``apply setSize``) or taken back (``undo setSize``)
            or done (``act 3``).
    """

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}
        self.things = {3, 5, 7}
        self.journal: list[str] = []
        self.refused: dict[str, Exception] = {}
        self.broken: set[str] = set()
        good = binding()
        names = ("setSize", "setLabel", "setMode", "setRaw", "setGauge", "setOid")
        scalars = tuple(Scalar(name, "total", write=self._scalar(name)) for name in names)
        state = Column("thingState", "number", lambda _: 1, self._state, read_only=(3,))
        tables = tuple(
            dataclasses.replace(t, columns=(*t.columns, state)) if t.name == "thingTable" else t
            for t in good.tables
        )
        bound = dataclasses.replace(
            good, scalars=(*good.scalars, *scalars, Scalar("setNever", "total")), tables=tables
        )
        self.tree = Tree(small_smi(*OBJECTS), (bound,))
        self.view: View = ViewBuilder(self.tree).build(SNAPSHOT, 0.0)
        self.everything = Access(bytes([SHOWN]) * len(self.tree.spans))

    def _scalar(self, name: str) -> Callable[[Any], Change]:
        def write(value: Any) -> Change:
            if (refusal := self.refused.get(name)) is not None:
                raise refusal
            before = self.held.get(name)
            return Reversible(
                lambda: self._put("apply", name, value), lambda: self._put("undo", name, before)
            )

        return write

    def _put(self, step: str, name: str, value: Any) -> None:
        self._do(f"{step} {name}")
        if value is None:
            del self.held[name]
        else:
            self.held[name] = value

    def _state(self, row: Thing, value: int) -> Change | None:
        if (refusal := self.refused.get("thingState")) is not None:
            raise refusal
        return Irreversible(self._destroy(row.number)) if value == 2 else None

    def _destroy(self, number: int) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            await asyncio.sleep(0)
            self._do(f"act {number}")
            self.things.discard(number)

        return act

    def _do(self, what: str) -> None:
        if what in self.broken:
            raise OSError(what)
        self.journal.append(what)

    def set(self, *varbinds: VarBind, access: Access | None = None) -> None:
        """Test and commit."""
        asyncio.run(self.test(*varbinds, access=access).commit())

    def test(self, *varbinds: VarBind, access: Access | None = None) -> Transaction:
        return transaction.test(self.view, access or self.everything, varbinds)

    def refusal(self, *varbinds: VarBind, access: Access | None = None) -> tuple[ErrorStatus, int]:
        """Set what is to fail; return status and index."""
        with pytest.raises(SetError) as caught:
            self.set(*varbinds, access=access)
        return caught.value.status, caught.value.index


def varbind(oid: Oid, instance: Oid, value: int | bytes | Oid, tag: int | None = None) -> VarBind:
    if tag is None:
        tag = ber.INTEGER if isinstance(value, int) else ber.OCTET_STRING
        tag = ber.OBJECT_IDENTIFIER if isinstance(value, tuple) else tag
    encoded = ber.encode_value(tag, value)
    _, start, stop = ber.read_header(encoded, 0, len(encoded))
    return ber.encode_oid((*oid, *instance)), tag, encoded[start:stop]


def raw(oid: Oid, tag: int, content: bytes) -> VarBind:
    return ber.encode_oid((*oid, 0)), tag, content


GOOD = varbind(SIZE, (0,), 5)


@pytest.fixture
def agent() -> Agent:
    return Agent()


class TestOneBinding:
    @pytest.mark.parametrize(
        ("given", "name", "held"),
        [
            (varbind(SIZE, (0,), 1), "setSize", 1),
            (varbind(SIZE, (0,), 99), "setSize", 99),
            (varbind(LABEL, (0,), b"\x00\xff"), "setLabel", b"\x00\xff"),
            (varbind(LABEL, (0,), b"four"), "setLabel", b"four"),
            (varbind(MODE, (0,), 4), "setMode", 4),
            (varbind(RAW, (0,), -(2**31)), "setRaw", -(2**31)),
            (raw(RAW, ber.INTEGER, b"\x00\x00\x05"), "setRaw", 5),  # longer than need be
            (varbind(GAUGE, (0,), 2**32 - 1, ber.GAUGE32), "setGauge", 2**32 - 1),
            (varbind(OID, (0,), (1, 3, 6)), "setOid", (1, 3, 6)),
        ],
    )
    def test_a_value_that_fits(self, agent: Agent, given: VarBind, name: str, held: Any) -> None:
        agent.set(given)
        assert agent.held == {name: held}

    def test_a_row(self, agent: Agent) -> None:
        agent.set(varbind(STATE, (5,), 2))
        assert agent.things == {3, 7}

    def test_nothing_is_to_be_done(self, agent: Agent) -> None:
        agent.set(varbind(STATE, (5,), 1))
        agent.set()
        assert not agent.journal


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "status"),
        [
            # Nothing under these is ever set, whatever instance or value.
            (varbind(TOTAL, (0,), 1), ErrorStatus.NOT_WRITABLE),
            (varbind(TOTAL, (9,), b"x"), ErrorStatus.NOT_WRITABLE),
            (varbind(FIXED, (0,), 1), ErrorStatus.NOT_WRITABLE),
            (varbind(COUNT, (99,), 1), ErrorStatus.NOT_WRITABLE),
            (varbind((*ROOT, 2, 1, 1), (3,), 1), ErrorStatus.NOT_WRITABLE),
            (varbind((*ROOT, 2), (), 1), ErrorStatus.NOT_WRITABLE),
            (varbind((1, 3, 6), (), 1), ErrorStatus.NOT_WRITABLE),
            (varbind(SIZE, (0,), b"5"), ErrorStatus.WRONG_TYPE),
            (varbind(SIZE, (0,), 5, ber.COUNTER32), ErrorStatus.WRONG_TYPE),
            (varbind(SIZE, (0,), 5, ber.GAUGE32), ErrorStatus.WRONG_TYPE),
            (raw(SIZE, ber.NULL, b""), ErrorStatus.WRONG_TYPE),
            (raw(SIZE, ber.NO_SUCH_INSTANCE, b""), ErrorStatus.WRONG_TYPE),
            (varbind(LABEL, (0,), 5), ErrorStatus.WRONG_TYPE),
            (varbind(LABEL, (0,), b"x"), ErrorStatus.WRONG_LENGTH),
            (varbind(LABEL, (0,), b"fives"), ErrorStatus.WRONG_LENGTH),
            (varbind(LABEL, (0,), b""), ErrorStatus.WRONG_LENGTH),
            (raw(SIZE, ber.INTEGER, b""), ErrorStatus.WRONG_ENCODING),
            (raw(SIZE, ber.INTEGER, b"\x01\x00\x00\x00\x00"), ErrorStatus.WRONG_ENCODING),
            (raw(OID, ber.OBJECT_IDENTIFIER, b""), ErrorStatus.WRONG_ENCODING),
            (raw(OID, ber.OBJECT_IDENTIFIER, b"\x2b\x80"), ErrorStatus.WRONG_ENCODING),
            (varbind(SIZE, (0,), 0), ErrorStatus.WRONG_VALUE),
            (varbind(SIZE, (0,), -1), ErrorStatus.WRONG_VALUE),
            (varbind(SIZE, (0,), 50), ErrorStatus.WRONG_VALUE),
            (varbind(SIZE, (0,), 100), ErrorStatus.WRONG_VALUE),
            (varbind(MODE, (0,), 2), ErrorStatus.WRONG_VALUE),
            (varbind(MODE, (0,), -1), ErrorStatus.WRONG_VALUE),
            (raw(RAW, ber.INTEGER, b"\x00\x80\x00\x00\x00"), ErrorStatus.WRONG_VALUE),
            (raw(GAUGE, ber.GAUGE32, b"\xff"), ErrorStatus.WRONG_VALUE),
            (varbind(STATE, (5,), 3), ErrorStatus.WRONG_VALUE),
            (varbind(STATE, (4,), 2), ErrorStatus.NO_CREATION),
            (varbind(STATE, (4,), 1), ErrorStatus.NO_CREATION),
            (varbind(STATE, (), 2), ErrorStatus.NO_CREATION),
            (varbind(STATE, (5, 0), 2), ErrorStatus.NO_CREATION),
            (varbind(SIZE, (1,), 5), ErrorStatus.NO_CREATION),
            (varbind(SIZE, (), 5), ErrorStatus.NO_CREATION),
            (varbind(SIZE, (0, 0), 5), ErrorStatus.NO_CREATION),
            # The first of two faults is told.
            (varbind(STATE, (4,), 9), ErrorStatus.WRONG_VALUE),
            (varbind(STATE, (4,), b"destroy"), ErrorStatus.WRONG_TYPE),
            (varbind(SIZE, (1,), 100), ErrorStatus.WRONG_VALUE),
            (varbind(LABEL, (1,), b"fives"), ErrorStatus.WRONG_LENGTH),
        ],
    )
    def test_sn05_what_is_wrong_with_a_binding(
        self, agent: Agent, given: VarBind, status: ErrorStatus
    ) -> None:
        assert agent.refusal(given) == (status, 1)
        assert agent.refusal(GOOD, given) == (status, 2)
        assert agent.refusal(GOOD, given, varbind(RAW, (0,), b"")) == (status, 2)
        assert not agent.journal

    @pytest.mark.parametrize(
        "status",
        [
            ErrorStatus.NOT_WRITABLE,
            ErrorStatus.INCONSISTENT_VALUE,
            ErrorStatus.INCONSISTENT_NAME,
            ErrorStatus.RESOURCE_UNAVAILABLE,
            ErrorStatus.WRONG_VALUE,
        ],
    )
    def test_sn05_a_setting_refuses(self, agent: Agent, status: ErrorStatus) -> None:
        agent.refused = {"setMode": SetError(status), "thingState": SetError(status)}
        assert agent.refusal(GOOD, varbind(MODE, (0,), 1)) == (status, 2)
        assert agent.refusal(varbind(STATE, (5,), 2), GOOD) == (status, 1)
        assert agent.refusal(varbind(STATE, (4,), 2)) == (ErrorStatus.NO_CREATION, 1)
        assert not agent.journal

    def test_sn05_a_fault_of_a_setting_is_a_gen_err_and_its_cause_is_kept(
        self, agent: Agent
    ) -> None:
        agent.refused = {"setMode": ZeroDivisionError("ours")}
        with pytest.raises(SetError) as caught:
            agent.test(GOOD, varbind(MODE, (0,), 1))
        assert (caught.value.status, caught.value.index) == (ErrorStatus.GEN_ERR, 2)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def test_sn05_a_setting_that_wants_gen_err_has_no_fault(self, agent: Agent) -> None:
        agent.refused = {"setMode": SetError(ErrorStatus.GEN_ERR)}
        with pytest.raises(SetError) as caught:
            agent.test(GOOD, varbind(MODE, (0,), 1))
        assert (caught.value.status, caught.value.index) == (ErrorStatus.GEN_ERR, 2)
        assert caught.value.__cause__ is None

    def test_sn05_a_value_that_can_only_be_read(self, agent: Agent) -> None:
        for row in (5, 4):
            assert agent.refusal(varbind(STATE, (row,), 3)) == (ErrorStatus.WRONG_VALUE, 1)
        assert not agent.journal

    def test_an_instance_may_come_once_only(self, agent: Agent) -> None:
        assert agent.refusal(GOOD, varbind(MODE, (0,), 1), GOOD) == (
            ErrorStatus.INCONSISTENT_VALUE,
            3,
        )
        state = varbind(STATE, (5,), 2)
        assert agent.refusal(state, state) == (ErrorStatus.INCONSISTENT_VALUE, 2)
        assert agent.refusal(GOOD, varbind(SIZE, (0,), 0)) == (ErrorStatus.WRONG_VALUE, 2)
        agent.set(state, varbind(STATE, (3,), 2))
        assert agent.things == {7}

    @pytest.mark.parametrize("content", [b"", b"\x2b\x80", b"\x2b\x06\x81"])
    def test_a_name_that_is_no_oid(self, agent: Agent, content: bytes) -> None:
        bad = (content, ber.INTEGER, b"\x01")
        prefixed = (ber.encode_oid(SIZE) + b"\x80", ber.INTEGER, b"\x01")
        for varbinds in ((bad,), (prefixed,), (varbind(SIZE, (0,), 0), bad)):
            with pytest.raises(BerError):
                agent.test(*varbinds)


class TestAccess:
    def spans(self, agent: Agent, shown: int, name: str) -> bytes:
        return bytes(shown if span.type.name == name else HIDDEN for span in agent.tree.spans)

    @pytest.mark.parametrize(
        "given",
        [
            varbind(MODE, (0,), 1),
            varbind(MODE, (7,), b"wrong in every way"),
            varbind(TOTAL, (0,), 1),
            varbind(STATE, (4,), 2),
        ],
    )
    def test_sn05_what_is_not_in_the_write_view(self, agent: Agent, given: VarBind) -> None:
        access = Access(self.spans(agent, SHOWN, "setSize"))
        agent.set(GOOD, access=access)
        assert agent.refusal(GOOD, given, access=access) == (ErrorStatus.NO_ACCESS, 2)

    def test_a_view_of_some_rows(self, agent: Agent) -> None:
        mine = ber.encode_oid((*STATE, 5))
        access = Access(self.spans(agent, PARTLY, "thingState"), mine.__eq__)
        agent.set(varbind(STATE, (5,), 2), access=access)
        refused = agent.refusal(varbind(STATE, (7,), 2), access=access)
        assert refused == (ErrorStatus.NO_ACCESS, 1)
        assert agent.things == {3, 7}

    def test_an_unknown_name_is_not_writable_but_for_whom_nothing_is(self, agent: Agent) -> None:
        unknown = varbind((1, 3, 6), (), 1)
        nothing = Access(bytes(len(agent.tree.spans)))
        elsewhere = Access(agent.everything.spans, lambda _: False)
        assert agent.refusal(unknown) == (ErrorStatus.NOT_WRITABLE, 1)
        assert agent.refusal(unknown, access=nothing) == (ErrorStatus.NO_ACCESS, 1)
        assert agent.refusal(unknown, access=elsewhere) == (ErrorStatus.NO_ACCESS, 1)


class TestCommit:
    MIXED = (
        varbind(STATE, (3,), 2),
        varbind(SIZE, (0,), 5),
        varbind(STATE, (7,), 2),
        varbind(MODE, (0,), 1),
        varbind(RAW, (0,), 8),
    )

    def test_a_test_changes_nothing(self, agent: Agent) -> None:
        agent.test(*self.MIXED)
        assert not agent.journal

    def test_what_cannot_be_undone_comes_last(self, agent: Agent) -> None:
        agent.set(*self.MIXED)
        assert agent.journal == ["apply setSize", "apply setMode", "apply setRaw", "act 3", "act 7"]
        assert agent.held == {"setSize": 5, "setMode": 1, "setRaw": 8}
        assert agent.things == {5}

    def test_sn05_a_change_that_fails_takes_the_others_with_it_the_last_one_first(
        self, agent: Agent
    ) -> None:
        agent.set(varbind(SIZE, (0,), 9))
        agent.journal.clear()
        agent.broken = {"apply setRaw"}
        assert agent.refusal(*self.MIXED) == (ErrorStatus.COMMIT_FAILED, 5)
        assert agent.journal == ["apply setSize", "apply setMode", "undo setMode", "undo setSize"]
        assert agent.held == {"setSize": 9}
        assert agent.things == {3, 5, 7}

    def test_sn05_an_action_that_fails_first(self, agent: Agent) -> None:
        agent.broken = {"act 3"}
        with pytest.raises(SetError) as caught:
            agent.set(*self.MIXED)
        assert (caught.value.status, caught.value.index) == (ErrorStatus.COMMIT_FAILED, 1)
        assert isinstance(caught.value.__cause__, OSError)
        assert not agent.held
        assert agent.things == {3, 5, 7}

    def test_sn05_an_action_that_fails_after_another(self, agent: Agent) -> None:
        agent.broken = {"act 7"}
        assert agent.refusal(*self.MIXED) == (ErrorStatus.UNDO_FAILED, 0)
        assert not agent.held  # what can be taken back is
        assert agent.things == {5, 7}

    def test_sn05_undo_fails(self, agent: Agent) -> None:
        agent.broken = {"apply setRaw", "undo setMode"}
        with pytest.raises(SetError) as caught:
            agent.set(*self.MIXED)
        assert (caught.value.status, caught.value.index) == (ErrorStatus.UNDO_FAILED, 0)
        assert str(caught.value.__cause__) == "undo setMode"
        assert str(caught.value.__context__) == "COMMIT_FAILED at binding 5"
        assert agent.held == {"setMode": 1}

    def test_ax31_the_steps_one_by_one(self, agent: Agent) -> None:
        changes = agent.test(*self.MIXED)
        changes.apply()
        assert agent.held == {"setSize": 5, "setMode": 1, "setRaw": 8}
        changes.undo()
        assert not agent.held
        changes.undo()  # nothing is left to take back
        assert agent.journal[-1] == "undo setSize"
        changes.apply()
        asyncio.run(changes.act())
        assert agent.things == {5}
        with pytest.raises(SetError, match="UNDO_FAILED"):
            changes.undo()


POOL = (
    *TestCommit.MIXED,
    varbind(LABEL, (0,), b"abc"),
    varbind(STATE, (5,), 1),
    varbind(STATE, (4,), 2),
    varbind(SIZE, (0,), 0),
    varbind(TOTAL, (0,), 0),
    varbind(GAUGE, (0,), 3, ber.GAUGE32),
)
FAILURES = [
    f"{step} {name}" for step in ("apply", "undo") for name in ("setSize", "setMode", "setLabel")
]


@given(
    varbinds=st.lists(st.sampled_from(POOL), max_size=8, unique=True),
    broken=st.sets(st.sampled_from([*FAILURES, "act 3", "act 7"])),
    refused=st.sets(st.sampled_from(["setRaw", "setGauge", "thingState"])),
)
def test_sn05_all_or_nothing(varbinds: list[VarBind], broken: set[str], refused: set[str]) -> None:
    agent = Agent()
    agent.set(varbind(SIZE, (0,), 91), varbind(LABEL, (0,), b"old"))
    before = dict(agent.held)
    agent.journal.clear()
    agent.broken = broken
    agent.refused = dict.fromkeys(refused, SetError(ErrorStatus.RESOURCE_UNAVAILABLE))
    error = None
    try:
        agent.set(*varbinds)
    except SetError as caught:
        error = caught
    applied = [line for line in agent.journal if line.startswith("apply")]
    acted = [line for line in agent.journal if line.startswith("act")]
    if error is None:
        assert agent.journal == applied + acted
        assert len(agent.journal) == len(varbinds) - varbinds.count(varbind(STATE, (5,), 1))
    elif error.status is ErrorStatus.UNDO_FAILED:
        assert error.index == 0
        assert acted or any(line.startswith("undo") for line in broken)
    else:
        assert 1 <= error.index <= len(varbinds)
        assert agent.held == before
        assert agent.things == {3, 5, 7}


def test_describe() -> None:
    agent = Agent()
    assert transaction.describe(
        agent.tree,
        (
            varbind(MODE, (0,), 4),
            varbind(MODE, (0,), 7),
            varbind(STATE, (2**32 - 1, 1), 2),
            varbind(LABEL, (0,), b"a'\n\xff"),
            varbind(OID, (0,), (1, 3, 6)),
            varbind((1, 3, 6, 1), (), -5),
            varbind(SIZE, (), 5, ber.COUNTER32),
            raw(SIZE, ber.INTEGER, b""),
            raw(OID, ber.OBJECT_IDENTIFIER, b"\x80"),
            raw(LABEL, ber.OCTET_STRING, b"x" * 60_000),
        ),
    ) == [
        ("setMode.0", "down(4)"),
        ("setMode.0", "7"),
        ("thingState.4294967295.1", "destroy(2)"),
        ("setLabel.0", '"a\'\\n\\xff"'),
        ("setOid.0", "1.3.6"),
        ("1.3.6.1", "-5"),
        ("setSize", "0x41 '\\x05'"),
        ("setSize.0", "0x02 ''"),
        ("setOid.0", "0x06 '\\x80'"),
        ("setLabel.0", f"'{'x' * 255}'"),
    ]
    with pytest.raises(BerError):
        transaction.describe(agent.tree, ((b"", ber.NULL, b""),))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ErrorStatus.NO_ERROR, ErrorStatus.NO_ERROR),
        (ErrorStatus.TOO_BIG, ErrorStatus.TOO_BIG),
        (ErrorStatus.GEN_ERR, ErrorStatus.GEN_ERR),
        (ErrorStatus.WRONG_VALUE, ErrorStatus.BAD_VALUE),
        (ErrorStatus.WRONG_ENCODING, ErrorStatus.BAD_VALUE),
        (ErrorStatus.WRONG_TYPE, ErrorStatus.BAD_VALUE),
        (ErrorStatus.WRONG_LENGTH, ErrorStatus.BAD_VALUE),
        (ErrorStatus.INCONSISTENT_VALUE, ErrorStatus.BAD_VALUE),
        (ErrorStatus.NO_ACCESS, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.NOT_WRITABLE, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.NO_CREATION, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.INCONSISTENT_NAME, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.AUTHORIZATION_ERROR, ErrorStatus.NO_SUCH_NAME),
        (ErrorStatus.RESOURCE_UNAVAILABLE, ErrorStatus.GEN_ERR),
        (ErrorStatus.COMMIT_FAILED, ErrorStatus.GEN_ERR),
        (ErrorStatus.UNDO_FAILED, ErrorStatus.GEN_ERR),
    ],
)
def test_sn06_what_version_1_is_told(status: ErrorStatus, expected: ErrorStatus) -> None:
    assert to_v1(status) is expected


def test_every_status_of_version_1_is_one_that_it_has() -> None:
    assert all(to_v1(status) <= ErrorStatus.GEN_ERR for status in ErrorStatus)
