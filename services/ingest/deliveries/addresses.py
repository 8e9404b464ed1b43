"""The addresses of webhooks: the rules of `shared/public_addresses.py` as a refusal of this room."""

from services.ingest.deliveries.errors import AddressRefused
from shared import public_addresses
from shared.public_addresses import URL_CHARS_MAX, ForbiddenAddress, GuardedBackend, Resolve, resolve

__all__ = ["URL_CHARS_MAX", "ForbiddenAddress", "GuardedBackend", "Resolve", "check_url", "resolve"]


def check_url(url: str, *, allow_loopback: bool) -> str:
    """Return the URL if it may be called. Raises AddressRefused."""
    try:
        return public_addresses.check_url(url, allow_loopback=allow_loopback)
    except public_addresses.UnsafeUrl as unsafe:
        raise AddressRefused(why=unsafe.why) from None
