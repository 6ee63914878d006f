"""agent.agentx.session: opening, registering, pinging, reading, notifying, and the end."""

from __future__ import annotations

import struct

import pytest

from agent.agentx import pdu as pdus
from agent.agentx.codec import MAX_PAYLOAD, encode
from agent.agentx.events import Faulty, Granted, Lost, NotifyRefused, Opened, Refused, error_name
from agent.agentx.pdu import CloseReason, Error
from agent.agentx.values import (
    BIG,
    END_OF_MIB_VIEW,
    INTEGER,
    LITTLE,
    NO_SUCH_INSTANCE,
    OCTET_STRING,
    ByteOrder,
    SearchRange,
    VarBind,
    encode_oid,
    encode_varbind,
)
from tests.agentx_world import CAPS, REGIONS, ROOT, World

A, B, C = ((*ROOT, 1, number) for number in (1, 2, 3))
TRAP = pdus.Notify((VarBind((1, 3), INTEGER, 1),))


def filled(**settings: object) -> World:
    world = World(**settings)  # type: ignore[arg-type]
    for number, name in enumerate((A, B, C)):
        world.handler.put(name, number)
    return world


# Opening ------------------------------------------------------------------------------------------


def test_ax10_11_13_it_opens_and_registers() -> None:
    world = World(opened=False)
    ((header, opening),) = world.said()
    assert opening == pdus.Open((*ROOT, 5), b"us")
    assert header.session_id == 0
    world.answer(header, up_time=4711)
    said = world.said()
    assert [pdu for _, pdu in said] == [CAPS, *REGIONS]
    assert {header.session_id for header, _ in said} == {77}
    assert len({header.packet_id for header, _ in [(header, opening), *said]}) == 4
    for header, _ in said:
        world.answer(header)
    assert world.events() == [Opened(4711), *map(Granted, REGIONS)]


@pytest.mark.parametrize("error", [Error.OPEN_FAILED, Error.PARSE_ERROR, Error.REQUEST_DENIED])
def test_ax10_a_master_that_refuses(error: Error) -> None:
    world = World(opened=False)
    world.grant(Open=error)
    assert world.events() == [Lost(f"the master refuses the session: {error_name(error)}")]
    assert world.session.ended
    assert world.session.deadline is None


def test_ax10_a_master_that_says_nothing() -> None:
    world = World(opened=False, patience=5.0)
    world.wait(4.9)
    assert not world.session.ended
    world.wait(0.1)
    assert world.events() == [Lost("the master does not answer Open")]


def test_ax10_an_answer_to_nothing_is_ignored() -> None:
    world = World(opened=False)
    ((header, _),) = world.said()
    world.answer(header._replace(packet_id=header.packet_id + 1))
    assert world.events() == []
    world.answer(header)
    world.answer(header)
    assert [type(event) for event in world.events()] == [Opened]


@pytest.mark.parametrize(
    "error", [Error.DUPLICATE_REGISTRATION, Error.REQUEST_DENIED, Error.UNSUPPORTED_CONTEXT]
)
def test_ax11_a_refused_region_is_told_once_and_asked_for_again(error: Error) -> None:
    world = World(opened=False, idle=1000.0)
    world.handler.put(A, 5)
    ((header, _),) = world.said()
    world.answer(header)
    for header, pdu in world.said():
        world.answer(header, error if pdu == REGIONS[1] else 0)
    assert world.events() == [Opened(0), Granted(REGIONS[0]), Refused(REGIONS[1], error)]
    # The rest is served.
    assert world.ask(pdus.Get((SearchRange(A),))).varbinds == (VarBind(A, INTEGER, 5),)
    waited = []
    for _ in range(8):
        before = world.now
        assert world.session.deadline is not None
        world.wait(world.session.deadline - before)
        ((header, pdu),) = world.said()
        assert pdu == REGIONS[1]
        world.answer(header, error)
        waited.append(world.now - before)
    assert world.events() == []
    assert waited[:4] == [1, 2, 4, 8]
    assert waited[-1] == 60
    world.wait(60)
    ((header, _),) = world.said()
    world.answer(header)
    assert world.events() == [Granted(REGIONS[1])]


def test_ax13_refused_capabilities_are_told() -> None:
    world = World(opened=False)
    world.grant(AddAgentCaps=Error.PROCESSING_ERROR)
    assert Refused(CAPS, Error.PROCESSING_ERROR) in world.events()


# Staying and leaving ------------------------------------------------------------------------------


