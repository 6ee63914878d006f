"""Object identifiers as an operator writes them: numbers and dots."""

from __future__ import annotations

__all__ = ["parse_object_id", "parse_subtree"]

_LONGEST = 128
_LARGEST = 0xFFFFFFFF
"""Of an OID's numbers (RFC 2578 section 3.5)."""
_ANY = "*"


def parse_object_id(text: str) -> tuple[int, ...]:
    """Read an OID; it may begin with a dot.

    Raises:
        ValueError: the text is none.
    """
    parts = parse_subtree(text)
    numbers = tuple(part for part in parts if part is not None)
    if len(numbers) != len(parts) or len(numbers) < 2:
        raise ValueError(f"{text!r} is not an OID in numbers")
    return numbers


def parse_subtree(text: str) -> tuple[int | None, ...]:
    """Read the beginning of OIDs; None, written ``*``, stands for any number.

    Raises:
        ValueError: no OID begins like that.
    """
    words = text.removeprefix(".").split(".")
    if len(words) > _LONGEST or not all(
        word == _ANY or (word.isascii() and word.isdigit()) for word in words
    ):
        raise ValueError(f"{text!r} is not an OID in numbers")
    parts = tuple(None if word == _ANY else int(word) for word in words)
    numbers = [part or 0 for part in parts]
    # BER has one octet for both of the first two (X.690 section 8.19.4).
    if numbers[0] > 2 or (parts[0] in (0, 1) and max(numbers[1:2], default=0) > 39):
        raise ValueError(f"{text!r} has a number that no OID has there")
    if max(numbers) > _LARGEST:
        raise ValueError(f"{text!r} has a number that no OID has")
    return parts
