"""agent.notify: whatever becomes of datagrams, each notification is delivered or counted, once."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import event, given
from hypothesis import strategies as st

from agent.config import parse_text
from agent.notify.communities import V2cMessages
from agent.notify.engines import RemoteEngine
from agent.notify.informs import InformOriginator
from agent.notify.messages import Verdict
from agent.notify.statistics import Loss
from agent.snmp.limits import QuietLog
from agent.snmp.message import RESPONSE, decode_envelope, decode_pdu, encode_pdu
from agent.snmp.security import SecurityLevel
from agent.snmp.usm.users import Secret, UserSettings, make_user
from mibs import ber
from mibs.ber import BerError
from tests.inform_receiver import Receiver
from tests.malformed import Target, make
from tests.originating import LOGGER, make_encoder, number_in, pdus_of, vacm_of

USER = UserSettings("admin", "SHA-256", Secret("maplesyrup"))
ENGINES = (b"\x80\x00\x1f\x88\x04one", b"\x80\x00\x1f\x88\x04two")
_keys = {engine_id: make_user(USER, engine_id) for engine_id in ENGINES}

FATES = st.lists(
    st.one_of(
        st.just(()),
        st.lists(st.sampled_from((0.0, 0.01, 0.3, 1.0, 2.5, 9.0)), min_size=1, max_size=3).map(
            tuple
        ),
    ),
    min_size=1,
    max_size=40,
)
"""Of one datagram after the other, over and over: the delays with which it arrives, if at all."""


@dataclass
class Network:
    """Datagrams that are on their way."""

    fates: tuple[tuple[float, ...], ...]
    on_the_way: list[tuple[float, int, bool, bytes]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def carry(self, data: bytes, now: float, *, is_answer: bool) -> None:
        for delay in self.fates[next(self.numbers) % len(self.fates)]:
            heapq.heappush(self.on_the_way, (now + delay, next(self.numbers), is_answer, data))


class PlainReceiver:
    """Takes informs of SNMPv2c."""

    def __init__(self, status: int) -> None:
        self.taken: list[int] = []
        self._status = status

    def answer(self, message: bytes) -> bytes:
        envelope = decode_envelope(message)
        pdu = decode_pdu(message, envelope.pdu_type, envelope.start, envelope.stop)
        self.taken.append(number_in(message))
        status = self._status if number_in(message) % 5 == 0 else 0
        answer = encode_pdu(RESPONSE, pdu.request_id, b"", error_status=status)
        return ber.encode_tlv(0x30, b"\x02\x01\x01\x04\x06public" + answer)


class EngineReceiver:
    """Takes informs of SNMPv3, and is another engine or starts anew when it is told to."""

    def __init__(self) -> None:
        self.receiver = Receiver(ENGINES[0], "SHA-256", None)
        self._earlier: list[int] = []

    @property
    def taken(self) -> list[int]:
        return self._earlier + [inform.request_id for inform in self.receiver.informs]

    def answer(self, message: bytes) -> bytes:
        return self.receiver.answer(message)

    def change(self, engine: int, boots: int) -> None:
        self._earlier = self.taken
        self.receiver = Receiver(ENGINES[engine], "SHA-256", None, boots=boots, time=0)


def originator_of(
    messages: V2cMessages | RemoteEngine, queue: int, retries: int
) -> InformOriginator:
    config = parse_text(
        "[[notify.target]]\naddress = 'udp:192.0.2.1:162'\ncommunity = 'public'\ninform = true\n"
        f"queue = {queue}\nretries = {retries}\ntimeout = 1\nrate = 1000",
        "",
    )
    (target,) = config.notify.targets
    return InformOriginator(target, vacm_of(config), messages, 65507, QuietLog(LOGGER, lambda: 0.0))


def run(
    originator: InformOriginator,
    receiver: PlainReceiver | EngineReceiver,
    network: Network,
    arrivals: list[float],
    changes: list[tuple[float, int, int]],
) -> None:
    """Let everything happen in its time, up to the end of all informs."""
    todo = [(at, 0, number, 0, 0) for number, at in enumerate(sorted(arrivals), 1)]
    todo += [(at, 1, 0, engine, boots) for at, engine, boots in changes]
    todo.sort(reverse=True)
    bound = originator.target.queue + 64
    now = 0.0
    while True:
        while (datagram := originator.peek(now)) is not None:
            originator.sent(now)
            network.carry(datagram, now, is_answer=False)
        engine = originator.messages
        if isinstance(engine, RemoteEngine) and engine.wants_keys:
            engine.set_keys(_keys[engine.engine_id], USER, engine.engine_id)
            continue
        times = [todo[-1][0]] if todo else []
        times += [network.on_the_way[0][0]] if network.on_the_way else []
        wake_at = originator.wake_at()
        times += [wake_at] if wake_at is not None else []
        if not times:
            return
        now = max(now, min(times))
        while todo and todo[-1][0] <= now:
            _, is_change, number, which, boots = todo.pop()
            if not is_change:
                originator.notify(pdus_of(number), now)
            elif isinstance(receiver, EngineReceiver):
                receiver.change(which, boots)
        while network.on_the_way and network.on_the_way[0][0] <= now:
            _, _, is_answer, data = heapq.heappop(network.on_the_way)
            if is_answer:
                originator.receive(data, now)
            else:
                network.carry(receiver.answer(data), now, is_answer=True)
        assert originator.waiting <= bound


def check(originator: InformOriginator, taken: list[int], count: int) -> None:
    statistics = originator.statistics
    assert (statistics.wanted, statistics.queued) == (count, 0)
    assert statistics.acknowledged + statistics.lost == count
    # What it says that it has, it has. It may have more: acknowledgements get lost too.
    assert statistics.acknowledged <= len(set(taken))
    assert set(taken) <= set(range(1, count + 1))
    assert len(taken) <= statistics.sent * (1 + originator.target.retries) * 50
    assert not originator._by_key
    event(f"lost some: {statistics.lost > 0}, acknowledged some: {statistics.acknowledged > 0}")


@given(
    arrivals=st.lists(st.floats(0.0, 10.0), max_size=120),
    fates=FATES.map(tuple),
    queue=st.integers(1, 100),
    retries=st.integers(0, 3),
    status=st.sampled_from((0, 5)),
)
def test_no02_every_inform_is_acknowledged_or_counted(
    arrivals: list[float],
    fates: tuple[tuple[float, ...], ...],
    queue: int,
    retries: int,
    status: int,
) -> None:
    originator = originator_of(V2cMessages(b"public"), queue, retries)
    receiver = PlainReceiver(status)
    run(originator, receiver, Network(fates), arrivals, [])
    check(originator, receiver.taken, len(arrivals))
    if not status and all(len(fate) and max(fate) < 0.5 for fate in fates):
        assert set(originator.statistics.dropped) <= {Loss.QUEUE_FULL}


@given(
    arrivals=st.lists(st.floats(0.0, 10.0), max_size=60),
    fates=FATES.map(tuple),
    changes=st.lists(
        st.tuples(st.floats(0.0, 10.0), st.integers(0, 1), st.integers(0, 3)), max_size=4
    ),
    queue=st.integers(1, 100),
    retries=st.integers(0, 3),
)
def test_no01_no02_whoever_is_there_and_whatever_time_it_has(
    arrivals: list[float],
    fates: tuple[tuple[float, ...], ...],
    changes: list[tuple[float, int, int]],
    queue: int,
    retries: int,
) -> None:
    engine = RemoteEngine(make_encoder(), USER, SecurityLevel.AUTH_NO_PRIV, itertools.count())
    originator = originator_of(engine, queue, retries)
    receiver = EngineReceiver()
    run(originator, receiver, Network(fates), arrivals, changes)
    check(originator, receiver.taken, len(arrivals))


@given(
    arrivals=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=60),
    delays=st.lists(st.sampled_from((0.0, 0.01, 0.1)), min_size=1, max_size=20),
    changes=st.lists(
        st.tuples(st.floats(0.0, 10.0), st.integers(0, 1), st.integers(0, 3)), max_size=4
    ),
)
def test_no01_nothing_is_lost_to_a_receiver_that_only_starts_anew(
    arrivals: list[float], delays: list[float], changes: list[tuple[float, int, int]]
) -> None:
    engine = RemoteEngine(make_encoder(), USER, SecurityLevel.AUTH_NO_PRIV, itertools.count())
    originator = originator_of(engine, 1000, 3)
    receiver = EngineReceiver()
    run(originator, receiver, Network(tuple((delay,) for delay in delays)), arrivals, changes)
    assert originator.statistics.acknowledged == len(arrivals)
    assert set(receiver.taken) == set(range(1, len(arrivals) + 1))


class Everything:
    """As if all that could be answered had been asked."""

    def __contains__(self, key: object) -> bool:
        return True


def test_se01_malformed_answers() -> None:
    """What PROTOS c06-snmpv1 would answer raises one type of exception, and acknowledges little."""
    engine_id = ENGINES[0]
    user = UserSettings(
        "admin", "SHA-256", Secret("maplesyrup"), "AES-128", Secret("battery staple")
    )
    nobody = make_user(UserSettings("admin"), engine_id)
    known = make_user(user, engine_id)
    names = [b"\x2b\x06"]
    target = Target([b"public"], [nobody, known], engine_id, 4, 100, names, names)
    heard: Counter[str] = Counter()
    for seed in range(20_000):
        community = V2cMessages(b"public")
        engine = RemoteEngine(make_encoder(), user, SecurityLevel.AUTH_PRIV, itertools.count())
        engine._meet(engine_id)
        engine.set_keys(known, user, engine_id)
        data = make(target, seed).data
        for messages in (community, engine):
            try:
                answer = messages.decode(data, Everything(), 0.0)
            except BerError:
                heard["malformed"] += 1
            else:
                heard[answer.verdict.name if answer else "no answer"] += 1
    assert heard.keys() == {"malformed", "no answer", *Verdict.__members__}
    assert heard["malformed"] + heard["no answer"] > 30_000
    assert heard[Verdict.RESPONSE.name] < 200


@given(data=st.lists(st.binary(max_size=200), max_size=20))
def test_se02_garbage_is_only_counted(data: list[bytes]) -> None:
    engine = RemoteEngine(make_encoder(), USER, SecurityLevel.AUTH_NO_PRIV, itertools.count())
    messages: tuple[V2cMessages | RemoteEngine, ...] = V2cMessages(b"public"), engine
    for one in messages:
        originator = originator_of(one, 10, 0)
        originator.notify(pdus_of(1), 0.0)
        assert originator.peek(0.0)
        originator.sent(0.0)
        for octets in data:
            originator.receive(octets, 0.0)
        assert originator.statistics.strange_answers == len(data)
        assert (originator.waiting, originator.statistics.acknowledged) == (1, 0)
