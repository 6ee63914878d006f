"""The base of every exception that the mibs layer raises."""

__all__ = ["MibError"]


class MibError(Exception):
    """Something in the mibs layer went wrong; each module derives its own from this."""
