"""An engine that receives informs, by pysnmp's USM: the authoritative one, as RFC 3414 has it."""

from __future__ import annotations

from tests.snmp_peer import Oid
from tests.usm_peer import Manager, Reply, pdu

__all__ = ["USM_STATS", "Receiver"]

USM_STATS = {
    name: (1, 3, 6, 1, 6, 3, 15, 1, 1, number, 0)
    for number, name in enumerate(
        (
            "usmStatsUnsupportedSecLevels",
            "usmStatsNotInTimeWindows",
            "usmStatsUnknownUserNames",
            "usmStatsUnknownEngineIDs",
            "usmStatsWrongDigests",
            "usmStatsDecryptionErrors",
        ),
        1,
    )
}
_WINDOW = 150


class Receiver:
    """Answers messages in the name of one user.

    Args:
        engine_id: its own.
        auth: protocol of the user, as pysnmp's peer names it.
        priv: likewise.
        boots: how often it has booted.
        time: seconds since then.
    """

    def __init__(
        self,
        engine_id: bytes = b"\x80\x00\x1f\x88\x04receiver",
        auth: str | None = "SHA-256",
        priv: str | None = "AES-128",
        *,
        boots: int = 4,
        time: int = 100,
    ) -> None:
        self.engine_id = engine_id
        self.boots = boots
        self.time = time
        self.manager = Manager(engine_id, "admin", auth, priv)
        self.informs: list[Reply] = []
        """Those that it took."""

    def answer(self, message: bytes) -> bytes:
        """Return a Response, or the Report that says what is wrong."""
        # What is for another engine cannot be read with these keys, but its header can.
        asked = self.heard(message)
        if asked is None:
            return self.report("usmStatsUnknownEngineIDs", self.msg_id_of(message))
        if asked.flags & 1 and not (
            asked.boots == self.boots and abs(asked.time - self.time) <= _WINDOW
        ):
            return self.report("usmStatsNotInTimeWindows", asked.msg_id, flags=1)
        if asked.kind == "inform":
            self.informs.append(asked)
        return self.response(asked)

    def heard(self, message: bytes) -> Reply | None:
        """Read a message; None if it is for another engine."""
        return self.manager.read(message) if self.engine_id in message[:60] else None

    def response(self, asked: Reply, *, flags: int | None = None, request_id: int = -1) -> bytes:
        """Answer an inform, as well protected as that was if nothing else is said."""
        content = pdu("response", request_id=asked.request_id if request_id < 0 else request_id)
        return self.message(content, asked.msg_id, asked.flags & 3 if flags is None else flags)

    def report(self, counter: str, msg_id: int, *, flags: int = 0) -> bytes:
        name: Oid = USM_STATS.get(counter, (1, 3, 6, 1, 1))
        return self.message(pdu("report", name, 0), msg_id, flags)

    def message(self, content: bytes, msg_id: int, flags: int) -> bytes:
        return self.manager.message(
            content, boots=self.boots, time=self.time, flags=flags, msg_id=msg_id
        )

    @staticmethod
    def msg_id_of(message: bytes) -> int:
        """Read the msgID of any message of SNMPv3."""
        start = message.index(b"\x02\x01\x03\x30") + 5
        return int.from_bytes(message[start + 2 : start + 2 + message[start + 1]], "big")
