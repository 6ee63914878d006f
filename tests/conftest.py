"""Settings and fixtures that all tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine makes an example slow, which says nothing of the code.
settings.register_profile("flowmib", deadline=None)
settings.load_profile("flowmib")


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a short path: pytest's own may be too long for a unix socket."""
    with tempfile.TemporaryDirectory(prefix="fm") as name:
        yield Path(name)
