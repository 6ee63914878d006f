"""What can be done to a gateway, beside watching it."""

from __future__ import annotations

from typing import Protocol

from datasource.errors import DataSourceError

__all__ = ["TerminateError", "TunnelControl"]


class TerminateError(DataSourceError):
    """The gateway does not end a tunnel, or hangs: then it may, when it comes to."""


class TunnelControl(Protocol):
    """Ends tunnels, by their index. One that has ended meanwhile is no error."""

    @property
    def can_terminate(self) -> bool:
        """Whether there is a gateway now that would do it."""

    async def terminate_ike(self, index: int) -> None:
        """End an IKE tunnel, and its IPsec tunnels with it.

        Raises:
            TerminateError: it goes on, as far as can be told.
        """

    async def terminate_ipsec(self, index: int) -> None:
        """End an IPsec tunnel.

        Raises:
            TerminateError: it goes on, as far as can be told.
        """
