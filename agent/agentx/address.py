"""Where a master listens."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TcpAddress", "UnixAddress"]


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A master on a Unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A master on a TCP port."""

    host: str
    """An IP address."""
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp:{host}:{self.port}"
