"""NETLINK_XFRM's decoder: whatever comes, a dump or XfrmError; and what was built is read."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from datasource.model import Mark
from datasource.xfrm.codec import Dump, KernelSa, SaId, XfrmError
from datasource.xfrm.statistics import failures, parse
from tests.netlink import INFINITE, SEQUENCE, attribute, done, message, sa

U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
ADDRESS = st.one_of(
    st.tuples(*[st.ip_addresses(v=version).map(str)] * 2)
    for version in (4, 6)  # type: ignore[call-overload]
)


@st.composite
def fields(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
    destination, source = draw(ADDRESS)
    return {
        "destination": destination,
        "source": source,
        "spi": draw(U32),
        "protocol": draw(st.integers(0, 255)),
        "reqid": draw(U32),
        "mode": draw(st.integers(0, 255)),
        "limits": draw(st.tuples(U64, U64, U64, U64)),
        "octets": draw(U64),
        "packets": draw(U64),
        "stats": draw(st.tuples(U32, U32, U32)),
    }


OTHER_ATTRIBUTE = st.tuples(
    st.integers(0, 65535).filter(lambda kind: kind not in (21, 31)), st.binary(max_size=80)
)


def read(*datagrams: bytes) -> Dump:
    dump = Dump(SEQUENCE)
    for datagram in datagrams:
        dump.feed(datagram)
    return dump


@given(
    fields(),
    st.none() | st.tuples(U32, U32),
    st.none() | U32,
    st.lists(OTHER_ATTRIBUTE, max_size=4),
)
def test_se02_what_was_built_is_read(
    built: dict[str, Any],
    mark: tuple[int, int] | None,
    if_id: int | None,
    others: list[tuple[int, bytes]],
) -> None:
    attributes = [attribute(kind, body) for kind, body in others]
    if mark is not None:
        attributes.append(attribute(21, struct.pack("=II", *mark)))
    if if_id is not None:
        attributes.insert(0, attribute(31, struct.pack("=I", if_id)))
    (found,) = read(sa(**built, attributes=attributes), done()).sas.values()
    assert found.id == SaId(ip_address(built["destination"]), built["spi"], built["protocol"])
    assert found.source == ip_address(built["source"])
    assert (found.reqid, found.octets, found.packets) == (
        built["reqid"],
        built["octets"],
        built["packets"],
    )
    limits = (found.soft_octets, found.hard_octets, found.soft_packets, found.hard_packets)
    assert limits == tuple(None if limit == INFINITE else limit for limit in built["limits"])
    assert (found.replay_window, found.replay, found.integrity_failed) == built["stats"]
    assert found.mark == (None if mark is None else Mark(*mark))
    assert found.if_id == if_id


@given(st.lists(fields(), max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
def test_se02_messages_may_share_datagrams_in_any_way(
    built: list[dict[str, Any]], cuts: list[bool]
) -> None:
    messages = [*(sa(**one) for one in built), done()]
    datagrams: list[bytes] = []
    for index, one in enumerate(messages):
        if index == 0 or cuts[index - 1]:
            datagrams.append(one)
        else:
            datagrams[-1] += one
    split, whole = read(*datagrams), read(b"".join(messages))
    assert split.sas == whole.sas
    assert split.done
    assert whole.done


def outcome(*datagrams: bytes) -> list[KernelSa] | None:
    """Only XfrmError may come out."""
    with contextlib.suppress(XfrmError):
        return list(read(*datagrams).sas.values())
    return None


@given(st.lists(st.binary(max_size=400), max_size=4))
def test_se02_garbage(datagrams: list[bytes]) -> None:
    outcome(*datagrams)


@given(st.integers(0, 65535), st.integers(0, 65535), st.binary(max_size=400))
def test_se02_garbage_in_a_message(kind: int, flags: int, body: bytes) -> None:
    outcome(message(kind, body, flags=flags))


@given(fields(), st.data())
def test_se02_a_message_that_was_cut_is_refused(built: dict[str, Any], data: st.DataObject) -> None:
    whole = sa(**built, attributes=(attribute(31, b"1234"),))
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert outcome(whole[:cut]) is None


@given(
    fields(),
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_se02_a_message_that_was_changed(
    built: dict[str, Any], changes: list[tuple[int, int]]
) -> None:
    datagram = bytearray(sa(**built, attributes=(attribute(21, b"12345678"),)))
    for place, octet in changes:
        datagram[place % len(datagram)] = octet
    outcome(bytes(datagram))


@given(st.text(max_size=200))
def test_se02_garbage_for_statistics(text: str) -> None:
    with contextlib.suppress(XfrmError):
        failures(parse(text))


@given(
    st.dictionaries(
        st.text("ABCdef", min_size=1, max_size=30), st.integers(0, 2**64 - 1), max_size=40
    )
)
def test_statistics_that_were_built_are_read(counters: dict[str, int]) -> None:
    text = "".join(f"{name:<24}\t{count}\n" for name, count in counters.items())
    assert parse(text) == counters
