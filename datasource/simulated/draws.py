"""The simulated gateway's random numbers, in rows: one for each peer, and some of its own.

So one peer's fate does not hang on another's, and nothing hangs on how often somebody looks.
"""

from __future__ import annotations

import random

__all__ = ["Draws"]

_OWN_ROWS = 16
"""Rows that are no peer's."""


class Draws:
    """Gives the random numbers of one turn. They are valid until those of the next are asked for.

    One generator, seeded for each turn: a generator has a state of 2,500 octets, too much to keep
    one for each peer.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = random.Random()

    def own(self, row: int, turn: int) -> random.Random:
        """Return the numbers of a row of the gateway's own."""
        self._rng.seed(((self._seed << 32 | row) << 64) | turn)
        return self._rng

    def of_peer(self, number: int, turn: int) -> random.Random:
        """Return the numbers of a peer's row."""
        return self.own(number + _OWN_ROWS, turn)
