from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource.strongswan.settings import Files, Section, SettingsError, parse_settings

KEYS = ("a", "b", "c", "proposals")


def files(texts: Mapping[str, str]) -> Files:
    def read(path: str) -> str:
        if path not in texts:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return texts[path]

    return Files(read, lambda pattern: sorted(fnmatch.filter(texts, pattern)))


def parse(text: str, **more: str) -> Section:
    texts = {"/etc/main": text, **{f"/etc/{name}": content for name, content in more.items()}}
    return parse_settings("/etc/main", files(texts), keys=KEYS, passed_over=("secrets",))


def values(section: Section, depth: int = 8) -> dict[str, Any]:
    """Return all of a section, down to where one that refers to itself would never end."""
    found: dict[str, Any] = {key: value for key in KEYS if (value := section.get(key)) is not None}
    inner = section.sections() if depth else ()
    return {**found, **{name: values(one, depth - 1) for name, one in inner}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# a comment", {}),
        ("a = 1", {"a": "1"}),
        ("a=1# a comment\nb =\t2 3   4\r\n", {"a": "1", "b": "2 3 4"}),
        ('a = "1 # 2"  3 "\\"4\\n\\x\\\n5"', {"a": '1 # 2 3 "4\nx5'}),
        ("a = 1\na = 2", {"a": "2"}),
        ("a = 1\na =", {}),
        ("s { a = 1 }", {"s": {"a": "1"}}),
        ("s\n{\n}\n", {"s": {}}),
        ("s { t { a = 1 } }\ns { t { b = 2 }\n}", {"s": {"t": {"a": "1", "b": "2"}}}),
        ("include = 1\nincluded { a = 1 }", {"included": {"a": "1"}}),
        ("s { unwanted = 1\n}", {"s": {}}),
        ("secrets { s { a = 1 } }\nt { secrets { a = 2 } }", {"t": {"secrets": {"a": "2"}}}),
        ("a = a{b=c", {"a": "a{b=c"}),
    ],
)  # fmt: skip
def test_syntax(text: str, expected: dict[str, Any]) -> None:
    assert values(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s : t { a = 1 }\nt { a = 2\n b = 3 }", {"a": "1", "b": "3"}),
        ("s : t, u { }\nt { a = 1 }\nu { a = 2\n b = 2 }", {"a": "1", "b": "2"}),
        ("s : t.u { }\nt { u { a = 1 } }", {"a": "1"}),
        ("s : t { a =\n}\nt { a = 1 }", {}),
        ("s : t { x { } }\nt { y { a = 1 }\nx { b = 2 } }", {"x": {"b": "2"}, "y": {"a": "1"}}),
        ("s : t { }\nt : u { }\nu { a = 1 }", {"a": "1"}),
        ("s : t { }\nt : s { a = 1 }", {"a": "1"}),
        ("s : s { a = 1 }", {"a": "1"}),
        ("s : nothing { a = 1 }", {"a": "1"}),
        ("s : t { }\ns : u { }\nt { a = 1 }\nu { b = 2 }", {"a": "1", "b": "2"}),
    ],
)
def test_references(text: str, expected: dict[str, Any]) -> None:
    assert values(parse(text).section("s")) == expected


def test_a_section_may_be_in_itself() -> None:
    section = parse("s { a = 1\n t : s { } }").section("s")
    assert section.section("t").section("t").get("a") == "1"


def test_own_sections_come_before_inherited_ones() -> None:
    section = parse("s : t { c { } b { } }\nt { a { } b { } }").section("s")
    assert [name for name, _ in section.sections()] == ["c", "b", "a"]


def test_includes() -> None:
    main = 's { include d/*.conf\n b = 9 }\ninclude "d/last one"\ninclude d/none*\na = 1'
    first = "a = 3\nt { include deep\n }"
    section = parse(
        main,
        **{"d/1.conf": first, "d/2.conf": "b = 4\na = 5", "d/last one": "c = 6", "d/deep": "c = 7"},
    )
    assert values(section) == {"a": "1", "c": "6", "s": {"a": "5", "b": "9", "t": {"c": "7"}}}


def test_what_secrets_include_is_not_read() -> None:
    def read(path: str) -> str:
        assert path == "/etc/main"
        return "secrets { include secret*\n ike { include secret\n } }\na = 1"

    settings = parse_settings(
        "/etc/main", Files(read, lambda _: ["/etc/secret"]), keys=KEYS, passed_over=("secrets",)
    )
    assert values(settings) == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("}", "/etc/main:1: a closing brace too many"),
        ("s {\n\n", "/etc/main:3: a closing brace is missing"),
        ("a = 1\nb", "/etc/main:2: neither '=' nor '{' after a name"),
        ("a = 1\n'x' y = 2", "/etc/main:2: neither '=' nor '{' after a name"),
        ("a\n\n. = 2", "/etc/main:3: neither '=' nor '{' after a name"),
        ('"a" = 1', "/etc/main:1: neither a section nor a setting"),
        ('a = "1\n\n', "/etc/main:1: a quote that is not closed"),
        ('include "x', "/etc/main:1: a quote that is not closed"),
        ("include #", "/etc/main:1: nothing to include"),
        ("s : { }", "/etc/main:1: no reference after ':' or ','"),
        ("s : t,\n { }", "/etc/main:2: no reference after ':' or ','"),
        ("s {" * 40, "/etc/main:1: more than 32 sections in each other"),
        ("include main\n", "/etc/main:1: files that include each other over 10 levels"),
        ("\ninclude broken\n", "/etc/broken:2: a closing brace too many"),
    ],
)
def test_errors_name_the_file_and_the_line(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(text, broken="a = 1\n}")
    assert str(caught.value) == words


def test_a_file_that_cannot_be_read() -> None:
    with pytest.raises(SettingsError, match=r"^/etc/main: No such file or directory$"):
        parse_settings("/etc/main", files({}), keys=KEYS)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasource.strongswan.settings.MAX_FILES", 2)
    with pytest.raises(SettingsError, match="more than 2 files"):
        parse("include d*", d1="", d2="")
    monkeypatch.setattr("datasource.strongswan.settings._MAX_OCTETS", 9)
    with pytest.raises(SettingsError, match="more than 9 characters"):
        parse("a = 1234567")


def test_references_upon_references_come_to_an_end() -> None:
    names = [f"s{number}" for number in range(40)]
    text = "\n".join(f"{name} : {', '.join(names)} {{ a = {name} }}" for name in names)
    assert parse(text).section("s0").get("a") == "s0"


@given(st.text(st.sampled_from('ab{}=#"\\:,. \n\t'), max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsError):
        values(parse(text, a=text, b="a = 1"))


@given(st.text(st.characters(exclude_characters='"\\\r'), max_size=20))
def test_a_quoted_value_is_kept(text: str) -> None:
    assert parse(f's {{ a = "{text}" }}').section("s").get("a") == (text or None)
