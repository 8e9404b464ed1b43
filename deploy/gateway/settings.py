"""Addresses and limits of the gateway, from GATEWAY_* variables."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.gateway.limits import Rate, with_changes
from shared.production import Finding, is_this_machine

Endpoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,200}$")]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]+$")]


class GatewaySettings(BaseSettings):
    """Settings that differ between one machine and a city."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="ignore")

    host: Host = Field("127.0.0.1", description="0.0.0.0 to be reached from other machines, e.g. a phone")
    port: int = Field(8080, ge=1, le=65535)
    admin_host: Host = Field("127.0.0.1", description="Envoy's own statistics; never a public address")
    admin_port: int = Field(8181, ge=1, le=65535)

    accounts: Endpoint = "127.0.0.1:8101"
    ingest: Endpoint = "127.0.0.1:8102"
    accounting: Endpoint = "127.0.0.1:8103"
    rewards: Endpoint = "127.0.0.1:8104"
    pages: Endpoint = "127.0.0.1:8105"

    token_issuer: Token = "carbon-inclusion"
    token_audience: Token = "carbon-api"
    trusted_hops: int = Field(0, ge=0, le=10, description="own proxies in front that append to X-Forwarded-For")

    connections_max: int = Field(
        10_000, ge=10, description="open client connections; an idle one takes some 40 KiB; below common fd limits"
    )
    address_per_s: int = Field(
        2000,
        ge=1,
        description="requests of one address; a carrier's NAT hides a district, and a demo uses one machine",
    )
    address_burst: int = Field(4000, ge=1, description="two seconds of address_per_s")
    addresses_max: int = Field(
        20_000, ge=1, description="addresses counted at a time; the oldest is dropped; some 6 MiB"
    )
    subject_per_s: int = Field(
        50,
        ge=1,
        description="requests of one token subject; a client has 10 connections and a page needs about 5 calls",
    )
    subject_burst: int = Field(300, ge=1, description="an operator's script or a demo that polls")
    subjects_max: int = Field(
        50_000, ge=1, description="subjects counted at a time; the oldest is dropped; some 15 MiB"
    )
    route_limits: dict[str, dict[Literal["address", "person"], Rate]] = Field(
        {},
        description='other rates than in limits.py, as JSON: {"log-in": {"address": [per_s, burst]}}',
    )

    def production_findings(self) -> list[Finding]:
        """What must not be so in front of citizens."""
        if is_this_machine(self.admin_host):
            return []
        return [Finding("GATEWAY_ADMIN_HOST", "管理接口对外可达", "Envoy's admin interface is reachable from outside")]

    @field_validator("route_limits")
    @classmethod
    def _known_routes(
        cls, value: dict[str, dict[Literal["address", "person"], Rate]]
    ) -> dict[str, dict[Literal["address", "person"], Rate]]:
        with_changes(value)
        return value
