"""agent.doctor.report: what an operator and a program read."""

from __future__ import annotations

import json

from agent.doctor.report import Level, Report


def report(*levels: Level) -> Report:
    made = Report("udp:127.0.0.1:1161")
    made.chapter("nothing to say")
    chapter = made.chapter("access")
    for level in levels:
        chapter.add(level, "v2c", f"is {level.value}")
    return made


def test_text() -> None:
    assert report(*Level).text() == (
        "agent at udp:127.0.0.1:1161\n"
        "\n"
        "access\n"
        "  ok       v2c: is ok\n"
        "  note     v2c: is note\n"
        "  warning  v2c: is warning\n"
        "  wrong    v2c: is wrong\n"
        "\n"
        "wrong: 1, warnings: 1"
    )


def test_json() -> None:
    assert json.loads(report(Level.WRONG).json()) == {
        "agent": "udp:127.0.0.1:1161",
        "status": 1,
        "checks": {
            "nothing to say": [],
            "access": [{"level": "wrong", "subject": "v2c", "text": "is wrong"}],
        },
    }


def test_status() -> None:
    assert report(*Level).status == 1
    assert report(Level.OK, Level.NOTE, Level.WARNING).status == 0
