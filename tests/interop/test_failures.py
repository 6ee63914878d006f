"""Every failure that two real charons are made to have is one row, with the right reason.

Each gateway is watched in three ways at once: with all that it tells, without error-notify, and
without its log.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal, Unpack

import pytest

from datasource.failures import IkeFailure, IpsecFailure
from datasource.model import Identity, IpAddress, Totals
from datasource.reasons import IkeFailureReason as Ike
from datasource.reasons import IpsecFailureReason as Ipsec
from datasource.strongswan.failures import HOLD
from datasource.strongswan.own_certificates import NO_CERTIFICATES
from datasource.strongswan.source import StrongSwanSource, tracker_for
from tests.certificates import Authority
from tests.gateway_config import SIDES, Changes, Side, other
from tests.gateways import CommandError, DeadlineError, Gateways
from tests.unit.datasource.strongswan.fake_vici import until

Way = Literal["all", "log", "notify"]
WAYS: tuple[Way, ...] = ("all", "log", "notify")
Key = tuple[Side, Way]
Rows = tuple[list[IkeFailure], list[IpsecFailure]]
Reasons = tuple[Ike | Ipsec, ...]
Expected = Mapping[Side | Key, Reasons]
"""The reasons of all rows: of a side, and where that differs, of one way to watch it."""

versions = pytest.mark.parametrize("version", [1, 2])


def reasons_of(expected: Expected, side: Side, way: Way) -> Reasons:
    return expected.get((side, way), expected.get(side, ()))


def address(side: Side) -> str:
    return {"alpha": "10.9.0.1", "beta": "10.9.0.2"}[side]


def ip(side: Side) -> IpAddress:
    return ipaddress.ip_address(address(side))


def identity(side: Side) -> Identity:
    return Identity.parse(address(side))


class Watched:
    """One gateway, watched in one way."""

    def __init__(self, gateways: Gateways, side: Side, way: Way) -> None:
        self.tracker = tracker_for(log_events=way != "notify")
        self.source = StrongSwanSource(
            self.tracker,
            gateways.vici(side),
            interval=0.5,
            min_interval=0.1,
            log_events=way != "notify",
            error_notify=None if way == "log" else gateways.error_notify(side),
            patience=5.0,
        )
        self._seen = (0, 0)

    def __repr__(self) -> str:
        past = self.tracker.snapshot(0.0).past
        ike, ipsec = self._seen
        reasons = [
            *(row.content.reason.name for row in past.ike_failures[ike:]),
            *(row.content.reason.name for row in past.ipsec_failures[ipsec:]),
        ]
        return f"{self.tunnels} {reasons}"

    @property
    def tunnels(self) -> tuple[int, int]:
        snapshot = self.tracker.snapshot(0.0)
        return len(snapshot.ike_tunnels), len(snapshot.ipsec_tunnels)

    @property
    def totals(self) -> Totals:
        return self.tracker.snapshot(0.0).totals

    @property
    def quiet(self) -> bool:
        return self.source._session.deadline is None

    @property
    def rows(self) -> int:
        """How many there are that nobody has asked for yet."""
        past = self.tracker.snapshot(0.0).past
        return len(past.ike_failures) + len(past.ipsec_failures) - sum(self._seen)

    def news(self) -> Rows:
        past = self.tracker.snapshot(0.0).past
        ike, ipsec = self._seen
        self._seen = len(past.ike_failures), len(past.ipsec_failures)
        return (
            [row.content for row in past.ike_failures[ike:]],
            [row.content for row in past.ipsec_failures[ipsec:]],
        )


class Rig:
    """Both gateways, each watched in every way."""

    def __init__(self, gateways: Gateways) -> None:
        self.gateways = gateways
        self.watched = {(side, way): Watched(gateways, side, way) for side in SIDES for way in WAYS}

    async def until(self, condition: Callable[[], object], what: str) -> None:
        def asked() -> object:
            for watched in self.watched.values():
                watched.source.refresh()
            return condition()

        try:
            await until(asked, what, 10.0)
        except AssertionError as error:
            error.add_note(str(self.watched))
            raise

    async def does(self, action: Callable[[], object]) -> None:
        """Do something that may fail."""
        with contextlib.suppress(CommandError):
            await asyncio.to_thread(action)

    async def set(self, side: Side, **changes: Unpack[Changes]) -> None:
        await asyncio.to_thread(lambda: self.gateways.reconfigure(side, **changes))

    async def garbage(self, *datagrams: bytes, port: int = 500) -> None:
        """Have alpha send datagrams to beta."""
        send = functools.partial(self.gateways.send, "alpha", *datagrams, port=port)
        await asyncio.to_thread(send)

    async def told(self) -> None:
        """Wait until nobody has anything to tell any more."""
        await asyncio.sleep(HOLD)  # what has just happened is still on its way
        await self.until(lambda: all(w.quiet for w in self.watched.values()), "all to be told")

    async def tunnels(self, ike: int, ipsec: int) -> None:
        await self.until(
            lambda: all(w.tunnels == (ike, ipsec) for w in self.watched.values()),
            f"{ike} and {ipsec} tunnels everywhere",
        )

    async def rest(self) -> None:
        """Have no tunnel, and forget how that is told."""
        if all(watched.tunnels == (0, 0) for watched in self.watched.values()):
            return
        await self.does(self.gateways.terminate)
        await self.tunnels(0, 0)
        await self.told()
        self.news()

    async def ask_all(self) -> None:
        """Have every source ask for certificates again."""
        for watched in self.watched.values():
            watched.source._certificates_at = None
            watched.source._session._desk._own_certificates = NO_CERTIFICATES
        await self.until(
            lambda: all(
                w.source._session._desk._own_certificates.certificates
                for w in self.watched.values()
            ),
            "the answers",
        )

    def forget(self) -> None:
        """Have what comes next follow nothing, and be the first of its kind in this second."""
        for watched in self.watched.values():
            watched.source._session._desk._begin()
        self.news()

    def news(self) -> dict[Key, Rows]:
        return {key: watched.news() for key, watched in self.watched.items()}

    async def expect(self, case: str, expected: Expected) -> dict[Key, Rows]:
        """Wait for these rows, and see that there are no others."""
        await self.until(
            lambda: all(
                watched.rows >= len(reasons_of(expected, *key))
                for key, watched in self.watched.items()
            ),
            case,
        )
        await self.told()
        news = self.news()
        for (side, way), (ike, ipsec) in news.items():
            found: Counter[Ike | Ipsec] = Counter(row.reason for row in ike)
            found.update(row.reason for row in ipsec)
            assert found == Counter(reasons_of(expected, side, way)), (case, side, way)
            for failure in ike:
                assert failure.remote_address == ip(other(side)), (case, side, way)
            for refusal in ipsec:
                assert refusal.source == ip(side), (case, side, way)
                assert refusal.destination == ip(other(side)), (case, side, way)
                assert refusal.peer is not None, (case, side, way)
                assert refusal.peer.local_identity == identity(side), (case, side, way)
                assert refusal.peer.remote_identity == identity(other(side)), (case, side, way)
        return news


def check_identities(case: str, news: Mapping[Key, Rows], *sides: Side) -> None:
    """See that these sides know both identities of each IKE failure, and their own address."""
    for (side, way), (ike, _) in news.items():
        for failure in ike if side in sides else ():
            assert failure.local_identity == identity(side), (case, side, way)
            assert failure.remote_identity == identity(other(side)), (case, side, way)
            assert failure.local_address == ip(side), (case, side, way)


@contextlib.asynccontextmanager
async def following(rig: Rig) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(watched.source.run()) for watched in rig.watched.values()]
    try:
        for watched in rig.watched.values():
            await watched.source.ready.wait()
        # Nothing tells that error-notify is read, but a first record.
        await rig.garbage(b"short")
        await rig.until(lambda: all(rig.watched["beta", w].rows for w in WAYS), "the sources")
        await rig.told()
        rig.forget()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(
    directory: Path, body: Callable[[Rig], Awaitable[None]], **settings: Unpack[Changes]
) -> None:
    async def main(gateways: Gateways) -> None:
        rig = Rig(gateways)
        async with following(rig):
            await body(rig)

    with Gateways(directory, **settings) as gateways:
        asyncio.run(main(gateways))


GOOD: Changes = {
    "psk": "lab only",
    "proposals": "aes128-sha256-modp2048",
    "esp_proposals": "aes128-sha256",
    "child_extra": "",
    "peer_id": "",
}
OTHER_NETWORKS = "\n local_ts = 192.0.2.0/25\n remote_ts = 192.0.2.128/25"


@versions
def test_set_ups_that_are_refused(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        gateways = rig.gateways

        async def refused(
            case: str, changes: Changes, expected: Expected, *identified: Side
        ) -> None:
            await rig.set("beta", **changes)
            await rig.does(gateways.initiate)
            news = await rig.expect(case, expected)
            check_identities(case, news, *identified)
            if "half_open_timeout" in changes:
                # alpha repeats its message and gives up, beta waits for a better one.
                failed = rig.watched["beta", "log"].totals.responded_failures + 1
                await rig.until(
                    lambda: rig.watched["beta", "log"].totals.responded_failures == failed,
                    "beta to give up",
                )
                await rig.expect(f"{case}, all over", {})
            await rig.rest()
            await rig.set("beta", **GOOD)

        child: Expected = {"alpha": (Ipsec.PROPOSAL,), "beta": (Ipsec.PROPOSAL,)}
        if version == 1:
            # IKEv1 raises no alert for these.
            child = {**child, ("alpha", "notify"): (), ("beta", "notify"): ()}
        await refused("ESP", {"esp_proposals": "aes256-sha512"}, child)
        await refused("traffic selectors", {"child_extra": OTHER_NETWORKS}, child)
        ike: Expected = {"alpha": (Ike.PROPOSAL,), "beta": (Ike.PROPOSAL,)}
        if version == 1:
            ike = {**ike, ("alpha", "notify"): (Ike.OTHER,), ("beta", "notify"): (Ike.OTHER,)}
        await refused("IKE", {"proposals": "aes256-sha512-modp3072"}, ike, "alpha")
        stranger: Expected = {"alpha": (Ike.AUTHENTICATION,), "beta": (Ike.AUTHENTICATION,)}
        if version == 1:
            stranger = {**stranger, ("alpha", "notify"): (Ike.OTHER,)}
        await refused("identity", {"peer_id": "someone else"}, stranger, "alpha")
        if version == 2:
            await rig.set("alpha", connection_extra="vips = 0.0.0.0")
            pool: Expected = {"alpha": (Ipsec.PROPOSAL,), "beta": (Ipsec.SYSTEM_CAPACITY,)}
            await refused("virtual address", {}, pool)
            await rig.set("alpha", connection_extra="")
        psk: Expected = {"alpha": (Ike.AUTHENTICATION,), "beta": (Ike.AUTHENTICATION,)}
        if version == 1:
            unreadable = (Ike.PEER_ENCODING,)
            psk = {**psk, ("alpha", "notify"): unreadable, ("beta", "notify"): unreadable}
            await refused("key", {"psk": "another", "half_open_timeout": 2}, psk)
        else:
            await refused("key", {"psk": "another"}, psk, *SIDES)
        for side in SIDES:
            failures = rig.watched[side, "all"].totals.failures
            assert failures.authentication == 2
            assert failures == rig.watched[side, "log"].totals.failures

    run(directory, body, version=version, dpd_delay=0)


def test_another_key_in_aggressive_mode(directory: Path) -> None:
    async def body(rig: Rig) -> None:
        await rig.set("beta", psk="another")
        await rig.does(rig.gateways.initiate)
        # alpha says that in a message that beta does not take. So beta waits, and repeats its own,
        # for which alpha has no SA any more.
        expected: Expected = {
            "alpha": (Ike.HASH_VALIDATION,),
            ("alpha", "notify"): (Ike.AUTHENTICATION,),
            "beta": (Ike.PEER_LOST,),
        }
        news = await rig.expect("key", expected)
        check_identities("key", news, *SIDES)

    run(directory, body, version=1, aggressive=True, dpd_delay=0)


@versions
def test_certificates(directory: Path, version: int) -> None:
    trusted, unknown = Authority("Lab CA"), Authority("Another CA")
    good = {side: trusted.issue(address(side)) for side in SIDES}

    async def body(rig: Rig) -> None:
        gateways = rig.gateways

        for side in SIDES:
            await rig.set(side, files=trusted.files(address(side), good[side]))
        await rig.does(gateways.initiate)
        await rig.tunnels(1, 1)
        await rig.expect("all is well", {})
        await rig.rest()

        revoked = {side: trusted.revoke(good[side]) for side in SIDES}
        foreign = {side: unknown.issue(address(side)) for side in SIDES}
        late = {side: trusted.issue(address(side), expired=True) for side in SIDES}
        for culprit in SIDES:
            judge = other(culprit)
            cases = {
                "expired": {culprit: trusted.files(address(culprit), late[culprit])},
                "untrusted": {
                    culprit: {
                        **unknown.files(address(culprit), foreign[culprit]),
                        "x509ca/authority.pem": trusted.pem,
                    }
                },
                "revoked": {
                    judge: trusted.files(address(judge), good[judge], revoked[culprit]),
                },
            }
            for case, files in cases.items():
                for side in SIDES:
                    usual = trusted.files(address(side), good[side])
                    await rig.set(side, files=files.get(side, usual))
                await rig.ask_all()
                await rig.does(gateways.initiate)
                why = refusal(culprit, expired=case == "expired")
                news = await rig.expect(f"{culprit}'s certificate {case}", why)
                check_identities(case, news, judge)
                await rig.rest()

    def refusal(culprit: Side, *, expired: bool) -> Expected:
        judge = other(culprit)
        invalid = (Ike.PEER_CERTIFICATE_NOT_VALID,)
        if culprit == "alpha":
            refused = Ike.LOCAL_CERTIFICATE_EXPIRED if expired else Ike.AUTHENTICATION
            told: Expected = {judge: invalid, culprit: (refused,)}
            return {**told, ("alpha", "notify"): (Ike.OTHER,)} if version == 1 else told
        # The responder had the tunnel up when the initiator did not want it any more.
        deleted = (Ike.PEER_DELETE,) if version == 1 else (Ike.PEER_DELETE, Ipsec.PEER_DELETE)
        return {judge: invalid, culprit: deleted}

    run(directory, body, version=version, dpd_delay=0, auth="pubkey")


def header(version: int, *, payload: int, exchange: int, flags: int, responder: bytes) -> bytes:
    """Return an IKE header and 32 octets that are no payload (RFC 7296 section 3.1)."""
    body = b"\xff" * 32
    start = bytes.fromhex("1122334455667788") + responder
    kind = bytes((payload, 0x10 * version, exchange, flags))
    return start + kind + bytes(4) + (28 + len(body)).to_bytes(4, "big") + body


@versions
def test_garbage_on_port_500(directory: Path, version: int) -> None:
    first = header(
        version,
        payload=33 if version == 2 else 1,
        exchange=34 if version == 2 else 2,
        flags=8 if version == 2 else 0,
        responder=bytes(8),
    )
    nowhere = header(
        version,
        payload=46 if version == 2 else 5,
        exchange=35 if version == 2 else 5,
        flags=8,
        responder=b"\x22" * 8,
    )
    unreadable: Expected = {"beta": (Ike.PEER_ENCODING,)}
    in_the_log: Expected = {**unreadable, ("beta", "notify"): ()}

    async def body(rig: Rig) -> None:
        cases: dict[str, tuple[tuple[bytes, ...], int, Expected]] = {
            "short": ((bytes(10),), 500, unreadable),
            "text": ((b"GET / HTTP/1.1\r\n\r\n" * 4,), 500, in_the_log),
            "port 4500": ((bytes(4) + b"\xa5" * 60,), 4500, in_the_log),
            "a first message": ((first,), 500, unreadable),
            "much": ((bytes(10),) * 300, 500, unreadable),
            "no SA": ((nowhere,), 500, {"beta": (Ike.NO_SA,), ("beta", "log"): ()}),
        }
        for case, (datagrams, port, expected) in cases.items():
            rig.forget()
            await rig.garbage(*datagrams, port=port)
            news = await rig.expect(case, expected)
            for ike, _ in news.values():
                for failure in ike:
                    assert failure.local_identity is failure.remote_identity is None

    run(directory, body, version=version, dpd_delay=0)


@versions
def test_a_peer_that_never_answers(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        rig.gateways.cut()
        await rig.does(rig.gateways.initiate)
        news = await rig.expect("silence", {"alpha": (Ike.PEER_LOST,)})
        check_identities("silence", news, "alpha")
        rig.gateways.kill("beta")
        rig.gateways.mend()
        await rig.does(rig.gateways.initiate)
        await rig.expect("nobody there", {"alpha": (Ike.PEER_LOST,)})

    run(directory, body, version=version, dpd_delay=0)


@versions
def test_ends_of_tunnels_are_told_by_the_tunnels(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        gateways = rig.gateways
        for side in SIDES:
            await rig.does(gateways.initiate)
            await rig.tunnels(1, 1)
            await rig.does(functools.partial(gateways.terminate, side=side))
            ends: Expected = {
                side: (Ike.OPERATOR, Ipsec.OPERATOR),
                # Without the log nobody knows why our own side deletes.
                (side, "notify"): (),
                other(side): (Ike.PEER_DELETE, Ipsec.PEER_DELETE),
            }
            await rig.expect(f"{side} terminates", ends)
        await rig.does(gateways.initiate)
        await rig.tunnels(1, 1)
        gateways.cut()
        lost = (Ike.PEER_LOST, Ipsec.PEER_LOST)
        await rig.expect("silence", {"alpha": lost, "beta": lost})

    run(directory, body, version=version)


@versions
def test_a_normal_life_has_no_failures(directory: Path, version: int) -> None:
    async def body(rig: Rig) -> None:
        gateways = rig.gateways
        await rig.does(gateways.initiate)
        await rig.tunnels(1, 1)
        # IKEv2 ends the tunnel for that and makes another, and the peer sees a delete.
        await asyncio.to_thread(gateways.reauthenticate)
        deleted = (Ike.PEER_DELETE, Ipsec.PEER_DELETE)
        await rig.expect("reauthenticated", {"beta": deleted} if version == 2 else {})
        for side in SIDES:
            await asyncio.to_thread(gateways.rekey_child, side=side)
            await asyncio.to_thread(gateways.rekey_ike, side=side)
        await rig.expect("rekeyed", {})
        await rig.does(gateways.terminate)
        await rig.tunnels(0, 0)
        ends: Expected = {
            "alpha": (Ike.OPERATOR, Ipsec.OPERATOR),
            ("alpha", "notify"): (),
            "beta": (Ike.PEER_DELETE, Ipsec.PEER_DELETE),
        }
        await rig.expect("terminated", ends)

    run(directory, body, version=version)


def test_a_rekey_that_is_refused_is_about_its_tunnel(directory: Path) -> None:
    async def body(rig: Rig) -> None:
        # What IKE_AUTH made has no key exchange of its own, so this is seen at the rekey only.
        await rig.set("beta", esp_proposals="aes128-sha256-modp3072")
        await rig.does(rig.gateways.initiate)
        await rig.tunnels(1, 1)
        with contextlib.suppress(DeadlineError):
            await asyncio.to_thread(rig.gateways.rekey_child, seconds=1.0)
        refused: Expected = {"alpha": (Ipsec.PROPOSAL,), "beta": (Ipsec.PROPOSAL,)}
        news = await rig.expect("rekey", refused)
        for (side, way), (_, (failure,)) in news.items():
            tunnel = None if failure.tunnel is None else failure.tunnel.index
            assert tunnel == (None if way == "notify" else 1), (side, way, failure)

    run(directory, body, version=2, dpd_delay=0, esp_proposals="aes128-sha256-modp2048")


def test_without_the_plugin(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(gateways: Gateways) -> None:
        watched = Watched(gateways, "alpha", "all")
        task = asyncio.create_task(watched.source.run())
        await watched.source.ready.wait()
        assert watched.source.connected
        with contextlib.suppress(CommandError):
            await asyncio.to_thread(gateways.initiate)
        await until(lambda: watched.rows, "the row")
        ((failure,), _) = watched.news()
        assert failure.reason is Ike.PROPOSAL
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    caplog.set_level(logging.INFO)
    with Gateways(directory, error_notify=False) as gateways:
        gateways.reconfigure("beta", proposals="aes256-sha512-modp3072")
        asyncio.run(asyncio.wait_for(main(gateways), 20))
    (word,) = [message for message in caplog.messages if "error-notify" in message]
    assert "No such file" in word
