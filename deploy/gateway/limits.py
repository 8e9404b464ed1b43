"""Limits of single routes: so many requests a second for each client address, and for each person.

Each route here costs more than it looks: a call to WeChat that the city pays for, a row lock, a signature, a large
answer. A limit that is not set here is the general one of `settings.py`. Every rate is at least one a second, so that
`Retry-After: 1` is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

_QUERY = r"(\?.*)?"


class Rate(NamedTuple):
    """A token bucket that gains `per_s` tokens a second and holds `burst`."""

    per_s: int
    burst: int


Changes = Mapping[str, Mapping[Literal["address", "person"], Rate]]


@dataclass(frozen=True)
class RouteLimit:
    """`path` is a regular expression for the whole path. `person` needs a route that requires a token."""

    name: str
    method: str
    path: str
    address: Rate
    person: Rate | None = None


# A carrier's address hides some ten thousand phones. The rates of addresses leave room for the minute after a push.
ROUTE_LIMITS = (
    # A log-in and a step-up ask WeChat. Citizens and operators alike: the rate also bounds guessing.
    RouteLimit("log-in", "POST", "/api/v1/accounts/((ops/)?sessions|sessions/step-up|ops/log-ins)", Rate(20, 100)),
    RouteLimit("refresh", "POST", "/api/v1/accounts/(ops/)?sessions/refresh", Rate(50, 300)),
    # WeChat charges for each number.
    RouteLimit("phone", "PUT", "/api/v1/accounts/me/phone", Rate(10, 50), Rate(1, 5)),
    RouteLimit("invitations", "POST", "/api/v1/accounts/households/[^/]+/invitations", Rate(10, 50), Rate(1, 5)),
    # An invitation code could be guessed here.
    RouteLimit("join", "POST", "/api/v1/accounts/households/join", Rate(10, 50), Rate(1, 5)),
    RouteLimit("team-join", "POST", "/api/v1/rewards/teams/join", Rate(10, 50), Rate(1, 5)),
    # Account numbers could be guessed here.
    RouteLimit("members", "POST", "/api/v1/accounts/enterprises/[^/]+/members", Rate(10, 50), Rate(1, 5)),
    # 5 MiB each, held by the gateway and then by the service.
    RouteLimit("enterprise-documents", "POST", "/api/v1/accounts/enterprise-documents/[^/]+", Rate(5, 20), Rate(1, 10)),
    # A code of a family card could be guessed here.
    RouteLimit("card-claim", "POST", "/api/v1/accounts/me/family-cards/claim", Rate(10, 50), Rate(1, 5)),
    # Numbers of certificates could be collected here.
    RouteLimit("certificates", "GET", "/api/v1/rewards/certificates/[^/]+", Rate(20, 60)),
    # Computes a dozen signatures for each request.
    RouteLimit("signature-debug", "POST", "/api/v1/ingest/signature-debug", Rate(2, 10)),
    # Some 200 KB, and as many milliseconds of a core for ten.
    RouteLimit("documents", "GET", "/api/v1/(accounts|ingest|accounting|rewards)/openapi.json", Rate(10, 40)),
    RouteLimit("pages", "GET", "/docs(/.*)?", Rate(20, 80)),
)
NAMES = frozenset(limit.name for limit in ROUTE_LIMITS)


def with_changes(changes: Changes) -> tuple[RouteLimit, ...]:
    """The limits with other rates, by name of the route and then `address` or `person`. Raises ValueError."""
    unknown = set(changes) - NAMES
    if unknown:
        raise ValueError(f"no such route: {', '.join(sorted(unknown))}; there are {', '.join(sorted(NAMES))}")
    found = []
    for limit in ROUTE_LIMITS:
        rates = changes.get(limit.name, {})
        person = rates.get("person", limit.person) if limit.person is not None else None
        found.append(RouteLimit(limit.name, limit.method, limit.path, rates.get("address", limit.address), person))
    return tuple(found)


def _is_route(limit: RouteLimit) -> dict[str, Any]:
    return {
        "header_value_match": {
            "descriptor_key": "route",
            "descriptor_value": limit.name,
            "headers": [
                {"name": ":path", "string_match": {"safe_regex": {"regex": limit.path + _QUERY}}},
                {"name": ":method", "string_match": {"exact": limit.method}},
            ],
        }
    }


def actions_by_address(limits: tuple[RouteLimit, ...]) -> list[dict[str, Any]]:
    """Envoy's `rate_limits`: what each request counts against, its address alone and its address on a route."""
    everywhere: dict[str, Any] = {"actions": [{"remote_address": {}}]}
    return [everywhere, *({"actions": [_is_route(limit), {"remote_address": {}}]} for limit in limits)]


def actions_by_person(limits: tuple[RouteLimit, ...], subject: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`subject`: Envoy's action that reads the verified subject."""
    everywhere = {"actions": [{"metadata": dict(subject)}]}
    routes = [limit for limit in limits if limit.person is not None]
    return [everywhere, *({"actions": [_is_route(limit), {"metadata": dict(subject)}]} for limit in routes)]


def descriptors(limits: tuple[RouteLimit, ...], key: str, everywhere: Rate) -> list[dict[str, Any]]:
    """Envoy's `descriptors` for `remote_address` or `subject`: one bucket for each value that occurs."""
    found = [_descriptor([{"key": key}], everywhere)]
    for limit in limits:
        rate = limit.address if key == "remote_address" else limit.person
        if rate is not None:
            found.append(_descriptor([{"key": "route", "value": limit.name}, {"key": key}], rate))
    return found


def _descriptor(entries: list[dict[str, str]], rate: Rate) -> dict[str, Any]:
    bucket = {"max_tokens": rate.burst, "tokens_per_fill": rate.per_s, "fill_interval": "1s"}
    return {"entries": entries, "token_bucket": bucket}
