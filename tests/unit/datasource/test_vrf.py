from __future__ import annotations

import dataclasses

import pytest

from datasource.model import IkeSa, Mark
from datasource.vrf import GLOBAL, VrfRule, VrfRules
from tests import sas


def sa(
    *,
    mark_in: Mark | None = None,
    mark_out: Mark | None = None,
    if_id: int | None = None,
    child_if_id: int | None = None,
) -> IkeSa:
    child = sas.child(1)
    parameters = dataclasses.replace(
        child.parameters, mark_in=mark_in, mark_out=mark_out, if_id_out=child_if_id
    )
    made = sas.ike(dataclasses.replace(child, parameters=parameters))
    return dataclasses.replace(
        made, parameters=dataclasses.replace(made.parameters, if_id_in=if_id)
    )


@pytest.mark.parametrize(
    ("connection", "context"),
    [
        ("red-1", "red"),
        ("Red-1", None),
        ("red", None),
        ("b7", "blue"),
        ("bx", None),
        ("site", "blue"),
        ("red-1 and more", "red"),
    ],
)
def test_the_first_rule_with_a_fitting_pattern(connection: str, context: str | None) -> None:
    rules = VrfRules(
        [
            VrfRule("red", connections=("red-*",)),
            VrfRule("blue", connections=("b[0-9]", "s?te", "red-1")),
        ]
    )
    for _ in range(2):  # the second time it is remembered
        assert rules.by_name(connection) == context


def test_names_go_before_what_sas_have() -> None:
    rules = VrfRules([VrfRule("red", marks=(Mark(42),)), VrfRule("blue", connections=("site",))])
    assert rules.assign("site", sa(mark_in=Mark(42))) == "blue"
    assert rules.assign("other", sa(mark_in=Mark(42))) == "red"
    assert rules.assign("other", sa()) == GLOBAL


@pytest.mark.parametrize(
    ("made", "context"),
    [
        (sa(mark_in=Mark(42)), "red"),
        (sa(mark_out=Mark(42)), "red"),
        (sa(mark_in=Mark(42, 0xFF)), "red"),
        (sa(mark_in=Mark(43)), None),
        (sa(mark_in=Mark(0x1234)), "green"),
        (sa(mark_in=Mark(0x1334)), None),
        (sa(if_id=42), "blue"),
        (sa(child_if_id=42), "blue"),
        (sa(child_if_id=0), None),
        (sa(mark_in=Mark(42), if_id=42), "red"),
        (sa(), None),
    ],
)
def test_the_first_rule_with_a_mark_or_interface_id(made: IkeSa, context: str | None) -> None:
    rules = VrfRules(
        [
            VrfRule("red", marks=(Mark(42),)),
            VrfRule("blue", if_ids=(42, 43)),
            VrfRule("green", marks=(Mark(0x1200, 0xFF00),)),
        ]
    )
    assert rules.by_sa(made) == context


def test_contexts() -> None:
    rules = VrfRules(
        [
            VrfRule("red", connections=("r",)),
            VrfRule("", connections=("m",)),
            VrfRule("blue", connections=("*",)),
            VrfRule("red", connections=("*",)),
        ]
    )
    assert rules.contexts == ("", "red", "blue")
    assert rules.by_name("m") == GLOBAL
    assert not rules.look_at_sas
    assert rules.by_sa(sa(mark_in=Mark(42))) is None
    assert VrfRules([VrfRule("red", if_ids=(1,))]).look_at_sas
    assert VrfRules([]).contexts == ("",)
