from __future__ import annotations

from datasource._numbers import Names, Numbers


def test_the_lowest_number_is_given_first_and_it_stays() -> None:
    numbers = Numbers[str](range(7, 10))
    assert [numbers.of(key) for key in ("a", "b", "a", "c", "b")] == [7, 8, 7, 9, 8]


def test_only_when_all_are_given_an_idle_one_goes_to_another_key() -> None:
    numbers = Numbers[str](range(1, 4))
    for key in "abc":
        numbers.of(key)
    assert numbers.of("d", {"a", "c"}) == 2
    assert [numbers.of(key) for key in "acd"] == [1, 3, 2]


def test_the_one_that_has_been_known_longest_loses_its_number_first() -> None:
    numbers = Numbers[str](range(1, 3))
    assert [numbers.of(key) for key in "abcd"] == [1, 2, 1, 2]


def test_there_is_no_number_while_each_is_in_use() -> None:
    numbers = Numbers[str](range(1, 3))
    numbers.of("a")
    numbers.of("b")
    assert numbers.of("c", {"a", "b"}) is None
    assert numbers.of("a", {"a", "b"}) == 1


def test_a_name_is_the_text_itself() -> None:
    names = Names(8)
    assert names.of("site a") == "site a"
    assert names.text_of("site a") == "site a"
    assert names.text_of("site b") is None


def test_what_is_not_printable_ascii_becomes_a_question_mark() -> None:
    assert Names(8).of("sj\u00f8\n") == "sj??"


def test_two_texts_never_have_the_same_name() -> None:
    names = Names(8)
    texts = ["sj\u00f8", "sj?", "sj?~2", "a-long-name", "a-long-names", "a-long~2"]
    given = [names.of(text) for text in texts]
    assert given == ["sj?", "sj?~2", "sj?~2~2", "a-long-n", "a-long~2", "a-long~3"]
    assert [names.of(text) for text in texts] == given
    assert [names.text_of(name) for name in given] == texts


def test_a_name_that_was_forgotten_is_free() -> None:
    names = Names(8)
    names.of("a-long-name")
    names.forget("a-long-name")
    names.forget("never seen")
    assert names.text_of("a-long-n") is None
    assert names.of("a-long-names") == "a-long-n"
