"""Where a request comes from: the gateway's word, when it is the gateway that speaks."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from fastapi import Request

# Envoy writes it anew on every request, whatever the client sent under this name.
HEADER = "x-envoy-external-address"


def client_address(request: Request, trusted: Sequence[IPv4Network | IPv6Network]) -> str | None:
    peer = request.client.host if request.client is not None else None
    told = request.headers.get(HEADER)
    if told is None or peer is None:
        return peer
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    return told if any(address in network for network in trusted) else peer
