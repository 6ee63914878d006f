"""Malformed messages of all three versions, each made of a number.

These are the classes of PROTOS c06-snmpv1, a test suite of anomalies in encoding and in content,
made anew and for SNMPv2c and SNMPv3 too. A message is a tree of elements. A few of them get an
anomaly: a wrong tag, a length in a wrong form, content of a wrong kind or size; or they are left
out, there twice or nested deeply. In others all octets suffer: bits flip, or the end is missing.

With SNMPv3 that is done before the message is encrypted, between that and its signature, or after
it. So what is wrong also comes from somebody who is let in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha512
from random import Random
from typing import NamedTuple

from agent.snmp.usm.users import User
from mibs import ber
from mibs.ber import encode_integer, encode_tlv

__all__ = ["ANOMALIES", "KINDS", "Made", "Target", "make", "signed"]

KINDS = ("v1", "v2c", "v3 noAuthNoPriv", "v3 authNoPriv", "v3 authPriv")
_AUTH, _AUTH_PRIV = 3, 4
_LARGEST = 65507
"""Octets that fit into a datagram of UDP."""

_GET, _NEXT, _RESPONSE, _SET, _TRAP_V1, _BULK, _INFORM, _TRAP, _REPORT = range(0xA0, 0xA9)
_PDUS = (_GET, _NEXT, _BULK, _SET) * 4 + (_RESPONSE, _TRAP_V1, _INFORM, _TRAP, _REPORT, 0xA9, 0x30)
_NOTIFICATIONS = (_TRAP_V1, _INFORM, _TRAP) * 4 + (_GET, _SET, _RESPONSE, _REPORT, 0xA9, 0x30)
_VALUES = (
    (ber.INTEGER, b"\x02"),
    (ber.INTEGER, b"\x01"),
    (ber.INTEGER, b"\x00"),
    (ber.OCTET_STRING, b"a value"),
    (ber.NULL, b""),
    (ber.OBJECT_IDENTIFIER, b"\x2b\x06"),
    (ber.IP_ADDRESS, b"\x7f\x00\x00\x01"),
    (ber.COUNTER32, b"\x01"),
    (ber.GAUGE32, b"\x01"),
    (ber.TIME_TICKS, b"\x01"),
    (0x44, b"\x9f\x78\x04\x42\xf6\x00\x00"),  # Opaque, a float in it
    (ber.COUNTER64, b"\x01"),
    (ber.NO_SUCH_OBJECT, b""),
    (ber.END_OF_MIB_VIEW, b""),
)
_INTEGERS = tuple(
    encode_integer(sign * (1 << power) + more)[2:]
    for power in (0, 7, 8, 15, 16, 31, 32, 63, 64, 300)
    for sign in (1, -1)
    for more in (-1, 0, 1)
)
_LARGE = 2**31 - 1
_TIMES = (1, 2, 5, 9, 100, 127, 128, 255, 256, 4000)
"""How often something comes that comes too often."""


class Made(NamedTuple):
    """A message, and what is wrong with it."""

    data: bytes
    kind: str
    """One of KINDS: as what it would have been right."""
    anomalies: list[str]
    """Of ANOMALIES."""


@dataclass(frozen=True)
class Target:
    """The engine that messages are for, and who is let in."""

    communities: Sequence[bytes]
    users: Sequence[User]
    """With the keys that the engine has; some at each level."""
    engine_id: bytes
    boots: int
    time: int
    names: Sequence[bytes]
    """Encoded OIDs to ask for, whether something is there or not."""
    settable: Sequence[bytes]
    """Those that can be set, and instances of theirs that are not there."""
    notified: bool = False
    """Whether it receives notifications: messages are mostly those, with values."""


def make(target: Target, seed: int) -> Made:
    """Make the message of this number, always the same for the same engine."""
    maker = _Maker(target, Random(seed))
    return Made(maker.message()[:_LARGEST], KINDS[maker.kind], maker.anomalies)


def signed(message: bytes, place: int, user: User) -> bytes:
    """Sign a message again, with the code of authentication in this place."""
    assert user.authenticator is not None
    stop = place + user.authenticator.mac_length
    message = message[:place] + bytes(stop - place) + message[stop:]
    return message[:place] + user.authenticator.mac(message) + message[stop:]


# Anomalies ----------------------------------------------------------------------------------------

_OfElement = Callable[[Random, int, bytes], bytes]
"""Returns what there is in place of an element with this tag and this content."""
_OfOctets = Callable[[Random, bytes], bytes]


def _with_length(tag: int, octets: int, content: bytes, length: int | None = None) -> bytes:
    """Return an element whose length is in so many octets."""
    length = len(content) if length is None else length
    return bytes((tag, 0x80 | octets)) + length.to_bytes(octets, "big") + content


def _nested(rng: Random, tag: int, content: bytes) -> bytes:
    for _ in range(rng.choice((2, 10, 50, 500))):
        content = encode_tlv(tag, content)
    return content


def _cut(rng: Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))] if data else data


def _flipped(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5)) if data else 0):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _with_a_gap(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.randrange(1, 9) :]


_OF_ANY: dict[str, _OfElement] = {
    "left out": lambda _r, _t, _c: b"",
    "twice": lambda _r, tag, content: encode_tlv(tag, content) * 2,
    "cut short": lambda rng, tag, content: _cut(rng, encode_tlv(tag, content)),
    "other tag": lambda rng, _t, content: encode_tlv(rng.randrange(256), content),
    "other type": lambda rng, _t, content: encode_tlv(rng.choice(_VALUES)[0], content),
    "tag of several octets": lambda rng, tag, content: (
        bytes((tag | 0x1F,)) + b"\x81" * rng.choice(_TIMES) + encode_tlv(1, content)
    ),
    "length overflow": lambda rng, tag, content: (
        ber.encode_header(tag, len(content) + rng.choice(_TIMES)) + content
    ),
    "length underflow": lambda rng, tag, content: (
        ber.encode_header(tag, rng.randrange(max(len(content), 1))) + content
    ),
    "indefinite length": lambda _r, tag, content: bytes((tag, 0x80)) + content + b"\x00\x00",
    "long length": lambda rng, tag, content: _with_length(tag, rng.choice((3, 4)), content),
    "over-long length": lambda rng, tag, content: _with_length(
        tag, rng.choice((5, 8, 126, 127)), content
    ),
    "huge length": lambda rng, tag, content: _with_length(
        tag, 4, content, rng.choice((2**31 - 1, 2**31, 2**32 - 1, 2**32 - 3))
    ),
    "empty": lambda _r, tag, _c: bytes((tag, 0)),
    "octets too many": lambda rng, tag, content: encode_tlv(
        tag, content + rng.randbytes(rng.randrange(1, 6))
    ),
    "random content": lambda rng, tag, _c: encode_tlv(tag, rng.randbytes(rng.choice(_TIMES))),
    "nested deeply": _nested,
}

_CONTENTS: dict[int, dict[str, Callable[[Random], bytes]]] = {
    ber.INTEGER: {
        "odd integer": lambda rng: rng.choice(_INTEGERS),
        "huge integer": lambda rng: (
            rng.choice((b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff")) * rng.choice(_TIMES)
        ),
    },
    ber.OCTET_STRING: {
        "format string": lambda rng: (
            rng.choice((b"%s", b"%n", b"%s%n%x%p", b"{0}", b"%(name)s")) * rng.choice(_TIMES)
        ),
        "long string": lambda rng: rng.choice((b"\x00", b"A", b"\xff")) * rng.choice(_TIMES),
        "odd string": lambda rng: rng.choice(
            (b"\nERROR", b"\x1b[2J", b"\xe2\x80\xae", b"\xc3\x28", b"../..", b"'\"\\", b"\r\0")
        ),
    },
    ber.OBJECT_IDENTIFIER: {
        "long OID": lambda rng: (
            b"\x2b" + b"\x01" * rng.choice((125, 126, 127, 128, 3000))
            if rng.randrange(2)
            else b"\x2b" + b"\x8f\xff\xff\xff\x7f" * rng.choice((126, 127, 128, 1000))
        ),
        "large sub-identifier": lambda rng: (
            rng.choice((b"\x2b", b""))
            + rng.choice((b"\x8f\xff\xff\xff\x7f", b"\x90\x80\x80\x80\x00", b"\xff" * 9 + b"\x7f"))
        ),
        "broken sub-identifier": lambda rng: (
            b"\x2b"
            + rng.choice(
                (b"\x81", b"\xff" * rng.choice(_TIMES), b"\x80\x01", b"\x80" * rng.choice(_TIMES))
            )
        ),
        "odd OID": lambda rng: rng.choice(
            (b"\x00", b"\x28", b"\x77", b"\x78", b"\x81\x34\x03", b"%s%n%x%p", b"\x2b")
        ),
    },
}


def _of_content(content: Callable[[Random], bytes]) -> _OfElement:
    return lambda rng, tag, _c: encode_tlv(tag, content(rng))


_ALL_OF_ANY = tuple(_OF_ANY.items())
_OF_TYPE: dict[int, tuple[tuple[str, _OfElement], ...]] = {
    tag: (
        *_ALL_OF_ANY,
        # A wrong form mostly ends it all; what is in an element leads to more places.
        *[(name, _of_content(content)) for name, content in contents.items()] * 8,
    )
    for tag, contents in _CONTENTS.items()
}

_OF_OCTETS: dict[str, _OfOctets] = {
    "bits flipped": _flipped,
    "truncated": _cut,
    "octets missing": _with_a_gap,
    "octets follow": lambda rng, data: data + rng.randbytes(rng.choice(_TIMES)),
    "random octets": lambda rng, _d: rng.randbytes(rng.choice(_TIMES)),
}

_ALL_OF_OCTETS = tuple(_OF_OCTETS.items())

_MANY, _FLAGS = "many bindings", "other flags"
ANOMALIES = (
    *_OF_ANY,
    *(name for contents in _CONTENTS.values() for name in contents),
    *_OF_OCTETS,
    _MANY,
    _FLAGS,
)


# Messages -----------------------------------------------------------------------------------------

_CHANCES = 0.07, 0.07, 0.035, 0.035, 0.035
"""Of an element to have an anomaly, by the kind: SNMPv3 has about twice as many elements."""


class _Maker:
    """Makes one message, each element when its content is known."""

    def __init__(self, target: Target, rng: Random) -> None:
        self._target = target
        self._rng = rng
        self.kind = rng.randrange(len(KINDS))
        self.anomalies: list[str] = []
        self._depth = rng.randrange(3) if rng.random() < 0.2 else None
        """Where all octets suffer, and no elements: 0 is in the scoped PDU, 1 in the message before
        it is signed, 2 in the whole."""
        self._chance = _CHANCES[self.kind] if self._depth is None else 0.0

    def message(self) -> bytes:
        rng, target = self._rng, self._target
        if self.kind < 2:
            pdu = self._pdu()
            community = self._tlv(ber.OCTET_STRING, rng.choice(target.communities))
            message = self._tlv(ber.SEQUENCE, self._integer(self.kind) + community + pdu)
        else:
            user = rng.choice([user for user in target.users if user.level >= self.kind - 1])
            message = self._version_3(user)
            if self._depth == 1 or not (self.anomalies or rng.randrange(2)):
                message = self._spoil(message)
            if self.kind >= _AUTH and (place := message.find(_mac_place(user))) >= 0:
                message = signed(message, place, user)
        return message if self.anomalies else self._spoil(message)

    def _spoil(self, data: bytes) -> bytes:
        name, anomaly = self._rng.choice(_ALL_OF_OCTETS)
        self.anomalies.append(name)
        return anomaly(self._rng, data)

    def _tlv(self, tag: int, content: bytes) -> bytes:
        if self._rng.random() < self._chance:
            name, anomaly = self._rng.choice(_OF_TYPE.get(tag, _ALL_OF_ANY))
            self.anomalies.append(name)
            return anomaly(self._rng, tag, content)
        size = len(content)
        # As encode_tlv does it, in half of the time.
        return bytes((tag, size)) + content if size < 0x80 else encode_tlv(tag, content)

    def _integer(self, value: int) -> bytes:
        size = value.bit_length() // 8 + 1
        return self._tlv(ber.INTEGER, value.to_bytes(size, "big", signed=True))

    def _octets(self, content: bytes) -> bytes:
        return self._tlv(ber.OCTET_STRING, content)

    def _version_3(self, user: User) -> bytes:
        """Return a message of SNMPv3, with a place where it is to be signed."""
        rng, target = self._rng, self._target
        context = rng.choice((target.engine_id, target.engine_id, b"\x80\x00\x00\x00\x06"))
        plain = self._octets(context) + self._octets(b"") + self._pdu()
        if self._depth == 0:
            plain = self._spoil(plain)
        data = self._tlv(ber.SEQUENCE, plain)
        salt = b""
        if self.kind == _AUTH_PRIV:
            assert user.cipher is not None
            encrypted, salt = user.cipher.encrypt(
                data, target.boots, target.time, rng.getrandbits(64)
            )
            data = self._octets(encrypted)
        flags = (0, 0, 0, 1, 3)[self.kind] | rng.choice((4, 4, 4, 0))
        if not rng.randrange(40):
            self.anomalies.append(_FLAGS)
            flags = rng.randrange(256)
        header = (
            self._integer(rng.getrandbits(31))
            + self._integer(rng.choice((484, 1472, 65507)))
            + self._octets(bytes((flags,)))
            + self._integer(3)
        )
        parameters = (
            self._octets(target.engine_id)
            + self._integer(target.boots)
            + self._integer(target.time)
            + self._octets(user.name)
            + self._octets(_mac_place(user) if self.kind >= _AUTH else b"")
            + self._octets(salt)
        )
        return self._tlv(
            ber.SEQUENCE,
            self._integer(3)
            + self._tlv(ber.SEQUENCE, header)
            + self._octets(self._tlv(ber.SEQUENCE, parameters))
            + data,
        )

    def _pdu(self) -> bytes:
        rng = self._rng
        tag = rng.choice(_NOTIFICATIONS if self._target.notified else _PDUS)
        # What is to be set has most of what can be wrong in content.
        value_chance = rng.choice((self._chance, 4 * self._chance))
        if value_chance > self._chance and tag == _SET:
            self._chance /= 4
        bindings = b"".join(
            [self._binding(tag, value_chance) for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3, 5)))]
        )
        if not rng.randrange(200):
            self.anomalies.append(_MANY)
            bindings *= rng.choice((100, 300, 1000))
        if tag == _TRAP_V1:
            head = (
                self._tlv(ber.OBJECT_IDENTIFIER, rng.choice(self._target.names))
                + self._tlv(ber.IP_ADDRESS, b"\x7f\x00\x00\x01")
                + self._integer(rng.randrange(8))
                + self._integer(1)
                + self._tlv(ber.TIME_TICKS, b"\x01")
            )
        else:
            numbers = (0, 0)
            if tag == _BULK:
                numbers = rng.choice((0, 0, 0, 1, _LARGE)), rng.choice((0, 1, 3, 50, _LARGE, -1))
            elif not rng.randrange(8):
                numbers = rng.randrange(-1, 20), rng.randrange(-1, 5)
            head = b"".join(map(self._integer, (rng.getrandbits(31), *numbers)))
        return self._tlv(tag, head + self._tlv(ber.SEQUENCE, bindings))

    def _binding(self, tag: int, value_chance: float) -> bytes:
        rng, target = self._rng, self._target
        if tag == _SET or target.notified:
            names = target.settable if rng.randrange(4) else target.names
            chance, self._chance = self._chance, value_chance
            # destroy(2) and its like are the first.
            value = self._tlv(*rng.choice(_VALUES[: rng.choice((1, 3, len(_VALUES)))]))
            self._chance = chance
        else:
            names, value = target.names, self._tlv(ber.NULL, b"")
        name = self._tlv(ber.OBJECT_IDENTIFIER, rng.choice(names))
        return self._tlv(ber.SEQUENCE, name + value)


def _mac_place(user: User) -> bytes:
    """Return what stands where the code of authentication will be; nothing else looks like it."""
    assert user.authenticator is not None
    return sha512(b"place").digest()[: user.authenticator.mac_length]
