"""Which hosts are this machine itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(address: str) -> bool:
    """Tell whether ``host`` or ``host:port`` is on this machine, where plain HTTP is safe and no proxy leads to.

    What follows a ``/`` is passed over; an IPv6 address stands in brackets.
    """
    try:
        host = urlsplit(f"//{address}").hostname
        return host == "localhost" or (host is not None and ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