def test_ax14_a_silent_master_is_asked_and_given_up() -> None:
    world = World(idle=30.0, patience=10.0)
    world.wait(29.9)
    assert world.said() == []
    world.wait(0.1)
    ((header, pdu),) = world.said()
    assert pdu == pdus.Ping()
    world.answer(header)
    world.wait(29.9)
    assert world.said() == []
    world.wait(0.2)
    assert [pdu for _, pdu in world.said()] == [pdus.Ping()]
    world.wait(10)
    assert [pdu for _, pdu in world.said()] == [pdus.Close(CloseReason.TIMEOUTS)]
    assert world.events() == [Lost("the master does not answer Ping")]


def test_ax14_any_pdu_shows_that_the_master_is_there() -> None:
    world = filled(idle=30.0)
    for _ in range(10):
        world.wait(20)
        world.ask(pdus.Get((SearchRange(A),)))
    world.wait(30)
    assert [pdu for _, pdu in world.said()] == [pdus.Ping()]


def test_ax14_a_session_that_the_master_forgot() -> None:
    world = World(idle=1.0)
    world.wait(1)
    ((header, _),) = world.said()
    world.answer(header, Error.NOT_OPEN)
    assert world.events() == [Lost("the master does not know the session any more")]


def test_ax12_13_good_bye() -> None:
    world = World()
    world.session.close()
    said = [pdu for _, pdu in world.said()]
    assert said == [
        pdus.RemoveAgentCaps(CAPS.id),
        *(pdus.Unregister(region.subtree, region.priority) for region in REGIONS),
        pdus.Close(CloseReason.SHUTDOWN),
    ]
    assert world.events() == [Lost("closed")]


def test_ax12_nothing_is_answered_after_the_master_closed() -> None:
    world = filled()
    world.send(pdus.Close(CloseReason.BY_MANAGER))
    assert world.events() == [Lost("the master closed the session: by manager")]
    world.send(pdus.Get((SearchRange(A),)))
    world.session.close()
    world.session.tick()
    assert world.said() == []
    assert world.events() == []


@pytest.mark.parametrize("reason", [0, 200])
def test_ax12_an_unknown_reason(reason: int) -> None:
    world = World()
    world.send(pdus.Close(reason))
    assert world.events() == [Lost(f"the master closed the session: reason {reason}")]


def test_ax12_another_sessions_close_is_none_of_ours() -> None:
    world = World()
    world.send(pdus.Close(5), session=78)
    assert not world.session.ended


def test_ax01_a_stream_that_is_no_agentx_ends_the_session() -> None:
    world = World()
    world.session.received(b"\x02" * 20)
    assert [pdu for _, pdu in world.said()] == [pdus.Close(CloseReason.PROTOCOL_ERROR)]
    assert world.session.ended


def test_ax01_a_response_that_is_not_understood_ends_the_session() -> None:
    world = World(idle=1.0)
    world.wait(1)
    ((header, _),) = world.said()
    numbers = 77, 0, header.packet_id, 4
    world.session.received(struct.pack(">4B4II", 1, 18, 0x10, 0, *numbers, 0))
    assert [pdu for _, pdu in world.said()] == [pdus.Close(CloseReason.PARSE_ERROR)]


# Requests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [BIG, LITTLE])
def test_ax02_20_the_header_is_that_of_the_request(order: ByteOrder) -> None:
    world = filled(order=order)
    packet = world.send(pdus.Get((SearchRange(A),)), transaction=99)
    ((header, answer),) = world.said()
    assert header == (18, 0x10 if order is BIG else 0, 77, 99, packet)
    assert answer == pdus.Response(0, 0, (VarBind(A, INTEGER, 0),), 0)


def test_ax20_what_cannot_be_parsed() -> None:
    world = filled()
    payload = bytes.fromhex("05000000")
    world.session.received(struct.pack(">4B4I", 1, 5, 0x10, 0, 77, 1, 2, len(payload)) + payload)
    ((header, answer),) = world.said()
    assert (header.packet_id, answer) == (2, pdus.Response(Error.PARSE_ERROR))
    # It comes before the session is looked at (section 7.2.2).
    world.session.received(struct.pack(">4B4I", 1, 6, 0x10, 0, 78, 1, 2, len(payload)) + payload)
    assert [pdu for _, pdu in world.said()] == [pdus.Response(Error.PARSE_ERROR)]
    assert not world.session.ended


def test_ax20_an_unknown_session() -> None:
    world = filled()
    for pdu in (pdus.Get((SearchRange(A),)), pdus.CommitSet(), pdus.TestSet(())):
        assert world.error(pdu, session=78) == (Error.NOT_OPEN, 0)
    world.send(pdus.CleanupSet(), session=78)
    assert world.said() == []


@pytest.mark.parametrize("type_", [0, 19, 255, 1, 3, 4, 12, 13, 14, 16])
def test_ax20_what_no_master_sends_is_ignored(type_: int) -> None:
    world = filled()
    world.session.received(struct.pack(">4B4I", 1, type_, 0x10, 0, 77, 1, 2, 0))
    assert world.said() == []
    assert world.ask(pdus.Get((SearchRange(A),))).varbinds


