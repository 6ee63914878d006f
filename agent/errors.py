"""The one family of errors that this layer raises."""

__all__ = ["AgentError"]


class AgentError(Exception):
    """Base of every error that the agent raises on purpose."""
