"""Programs that tests run."""

import os
import shutil

import pytest

__all__ = ["requires_tool"]


def requires_tool(name: str) -> str:
    """Gives the path of a program, or skips the test that asks for it.

    Where the environment variable ``CI`` is set the test fails instead: there a missing
    program is a mistake, and a skipped test would hide it.
    """
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return path