def test_ax21_as_many_variables_as_ranges_or_none() -> None:
    world = filled()
    names = (A, C, (1,), B, A)
    ranges = tuple(map(SearchRange, names))
    for pdu in (pdus.Get(ranges), pdus.GetNext(ranges)):
        assert len(world.ask(pdu).varbinds) == 5
    assert world.ask(pdus.Get(())).varbinds == ()
    world.handler.fault = ValueError()
    assert world.error(pdus.Get(ranges)) == (5, 1)


def test_ax22_get() -> None:
    world = filled()
    answer = world.ask(pdus.Get((SearchRange(B), SearchRange((*B, 0)))))
    assert answer.varbinds == (VarBind(B, INTEGER, 1), VarBind((*B, 0), NO_SUCH_INSTANCE))


def test_ax23_next_with_include_and_end() -> None:
    world = filled()
    answer = world.ask(
        pdus.GetNext(
            (
                SearchRange(A),
                SearchRange(A, include=True),
                SearchRange(A, end=B),
                SearchRange(A, include=True, end=B),
                SearchRange(C),
                SearchRange(ROOT),
            )
        )
    )
    assert [varbind.name for varbind in answer.varbinds] == [B, A, A, A, C, A]
    assert [varbind.type == END_OF_MIB_VIEW for varbind in answer.varbinds] == [
        *(False, False, True, False, True, False),
    ]


def test_ax21_23_a_walk_goes_on_without_decoding() -> None:
    world = filled()
    start, end, other = (encode_oid(oid, BIG) for oid in (A, C, (*ROOT, 2)))
    cell = encode_varbind(VarBind(B, INTEGER, 1000), BIG)
    world.handler.followed[start, end] = cell
    steps = pdus.GetNext((SearchRange(A, end=C), SearchRange(A, end=C)))
    assert world.ask(steps).varbinds == (VarBind(B, INTEGER, 1000),) * 2
    # One that is not known has all of them looked for.
    steps = pdus.GetNext((SearchRange(A, end=C), SearchRange(A, end=(*ROOT, 2))))
    assert world.ask(steps).varbinds == (VarBind(B, INTEGER, 1),) * 2
    world.handler.followed[start, other] = bytes(MAX_PAYLOAD)
    assert world.ask(steps).varbinds == (VarBind(B, INTEGER, 1),) * 2
    # In the other byte order, too.
    world.order = LITTLE
    assert world.ask(steps).varbinds == (VarBind(B, INTEGER, 1),) * 2


@pytest.mark.parametrize("payload", ["00000000", "0000000001000000", "ff000000" * 3])
def test_ax20_a_step_that_cannot_be_parsed(payload: str) -> None:
    world = filled()
    octets = bytes.fromhex(payload)
    world.session.received(struct.pack(">4B4I", 1, 6, 0x10, 0, 77, 1, 2, len(octets)) + octets)
    assert [pdu for _, pdu in world.said()] == [pdus.Response(Error.PARSE_ERROR)]


def test_ax24_bulk() -> None:
    world = filled()
    ranges = (SearchRange(ROOT), SearchRange(A, end=C), SearchRange(ROOT))
    answer = world.ask(pdus.GetBulk(ranges, 1, 10))
    assert [varbind.name for varbind in answer.varbinds] == [A, B, A, B, B, B, C, B, C]
    assert [n for n, v in enumerate(answer.varbinds) if v.type == END_OF_MIB_VIEW] == [3, 5, 7, 8]
    assert len(world.ask(pdus.GetBulk(ranges, 1, 2)).varbinds) == 1 + 2 * 2
    assert len(world.ask(pdus.GetBulk(ranges, 9, 2)).varbinds) == 3
    assert len(world.ask(pdus.GetBulk(ranges, 0, 0)).varbinds) == 0


def test_ax24_a_bulk_that_does_not_fit_is_cut_to_whole_repetitions() -> None:
    world = World()
    for number in range(200):
        name = (*ROOT, 1, number)
        world.handler.values[name] = VarBind(name, OCTET_STRING, bytes(1000))
    ranges = (SearchRange(ROOT),) * 3
    packet = world.send(pdus.GetBulk(ranges, 0, 65535))
    ((header, answer),) = world.said()
    assert header.packet_id == packet
    assert isinstance(answer, pdus.Response)
    assert 0 < len(answer.varbinds) < 200
    assert len(answer.varbinds) % 3 == 0


