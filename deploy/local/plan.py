"""The programs of the local stack, their environments, and the commands before their start."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from deploy.gateway.render import envoy_command, envoy_program
from deploy.gateway.settings import GatewaySettings
from deploy.local import operators
from deploy.local.database import EVENT_LOG, role_dsn
from deploy.local.fake_wechat.templates import MESSAGE_TEMPLATES
from deploy.local.partners import servers_configuration
from deploy.local.secrets_file import TOKEN_AUDIENCE, TOKEN_ISSUER, Secrets
from deploy.local.settings import HOST, ROOT, SERVICES, LocalSettings
from deploy.local.state import RUN_MARK, RunDirectory
from deploy.local.supervisor import Program

TIME_ZONE = "Asia/Shanghai"
# The city's own methodologies credit people. This one lets a household of a demo earn.
HOUSEHOLD_METHODOLOGY = ROOT / "deploy" / "local" / "methodologies" / "household_moped.yaml"
GATEWAY_THREADS = 2
# The APIs that citizens crowd. Intake has one process: it counts the limits of partners in memory.
CROWDED = frozenset({"accounts", "accounting", "rewards"})
POOL_OF_ONE, POOL_MIN = 16, 4  # connections
GRACEFUL_SHUTDOWN_S = 10  # below the supervisor's 15 s
KAFKA_SILENT_MAX_S = 600.0  # its launcher judges the broker's start itself, and fetches the artifacts at first
KAFKA_STOP_S = 30.0
# Only these variables reach a service. A proxy variable, for example, would divert local calls.
INHERITED_VARIABLES = ("PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "JAVA_HOME", "MAVEN_OPTS", "SSL_CERT_FILE")


@dataclass(frozen=True)
class SetupCommand:
    """A program that runs once before the services start."""

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


class Plan:
    """Commands and environments for given settings and secrets."""

    def __init__(self, settings: LocalSettings, secrets: Secrets, directory: RunDirectory, admin_dsn: str) -> None:
        self._settings = settings
        self._secrets = secrets
        self._directory = directory
        self._admin_dsn = admin_dsn

    # --- before the services ---------------------------------------------------------------------------------------

    def migrations(self) -> SetupCommand:
        """Command that migrates all four schemas to their newest version."""
        environment = dict(inherited_environment())
        for service in SERVICES:
            environment[f"{service.upper()}_MIGRATION_DATABASE_URL"] = self._dsn(f"{service}_owner")
        command = (sys.executable, "-m", "shared.migrations", "upgrade", *SERVICES)
        return SetupCommand("migrations", "数据库迁移 Migrations", command, environment)

    def seeds(self) -> list[SetupCommand]:
        """Commands that load reference data. Each may run again."""
        arguments = {
            "accounting": (str(HOUSEHOLD_METHODOLOGY),),
            "ingest": (str(self._directory.ingest_seed),),
            "rewards": (),
        }
        return [
            SetupCommand(
                f"seed-{service}",
                f"基础数据 Seed {service}",
                (sys.executable, "-m", f"services.{service}.seed", *more),
                self.service_environment(service),
            )
            for service, more in arguments.items()
        ]

    # --- programs, group by group ----------------------------------------------------------------------------------

    def kafka(self) -> Program:
        """The local Kafka broker."""
        port = self._settings.port("kafka")
        command = (sys.executable, "-m", "deploy.kafka", "run", "--dir", str(self._directory.kafka))
        return Program(
            name="kafka",
            command=(*command, "--port", str(port)),
            environment=inherited_environment(),
            port=port,
            silent_max_s=KAFKA_SILENT_MAX_S,
            stop_timeout_s=KAFKA_STOP_S,
            directory=ROOT,
            ready_port=port,
        )

    def wechat(self) -> Program:
        """The WeChat server for development."""
        names = ("wechat_app_id", "wechat_app_secret")
        return self._api(
            "wechat",
            "deploy.local.fake_wechat:create_app",
            self._settings.port("wechat"),
            {**inherited_environment(), **{name.upper(): self._secrets[name] for name in names}},
        )

    def partner_servers(self) -> Program:
        """The servers of five partners for development: four with a side of a way to bind, and the grid company."""
        settings = self._settings
        configuration = servers_configuration(self._secrets, settings.url("partner_servers"), settings.gateway_url)
        environment = {**inherited_environment(), "FAKE_PARTNERS": json.dumps(configuration)}
        factory = "deploy.local.fake_partners:create_app"
        return self._api("partner-servers", factory, settings.port("partner_servers"), environment)

    def identity(self) -> Program:
        """The identity provider for development, with which operators log in."""
        settings, secret = self._settings, self._secrets["oidc_client_secret"]
        environment = {**inherited_environment(), **operators.provider_environment(settings, self._secrets)}
        environment["OIDC_CLIENT_SECRET"] = secret
        return self._api("identity", "deploy.local.fake_oidc:create_app", settings.port("identity"), environment)

    def operators_seed(self) -> SetupCommand:
        """Command that makes the local accounts of the two operators. Existing ones stay."""
        module = ("-m", "services.accounts.operator_command", "import", str(self._directory.operators))
        return SetupCommand(
            "seed-operators", "运营人员 Operators", (sys.executable, *module), self.service_environment("accounts")
        )

    def apis(self) -> list[Program]:
        """The HTTP processes of the four services."""
        return [
            self._api(
                f"{service}-api",
                f"services.{service}.main:create_app",
                self._settings.port(service),
                self.service_environment(service),
                processes=self._settings.processes if service in CROWDED else 1,
            )
            for service in SERVICES
        ]

    def pages(self) -> Program:
        """The process that serves the documentation. No service serves it."""
        return self._api("pages", "deploy.pages.app:create_app", self._settings.port("pages"), inherited_environment())

    def workers(self) -> list[Program]:
        """The consuming processes of the four services."""
        programs = []
        for service in SERVICES:
            port = self._settings.port(f"{service}_worker")
            environment = self.service_environment(service)
            programs.append(
                Program(
                    name=f"{service}-worker",
                    command=(sys.executable, "-m", f"services.{service}.worker"),
                    environment={**environment, f"{service.upper()}_WORKER_HEALTH_PORT": str(port)},
                    port=port,
                    ready_url=f"http://{HOST}:{port}/readyz",
                    directory=ROOT,
                )
            )
        return programs

    def gateway(self) -> Program:
        """Envoy. Write its configuration first."""
        url = f"{self._settings.gateway_url}/api/v1/accounts/readyz"
        return Program(
            name="gateway",
            command=envoy_command(envoy_program(), self._directory.envoy, concurrency=GATEWAY_THREADS),
            environment=inherited_environment(),
            port=self._settings.port("gateway"),
            ready_url=url,
            directory=ROOT,
        )

    def gateway_settings(self) -> GatewaySettings:
        """Limits from GATEWAY_* of the environment, with the addresses of this stack."""
        addresses = {name: f"{HOST}:{self._settings.port(name)}" for name in (*SERVICES, "pages")}
        return GatewaySettings().model_copy(
            update={
                **addresses,
                "host": self._settings.gateway_host,
                "port": self._settings.port("gateway"),
                "admin_host": HOST,
                "admin_port": self._settings.port("envoy_admin"),
                "token_issuer": TOKEN_ISSUER,
                "token_audience": TOKEN_AUDIENCE,
            }
        )

    # --- environments ----------------------------------------------------------------------------------------------

    def event_log_url(self) -> str:
        """URL of the event log."""
        if self._settings.kafka_bootstrap_servers:
            return f"kafka://{self._settings.kafka_bootstrap_servers}"
        if self._settings.runs_kafka:
            return f"kafka://{HOST}:{self._settings.port('kafka')}"
        return self._dsn(EVENT_LOG)

    def service_environment(self, service: str) -> dict[str, str]:
        """Variables of one service, with its own secrets only.

        Other <SERVICE>_* variables of the caller pass through, for settings the stack does not set itself.
        """
        url, secret = self._settings.url, self._secrets
        values = {
            "database_url": self._dsn(service),
            "event_log_url": self.event_log_url(),
            "jwks_url": f"{url('accounts')}/api/v1/accounts/.well-known/jwks.json",
            "token_issuer": TOKEN_ISSUER,
            "time_zone": TIME_ZONE,
            "log_level": self._settings.log_level,
            "topic_prefix": self._settings.topic_prefix,
        }
        if service == "accounts":
            kept = ("wechat_app_id", "wechat_app_secret", "token_signing_key", "phone_pepper", "phone_encryption_key")
            values |= {name: secret[name] for name in (*kept, "account_ref_pepper")}
            values |= {"wechat_base_url": url("wechat"), "ingest_base_url": url("ingest")}
            values |= {"service_key": secret["accounts_service_key"], "accounting_base_url": url("accounting")}
            values |= {"rewards_base_url": url("rewards"), "meter_partners": "grid"}
            values |= {"service_callers": secret.service_callers("accounting", "rewards")}
            values |= {"partner_allow_loopback": "true"}
            values |= {"message_templates": json.dumps(MESSAGE_TEMPLATES)}
            values |= {"erasure_cooling_off_days": str(self._settings.erasure_days)}
            if self._settings.operators == "oidc":
                values |= {
                    "oidc_issuer": url("identity"),
                    "oidc_client_id": operators.CLIENT_ID,
                    "oidc_client_secret": secret["oidc_client_secret"],
                    "oidc_redirect_uri": operators.redirect_uri(self._settings),
                }
        elif service == "ingest":
            values |= {name: secret[name] for name in ("account_ref_pepper", "key_encryption_key")}
            values |= {"digest_signing_key": secret["ingest_digest_signing_key"]}
            values |= {"digest_file": str(self._directory.ingest_digests)}
            values |= {"service_callers": secret.service_callers("accounts")}
            values |= {"webhook_allow_loopback": "true"}  # partners' engineers receive webhooks on this machine
        elif service == "accounting":
            values |= {"service_key": secret["accounting_service_key"], "accounts_base_url": url("accounts")}
            values |= {"service_callers": secret.service_callers("accounts", "rewards")}
            values |= {"digest_signing_key": secret["digest_signing_key"], "digest_file": str(self._directory.digests)}
        elif service == "rewards":
            values |= {"service_key": secret["rewards_service_key"]}
            values |= {"accounting_base_url": url("accounting"), "voucher_key": secret["voucher_key"]}
            values |= {"public_base_url": self._settings.gateway_url}
            values |= {"service_callers": secret.service_callers("accounts")}
            values |= {"accounts_base_url": url("accounts")}
        prefix = f"{service.upper()}_"
        theirs = {name: value for name, value in os.environ.items() if name.startswith(prefix)}
        return {**inherited_environment(), **theirs, **{prefix + name.upper(): value for name, value in values.items()}}

    def _api(
        self, name: str, factory: str, port: int, environment: Mapping[str, str], *, processes: int = 1
    ) -> Program:
        options = ["--factory", "--host", HOST, "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
        if processes > 1:
            options += ["--workers", str(processes)]
            environment = {**environment, **self._of_several(name, processes)}
        grace = ("--no-access-log", "--timeout-graceful-shutdown", str(GRACEFUL_SHUTDOWN_S))
        return Program(
            name=name,
            command=(sys.executable, "-m", "uvicorn", factory, *options, *grace),
            environment=environment,
            port=port,
            ready_url=f"http://{HOST}:{port}/readyz",
            directory=ROOT,
        )

    def _of_several(self, name: str, processes: int) -> dict[str, str]:
        """Return variables of an API with several processes: one place for their metrics, smaller pools."""
        metrics = self._directory.metrics / name
        shutil.rmtree(metrics, ignore_errors=True)  # counters of an earlier run
        metrics.mkdir(parents=True)
        pool = f"{name.removesuffix('-api').upper()}_DATABASE_POOL_SIZE"
        return {"PROMETHEUS_MULTIPROC_DIR": str(metrics), pool: str(max(POOL_MIN, POOL_OF_ONE // processes))}

    def _dsn(self, role: str) -> str:
        between = self._settings.event_log_port if role == EVENT_LOG else self._settings.database_port
        admin_dsn = self._admin_dsn
        if between:
            parts = urlsplit(admin_dsn)
            admin_dsn = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{between}"))
        return role_dsn(admin_dsn, role, self._secrets.roles[role])


def inherited_environment() -> dict[str, str]:
    """Return the caller's variables that a child process gets."""
    found = {name: os.environ[name] for name in (*INHERITED_VARIABLES, RUN_MARK) if name in os.environ}
    return {**found, "PYTHONUNBUFFERED": "1"}


def stack_ports(settings: LocalSettings) -> dict[str, tuple[int, str]]:
    """Return every port of the stack: purpose → (number, the variable that changes it)."""
    names = [
        "gateway",
        "envoy_admin",
        *SERVICES,
        *(f"{service}_worker" for service in SERVICES),
        "pages",
        "wechat",
        "partner_servers",
        "postgres",
    ]
    if settings.operators == "oidc":
        names.append("identity")
    if settings.runs_kafka:
        names.append("kafka")
    return {name: (settings.port(name), f"{name.upper()}_PORT") for name in names}
