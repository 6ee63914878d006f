"""The one family of errors of this package."""

__all__ = ["AgentXError"]


class AgentXError(Exception):
    """Octets that are not AgentX, or a value that AgentX cannot carry."""
