"""docs/failures.md says what the tables in the code say, and leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

from datasource.strongswan import signs
from datasource.strongswan.alerts import Alert
from datasource.strongswan.signs import ALERT_SIGNS, Sign, log_sign

DOC = (Path(__file__).parents[4] / "docs" / "failures.md").read_text("utf-8")
ALERTS = re.findall(r"^\| (\d*) ?\| `([A-Z_]+)` \| (.*?) \| (.*?) ?\|$", DOC, re.MULTILINE)
LINES = re.findall(r"^\| `(.*?)` \| ((?:IKE|IPsec) .*?) \| (.*?) \|$", DOC, re.MULTILINE)

# By the MIB's numbers, which are in the order of both enumerations.
IKE_NOTIFICATIONS = {
    **dict.fromkeys((4, 8, 9), "cikeSysFailure"),
    **dict.fromkeys((11, 12, 13, 14), "cikeCertCrlFailure"),
    **dict.fromkeys((5, 6, 7, 10, 15), "cikeProtocolFailure"),
    16: "cikeNoSa",
}


def check(sign: Sign | None, reason: str, notification: str) -> None:
    match = re.match(r"(IKE|IPsec) \w+\((\d+)\)", reason)
    if match is None:
        assert sign is None
        assert reason.startswith("none")
        return
    assert sign is not None
    number = int(match[2])
    assert ("if the" in reason) == (not sign.alone)
    if match[1] == "IKE":
        assert sign.ike is not None
        assert sign.ike.value == number
        assert notification == IKE_NOTIFICATIONS.get(number, "none")
    else:
        assert sign.ipsec is not None
        assert sign.ipsec.value == number
        assert notification.startswith("cipSecSetUpFailure")


def test_every_alert() -> None:
    assert sorted(name for _, name, _, _ in ALERTS) == sorted(Alert.__members__)
    for number, name, reason, notification in ALERTS:
        alert = Alert[name]
        assert int(number or 0) == alert.value
        check(ALERT_SIGNS[alert], reason, notification)


def test_every_line() -> None:
    for line, reason, notification in LINES:
        check(log_sign(line), reason, notification)
    met = {match.lastindex for line, _, _ in LINES if (match := signs._LINE.fullmatch(line))}
    never = [pattern for n, (pattern, _) in enumerate(signs._LOG_SIGNS, 1) if n not in met]
    assert not never
