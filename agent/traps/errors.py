"""What keeps notifications from being received."""

from agent.errors import AgentError

__all__ = ["TrapsError"]


class TrapsError(AgentError):
    """Notifications cannot be received, or not be printed; the message says why."""
