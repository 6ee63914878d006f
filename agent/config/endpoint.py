"""Where somebody listens: an IP address and a port, as operators write them."""

from __future__ import annotations

import ipaddress

__all__ = ["parse_endpoint"]


def parse_endpoint(text: str, endpoint: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, with an IPv6 address in brackets.

    Args:
        text: what errors quote.
        endpoint: the part of it that is read.

    Raises:
        ValueError: it is not of that form.
    """
    host, _, port = endpoint.rpartition(":")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} has the port {port!r}, allowed are 1 to 65535")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise ValueError(f"{text!r} has the host {host!r}, which is no IP address") from None
    if bracketed != (address.version == 6):
        raise ValueError(f"{text!r}: an IPv6 address, and no other, stands in brackets")
    return str(address), int(port)
