"""Settings of the local stack: variables of the environment or of `make run NAME=value`."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("accounts", "ingest", "accounting", "rewards")
HOST = "127.0.0.1"


class LocalSettings(BaseSettings):
    """Ports, directory and log of the local stack. Only `gateway_host` can listen beyond 127.0.0.1."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    run_dir: Path = Field(Path(".run"), description="data, logs, secrets and credentials; relative to the checkout")
    log: Literal["embedded", "kafka"] = Field("embedded", description="the event log: in PostgreSQL, or a local Kafka")
    kafka_bootstrap_servers: str = Field("", description="host:port[,host:port] of an existing Kafka cluster instead")
    topic_prefix: str = Field("", description="separates the topics of several stacks on one cluster")
    log_level: str = "INFO"
    profile: Literal["development"] = Field(
        "development", description="this stack is for development; PROFILE=production belongs to real deployments"
    )
    operators: Literal["oidc", "local"] = Field(
        "oidc", description="how operators log in: by an identity provider for development, or by local accounts"
    )

    erasure_days: int = Field(
        0, ge=0, le=90, description="between DELETE /me and the erasure; 0: at once, for demos and tests"
    )

    api_processes: int = Field(
        0,
        ge=0,
        le=16,
        description="of the APIs of accounts, accounting and rewards; 0: half the cores, 1 to 4",
    )

    port_offset: int = Field(0, ge=0, le=50_000, description="added to every port: two stacks side by side")
    gateway_host: str = Field(HOST, description="0.0.0.0 lets a phone in the same network reach the gateway")
    gateway_port: int = 8080
    envoy_admin_port: int = 8181
    accounts_port: int = 8101
    ingest_port: int = 8102
    accounting_port: int = 8103
    rewards_port: int = 8104
    pages_port: int = 8105
    wechat_port: int = 8110
    identity_port: int = 8111
    partner_servers_port: int = 8112
    postgres_port: int = 8132
    kafka_port: int = 8192
    accounts_worker_port: int = 8201
    ingest_worker_port: int = 8202
    accounting_worker_port: int = 8203
    rewards_worker_port: int = 8204
    database_port: int = Field(0, description="port of a pooler or proxy between services and database")
    event_log_port: int = Field(0, description="port of a pooler or proxy between services and embedded event log")

    @model_validator(mode="after")
    def _one_log(self) -> Self:
        if self.kafka_bootstrap_servers and self.log == "kafka":
            raise ValueError("LOG=kafka starts a Kafka of its own: leave it out together with KAFKA_BOOTSTRAP_SERVERS")
        return self

    @property
    def directory(self) -> Path:
        """`run_dir`, absolute."""
        return (ROOT / self.run_dir).absolute()

    def port(self, name: str) -> int:
        """Port of `gateway`, `envoy_admin`, `<service>`, `<service>_worker`, `pages`, `wechat`, `partner_servers`, …"""
        number: int = getattr(self, f"{name}_port")
        return number + self.port_offset

    @property
    def processes(self) -> int:
        """Processes of each API that citizens crowd. The other cores are for PostgreSQL and the workers."""
        return self.api_processes or max(1, min(4, (os.cpu_count() or 1) // 2))

    @property
    def runs_kafka(self) -> bool:
        """Whether a Kafka broker belongs to this stack."""
        return self.log == "kafka" and not self.kafka_bootstrap_servers

    @property
    def event_log_kind(self) -> str:
        """The log that the offsets in the database belong to. They are invalid in another log."""
        if self.kafka_bootstrap_servers:
            return f"kafka://{self.kafka_bootstrap_servers}/{self.topic_prefix}"
        return self.log

    def url(self, name: str) -> str:
        """Return the base URL of a process."""
        return f"http://{HOST}:{self.port(name)}"

    @property
    def gateway_url(self) -> str:
        """The URL for clients."""
        return self.url("gateway")
