"""The address of the client: from the gateway's header if the request comes from a trusted network, else the peer's."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from fastapi import Request

# Envoy overwrites this header in every request, so a client cannot forge it.
HEADER = "x-envoy-external-address"


def client_address(request: Request, trusted: Sequence[IPv4Network | IPv6Network]) -> str | None:
    peer = request.client.host if request.client is not None else None
    forwarded = request.headers.get(HEADER)
    if forwarded is None or peer is None:
        return peer
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    return forwarded if any(address in network for network in trusted) else peer
