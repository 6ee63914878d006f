"""Any PDU of AgentX, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from agent.agentx import pdu as pdus
from agent.agentx import values
from agent.agentx.values import Oid, SearchRange, VarBind

__all__ = ["ANY", "CONTEXTS", "OIDS", "ORDERS", "RANGES", "VARBINDS"]

_U32 = st.integers(0, 2**32 - 1)
_NUMBERS = st.one_of(st.integers(0, 300), _U32)
OIDS = st.one_of(
    st.lists(_NUMBERS, max_size=128).map(tuple),
    st.lists(_NUMBERS, max_size=30).map(lambda rest: (1, 3, 6, 1, *rest)),
)
ORDERS = st.sampled_from([values.BIG, values.LITTLE])
CONTEXTS = st.binary(max_size=40)

_VALUES = st.one_of(
    st.tuples(st.just(values.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([values.COUNTER32, values.GAUGE32, values.TIME_TICKS]), _U32),
    st.tuples(st.just(values.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([values.OCTET_STRING, values.OPAQUE]), st.binary(max_size=70)),
    st.tuples(st.just(values.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(values.OBJECT_IDENTIFIER), OIDS),
    st.tuples(st.sampled_from([values.NULL, 128, 129, 130]), st.none()),
)
_VARBIND = st.builds(lambda name, typed: VarBind(name, *typed), OIDS, _VALUES)
VARBINDS = st.lists(_VARBIND, max_size=5).map(tuple)
RANGES = st.lists(st.builds(SearchRange, OIDS, st.booleans(), OIDS), max_size=5).map(tuple)
_OCTET = st.integers(0, 255)
_U16 = st.integers(0, 65535)
_Region = tuple[Oid, int, int, int]


def _register(region: _Region, timeout: int, instance: bool, context: bytes) -> pdus.Register:
    return pdus.Register(*region, timeout, instance, context)


def _unregister(region: _Region, context: bytes) -> pdus.Unregister:
    return pdus.Unregister(*region, context)


_REGISTERED: st.SearchStrategy[_Region] = st.one_of(
    st.tuples(OIDS, _OCTET, st.just(0), st.just(0)),
    st.tuples(OIDS, _OCTET, st.integers(1, 255), _U32),
)

ANY = st.one_of(
    st.builds(pdus.Open, OIDS, st.binary(max_size=50), _OCTET),
    st.builds(pdus.Close, _OCTET),
    st.builds(_register, _REGISTERED, _OCTET, st.booleans(), CONTEXTS),
    st.builds(_unregister, _REGISTERED, CONTEXTS),
    st.builds(pdus.Get, RANGES, CONTEXTS),
    st.builds(pdus.GetNext, RANGES, CONTEXTS),
    st.builds(pdus.GetBulk, RANGES, _U16, _U16, CONTEXTS),
    st.builds(pdus.TestSet, VARBINDS, CONTEXTS),
    st.just(pdus.CommitSet()),
    st.just(pdus.UndoSet()),
    st.just(pdus.CleanupSet()),
    st.builds(pdus.Notify, VARBINDS, CONTEXTS),
    st.builds(pdus.Ping, CONTEXTS),
    st.builds(pdus.IndexAllocate, VARBINDS, st.booleans(), st.booleans(), CONTEXTS),
    st.builds(pdus.IndexDeallocate, VARBINDS, CONTEXTS),
    st.builds(pdus.AddAgentCaps, OIDS, st.binary(max_size=50), CONTEXTS),
    st.builds(pdus.RemoveAgentCaps, OIDS, CONTEXTS),
    st.builds(pdus.Response, _U16, _U16, VARBINDS, _U32),
)
