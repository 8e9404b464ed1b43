"""Settings common to all services. Each service subclasses them with its environment prefix and adds its own."""

from ipaddress import ip_network

from pydantic import Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.dead_letter_limit import IN_A_ROW_MAX, PERCENT_MAX

KIB = 1024
MIB = 1024 * KIB
PRIVATE_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")


class ServiceSettings(BaseSettings):
    """Read from the environment once at start. A missing or malformed value stops the process and is named."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(description="postgresql://…, the service's own role: rights on its own schema only")
    event_log_url: str = Field(
        description="postgresql://… for the embedded log, kafka://host:port[,host:port] for Kafka"
    )
    jwks_url: str = Field(description="where the keys of citizens' and operators' tokens are published")
    service_token_secret: SecretStr = Field(min_length=32, description="signs calls between services")

    token_issuer: str = "carbon-inclusion"
    token_audience: str = "carbon-api"
    time_zone: str = Field("Asia/Shanghai", description="decides the day and the month of a cap")
    topic_prefix: str = Field("", description="separates programmes that share one Kafka cluster")
    log_level: str = "INFO"

    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=tuple(ip_network(text) for text in PRIVATE_NETWORKS),
        description="networks of the gateway: only its header with the client's address is trusted",
    )

    database_pool_size: int = Field(10, ge=1, le=100, description="connections of one process")
    worker_health_port: int = Field(0, ge=0, le=65535, description="0 switches the worker's health server off")
    worker_health_host: str = "127.0.0.1"
    poll_records_max: int = Field(
        2000, ge=1, le=10_000, description="2,000 has 95 % of the rate of 5,000 and half its locks"
    )
    dead_letters_in_a_row_max: int = Field(
        IN_A_ROW_MAX,
        ge=1,
        le=1_000_000,
        description="beyond it a consumer stops; raise it to let known invalid records through",
    )
    dead_letters_percent_max: int = Field(
        PERCENT_MAX, ge=0, le=100, description="of the last 2,000 records; 100 switches this limit off"
    )
    lease_s: int = Field(10, ge=2, le=300, description="a dead worker's partitions are taken over after this long")
    stalled_after_s: int = Field(60, ge=5, le=3600, description="a worker that makes no progress for this long exits")
