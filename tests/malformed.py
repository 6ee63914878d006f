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


_OF_TYPE: dict[int, tuple[tuple[str, _OfElement], ...]] = {
    tag: (
        *_OF_ANY.items(),
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

_MANY, _FLAGS = "many bindings", "other flags"
ANOMALIES = (
    *_OF_ANY,
    *(name for contents in _CONTENTS.values() for name in contents),
    *_OF_OCTETS,
    _MANY,
    _FLAGS,
)


# Messages -----------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Element:
    tag: int
    content: bytes
    parts: tuple[_Element, ...] = ()
    """In place of content."""
    form: Callable[[bytes], bytes] | None = None
    """What becomes of the content at last."""
    anomaly: _OfElement | None = None

    def encode(self, rng: Random) -> bytes:
        content = self.content
        if self.parts:
            content = b"".join([part.encode(rng) for part in self.parts])
        if self.form:
            content = self.form(content)
        if self.anomaly:
            return self.anomaly(rng, self.tag, content)
        return encode_tlv(self.tag, content)


class _Maker:
    """Makes one message."""

    def __init__(self, target: Target, rng: Random) -> None:
        self._target = target
        self._rng = rng
        self._elements: list[_Element] = []
        self._values: list[_Element] = []
        """Those of the bindings of a SET."""
        self.kind = rng.randrange(len(KINDS))
        self.anomalies: list[str] = []

    def message(self) -> bytes:
        rng = self._rng
        # Where, if at all, all octets of something suffer: of the scoped PDU, of the message
        # before it is signed, or of the whole.
        depth = rng.randrange(3) if rng.random() < 0.2 else None

        def spoil(data: bytes, here: int) -> bytes:
            if depth != here:
                return data
            name, anomaly = rng.choice(tuple(_OF_OCTETS.items()))
            self.anomalies.append(name)
            return anomaly(rng, data)

        if self.kind < 2:
            pdu = self._pdu()
            community = self._octets(rng.choice(self._target.communities))
            root = self._sequence(self._integer(self.kind), community, pdu)
            self._spoil_elements(enough=depth is not None)
            return spoil(root.encode(rng), depth or 0)
        has_level = [user for user in self._target.users if user.level >= self.kind - 1]
        user = rng.choice(has_level)
        root = self._version_3(user, lambda data: spoil(data, 0))
        self._spoil_elements(enough=depth is not None)
        message = spoil(root.encode(rng), 1)
        if self.kind >= _AUTH:
            place = message.find(_mac_place(user))
            if place >= 0:
                message = signed(message, place, user)
        return spoil(message, 2)

    def _element(self, tag: int, content: bytes, *parts: _Element) -> _Element:
        element = _Element(tag, content, parts)
        self._elements.append(element)
        return element

    def _sequence(self, *parts: _Element) -> _Element:
        return self._element(ber.SEQUENCE, b"", *parts)

    def _integer(self, value: int) -> _Element:
        return self._element(
            ber.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        )

    def _octets(self, content: bytes, *parts: _Element) -> _Element:
        return self._element(ber.OCTET_STRING, content, *parts)

    def _spoil_elements(self, *, enough: bool) -> None:
        """Give anomalies to some elements, to none if there is one elsewhere that is enough."""
        rng = self._rng
        if enough or (self.anomalies and rng.randrange(2)):
            return
        elements = self._values
        if not elements or rng.random() < 0.6:
            elements = self._elements
        count = min(rng.choice((1, 1, 1, 1, 2, 3)), len(elements))
        for element in rng.sample(elements, count):
            known = _OF_TYPE.get(element.tag) or tuple(_OF_ANY.items())
            name, element.anomaly = rng.choice(known)
            self.anomalies.append(name)

    def _version_3(self, user: User, spoil: Callable[[bytes], bytes]) -> _Element:
        """Return a message of SNMPv3, with a place where it is to be signed."""
        rng, target = self._rng, self._target
        boots, time = target.boots, target.time
        scoped = self._sequence(
            self._octets(rng.choice((target.engine_id, target.engine_id, b"\x80\x00\x00\x00\x06"))),
            self._octets(b""),
            self._pdu(),
        )
        salt = b""
        flags = rng.choice((4, 4, 4, 0))
        if not rng.randrange(40):
            self.anomalies.append(_FLAGS)
            flags = rng.randrange(256)
        elif self.kind >= _AUTH:
            flags |= 1 if self.kind == _AUTH else 3
        if self.kind < _AUTH_PRIV:
            scoped.form = spoil
            data = scoped
        else:
            cipher = user.cipher
            assert cipher is not None
            number = rng.getrandbits(64)
            _, salt = cipher.encrypt(b"", boots, time, number)
            data = self._octets(b"", scoped)
            data.form = lambda plain: cipher.encrypt(spoil(plain), boots, time, number)[0]
        header = self._sequence(
            self._integer(rng.getrandbits(31)),
            self._integer(rng.choice((484, 1472, 65507))),
            self._octets(bytes((flags,))),
            self._integer(3),
        )
        parameters = self._octets(
            b"",
            self._sequence(
                self._octets(target.engine_id),
                self._integer(boots),
                self._integer(time),
                self._octets(user.name),
                self._octets(_mac_place(user) if self.kind >= _AUTH else b""),
                self._octets(salt),
            ),
        )
        return self._sequence(self._integer(3), header, parameters, data)

    def _pdu(self) -> _Element:
        rng = self._rng
        tag = rng.choice(_PDUS)
        bindings = self._bindings(tag)
        if tag == _TRAP_V1:
            head = (
                self._element(ber.OBJECT_IDENTIFIER, rng.choice(self._target.names)),
                self._element(ber.IP_ADDRESS, b"\x7f\x00\x00\x01"),
                self._integer(rng.randrange(8)),
                self._integer(1),
                self._element(ber.TIME_TICKS, b"\x01"),
            )
            return self._element(tag, b"", *head, bindings)
        numbers = (0, 0)
        if tag == _BULK:
            numbers = rng.choice((0, 0, 0, 1, 2**31 - 1)), rng.choice((0, 1, 3, 50, 2**31 - 1, -1))
        elif not rng.randrange(8):
            numbers = rng.randrange(-1, 20), rng.randrange(-1, 5)
        request_id = self._integer(rng.getrandbits(31))
        return self._element(tag, b"", request_id, *map(self._integer, numbers), bindings)

    def _bindings(self, tag: int) -> _Element:
        rng, target = self._rng, self._target
        bindings = []
        for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3, 5))):
            names, value = target.names, self._element(ber.NULL, b"")
            if tag == _SET:
                if rng.random() < 0.8:
                    names = target.settable
                # destroy(2) and its like are the first.
                value = self._element(*rng.choice(_VALUES[: rng.choice((1, 3, len(_VALUES)))]))
                self._values.append(value)
            name = self._element(ber.OBJECT_IDENTIFIER, rng.choice(names))
            bindings.append(self._sequence(name, value))
        found = self._sequence(*bindings)
        if not rng.randrange(200):
            self.anomalies.append(_MANY)
            times = rng.choice((100, 300, 1000))
            found.form = lambda content: content * times
        return found


def _mac_place(user: User) -> bytes:
    """Return what stands where the code of authentication will be; nothing else looks like it."""
    assert user.authenticator is not None
    return sha512(b"place").digest()[: user.authenticator.mac_length]