def test_ax25_a_response_that_is_too_long_is_an_error() -> None:
    world = World()
    world.handler.values[A] = VarBind(A, OCTET_STRING, bytes(MAX_PAYLOAD // 2))
    assert world.error(pdus.Get((SearchRange(B), SearchRange(A), SearchRange(A)))) == (5, 3)


@pytest.mark.parametrize(
    "pdu",
    [
        pdus.Get((SearchRange(B), SearchRange(A))),
        pdus.GetNext((SearchRange(A), SearchRange(ROOT))),
        pdus.GetBulk((SearchRange(A), SearchRange(ROOT)), 1, 5),
    ],
)
def test_ax25_a_value_that_cannot_be_encoded(pdu: pdus.Get) -> None:
    world = filled()
    world.handler.put(A, 2**40)
    assert world.error(pdu) == (5, 2)
    (event,) = world.events()
    assert isinstance(event, Faulty)
    assert event.names == (pdu.ranges[1].start,)
    assert world.ask(pdus.Get((SearchRange(B),))).varbinds


def test_ax25_a_handler_that_raises() -> None:
    world = filled()
    world.handler.fault = KeyError("what")
    assert world.error(pdus.GetNext((SearchRange(A),))) == (5, 1)
    assert world.events() == [Faulty((A,), world.handler.fault)]
    world.handler.fault = None
    assert world.ask(pdus.GetNext((SearchRange(A),))).varbinds


def test_ax27_one_pdu_is_answered_from_one_reader() -> None:
    world = filled()
    world.ask(pdus.GetBulk((SearchRange(ROOT), SearchRange(A)), 1, 10))
    assert world.handler.readers == 1


def test_ax05_an_unknown_context() -> None:
    world = filled()
    ranges = (SearchRange(A),)
    for pdu in (pdus.Get(ranges, b"vpn"), pdus.GetNext(ranges, b"vpn"), pdus.TestSet((), b"vpn")):
        assert world.error(pdu) == (Error.UNSUPPORTED_CONTEXT, 0)


def test_ax26_a_request_that_comes_twice_is_answered_twice() -> None:
    world = filled()
    first = world.ask(pdus.Get((SearchRange(A),)), packet=9)
    assert world.ask(pdus.Get((SearchRange(A),)), packet=9) == first


# Notifications ------------------------------------------------------------------------------------


def test_ax41_no_more_than_a_window_is_unanswered() -> None:
    world = World(capacity=1000)
    for _ in range(200):
        world.queue.put(TRAP)
    world.session.send_notifications()
    said = world.said()
    assert len(said) == 64
    assert {pdu for _, pdu in said} == {TRAP}
    world.answer(said[0][0])
    world.answer(said[1][0], Error.PROCESSING_ERROR)
    assert len(world.said()) == 2
    assert world.events() == [NotifyRefused(Error.PROCESSING_ERROR)]
    assert (len(world.queue), world.queue.sent, world.queue.refused) == (134, 66, 1)


def test_ax41_the_oldest_gives_way_and_is_counted() -> None:
    world = World(opened=False, capacity=3)
    for number in range(5):
        world.queue.put(pdus.Notify((VarBind((1, 3), INTEGER, number),)))
    world.grant()
    assert world.queue.dropped == 2
    assert world.queue.sent == 3
    assert len(world.queue) == 0


def test_ax41_what_waits_is_sent_in_the_next_session() -> None:
    world = World(opened=False, capacity=100)
    world.queue.put(TRAP)
    world.session.lost("broken")
    assert len(world.queue) == 1
    world.session.send_notifications()
    assert len(world.queue) == 1


def test_ax41_without_an_answer_it_is_counted_and_the_window_goes_on() -> None:
    world = World(capacity=100, patience=5.0, idle=1000.0)
    for _ in range(70):
        world.queue.put(TRAP)
    world.session.send_notifications()
    assert len(world.said()) == 64
    world.wait(5)
    assert len(world.said()) == 6
    assert world.queue.unanswered == 64
    world.session.lost("broken")
    assert world.queue.unanswered == 70


def test_ax40_a_notification_is_sent_as_it_is() -> None:
    world = World()
    world.queue.put(pdus.Notify(TRAP.varbinds, b"vpn"))
    world.session.send_notifications()
    ((header, pdu),) = world.said()
    assert pdu == pdus.Notify(TRAP.varbinds, b"vpn")
    assert (header.session_id, header.transaction_id) == (77, 0)
    assert header.packet_id > 0


def test_the_names_of_errors() -> None:
    assert error_name(263) == "duplicateRegistration"
    assert error_name(5) == "error 5"


def test_ax01_several_pdus_at_once_and_one_in_pieces() -> None:
    world = filled()
    frames = b"".join(
        encode(pdus.Get((SearchRange(A),)), session_id=77, packet_id=number) for number in range(5)
    )
    for octet in frames[:100]:
        world.session.received(bytes((octet,)))
    world.session.received(frames[100:])
    assert [header.packet_id for header, _ in world.said()] == [0, 1, 2, 3, 4]
