from __future__ import annotations

from typing import Any

import pytest

from datasource.strongswan.alerts import Alert, parse_alert
from datasource.strongswan.signs import ALERT_SIGNS
from tests.unit.datasource.strongswan.replay import encode

SA = {"uniqueid": "7", "remote-host": "10.9.0.2", "child-sas": {"net-1": {"uniqueid": "9"}}}


def test_every_alert_has_a_meaning() -> None:
    assert set(ALERT_SIGNS) == set(Alert)
    assert len(Alert) == 33
    assert sorted(alert.value for alert in Alert) == list(range(33))


@pytest.mark.parametrize(
    ("message", "connection"),
    [
        ({"alert": "peer-auth-failed", "ike-sa": {"site": SA}}, "site"),
        ({"type": "PEER_AUTH_FAILED", "site": SA}, "site"),
        ({"name": "ALERT_PEER_AUTH_FAILED", "ike-sa": SA}, ""),
        ({"other": "x", "alert": "peer_auth_failed", "more": {"x": {}}, "ike-sa": {"a": SA}}, "a"),
    ],
)
def test_an_alert_of_an_ike_sa(message: dict[str, Any], connection: str) -> None:
    event = parse_alert(encode(message))
    assert event.kind is Alert.PEER_AUTH_FAILED
    assert (event.connection, event.fields) == (connection, encode(SA))


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"alert": "something-new"},
        {"alert": ["cert-expired"], "ike-sa": "none"},
        {"ike-sa": {"site": {}}},
        {"alert": "\xff"},
    ],
)
def test_what_tells_nothing(message: dict[str, Any]) -> None:
    event = parse_alert(encode(message))
    assert (event.kind, event.connection, event.fields) == (None, "", {})
