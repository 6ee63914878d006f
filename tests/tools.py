"""Programs that tests run."""

import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["refuse", "requires_tool"]


def refuse(reason: str) -> NoReturn:
    """Skip the test, but in CI, where the machine must be fit for it, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def requires_tool(name: str) -> str:
    """Gives the path of a program, or skips the test that asks for it.

    Where the environment variable ``CI`` is set the test fails instead: there a missing
    program is a mistake, and a skipped test would hide it.
    """
    path = shutil.which(name)
    if path is None:
        refuse(f"{name} is not installed")
    return path
