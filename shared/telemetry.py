"""Logs, request ids, and all metrics of the platform in one place."""

import logging
import re
import sys
from contextvars import ContextVar

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, multiprocess

from shared.ids import new_id

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_REQUEST_ID_FORMAT = re.compile(r"[A-Za-z0-9._:-]{1,64}")

PROBLEMS = Counter("carbon_problems", "Problem documents answered", ["code"])
HTTP_SECONDS = Histogram("carbon_http_seconds", "Seconds from first byte to answer", ["method", "route", "status"])
CONSUMED = Counter("carbon_consumed_records", "Records whose effects are committed", ["consumer"])
# A lane is one of the consumers of one name in this process; they share its partitions.
CONSUMER_LAG = Gauge("carbon_consumer_lag_records", "Records in the log not yet consumed", ["consumer", "lane"])
CONSUMER_FENCED = Counter(
    "carbon_consumer_fenced", "Transactions refused because another worker took over", ["consumer"]
)
CONSUMER_FAILURES = Counter("carbon_consumer_failures", "Polls rolled back by an error and retried", ["consumer"])
CONSUMER_STOPPED = Gauge(
    "carbon_consumer_stopped", "1 while a consumer stands still before a flood of invalid records", ["consumer", "lane"]
)
DEAD_LETTERS = Counter("carbon_dead_letters", "Records set aside", ["consumer", "reason"])
OUTBOX_PENDING = Gauge("carbon_outbox_pending_rows", "Outbox rows waiting for the log", ["service"])
EVENTS_INTAKE = Counter("carbon_intake_events", "Events answered", ["partner", "status"])
PARTNER_REFUSED = Counter("carbon_partner_refused", "Requests over a partner's limits", ["partner", "code"])
PARTNER_BUDGET_USED = Gauge(
    "carbon_partner_budget_used_ratio", "Of the day's events; 1 is the stop and an alarm", ["partner"]
)
ACTS_JUDGED = Counter("carbon_acts_judged", "Acts judged", ["status", "reason"])
WEBHOOK_ATTEMPTS = Counter("carbon_webhook_attempts", "Tries to send results to partners", ["partner", "outcome"])
WEBHOOKS_DISABLED = Counter("carbon_webhooks_disabled", "Partners' addresses given up", ["reason"])
MESSAGES = Counter(
    "carbon_messages", "Attempts to send subscribe messages; a failed one is an alarm", ["kind", "outcome"]
)
OPERATOR_LOOK_UPS = Counter(
    "carbon_operator_look_ups", "Operators' look-ups of people; any refused one is an alarm", ["outcome"]
)
OPERATOR_LOOK_UPS_MOST = Gauge(
    "carbon_operator_look_ups_most", "Look-ups by one operator in the last hour; 20 or more is an alarm"
)
ERASURES_OPEN = Gauge(
    "carbon_erasures_open", "Erasures that are planned, or that a service has not answered", ["status"]
)
ERASURES_STUCK = Gauge("carbon_erasures_stuck", "Erasures that run for more than a day; anything but 0 is an alarm")
OPERATOR_LOG_INS = Counter("carbon_operator_log_ins", "Log-ins of operators; a locked one is an alarm", ["outcome"])
LEDGER_DRIFT_MG = Gauge("carbon_ledger_drift_mg", "Balances minus postings; anything but 0 is an alarm")
LEDGER_SWEEP_AGE_S = Gauge(
    "carbon_ledger_sweep_age_seconds", "Since the running check last reached every balance; over 86,400 is an alarm"
)
METHODOLOGY_REFUSED = Gauge(
    "carbon_methodology_refused", "Methodologies and factors whose content is not the approved one; 0 or an alarm"
)
SEAL_FINDINGS = Gauge(
    "carbon_seal_findings", "Differences that the recheck of seals and equations found; 0 or an alarm"
)
RECORD_FINDINGS = Gauge(
    "carbon_record_findings",
    "Partners and keys without proof, and records of ingest that differ from their seals; 0 or an alarm",
    ["check"],
)
RECORDS_CHECKED = Gauge(
    "carbon_records_checked_timestamp_seconds", "When the seals of ingest's records were last rechecked completely"
)
SEAL_CHECKED_DAY = Gauge("carbon_seal_checked_timestamp_seconds", "When the last complete recheck of the seals ended")
REWARD_STOCK = Gauge("carbon_reward_stock_pieces", "Pieces of an item that can still be redeemed", ["item"])
BUDGET_LEFT_FEN = Gauge("carbon_reward_budget_left_fen", "Money of a budget that new orders may cost", ["budget"])
BUDGET_USED_PERCENT = Gauge(
    "carbon_reward_budget_used_percent", "Reserved and spent part of an open budget; the alarm is at 80", ["budget"]
)
SETTLEMENTS_STUCK = Gauge("carbon_settlements_stuck", "Orders and donations that should have ended long ago", ["kind"])

LARGEST_CREDIT_MG = Gauge(
    "carbon_largest_credit_mg",
    "Largest of the current day: one credit, or an account's credits in an hour; over 300,000,000 is an alarm",
    ["span"],
)
RECONCILIATION_DIFFERENCES = Gauge(
    "carbon_reconciliation_differences",
    "Orders, donations and holds that differ between rewards and accounting; anything but 0 is an alarm",
    ["difference"],
)
RECONCILIATION_AGE_S = Gauge(
    "carbon_reconciliation_age_seconds", "Since the last finished reconciliation began; over 108,000 is an alarm"
)


def registry() -> CollectorRegistry:
    """Return the metrics of this process, or of all processes that write to PROMETHEUS_MULTIPROC_DIR."""
    together = CollectorRegistry()
    try:
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    except ValueError:  # the variable is not set
        return REGISTRY
    return together


def configure_logging(service: str, level: str) -> None:
    """Log JSON lines to stderr, each with an event name and fields. The context (service, request id) is added."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Client libraries log full addresses at INFO, and one of them carries a secret in its query (WeChat login).
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # aiokafka logs ten error lines a second while a broker is away; the adapter of the log reports outages itself.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def current_request_id() -> str:
    return _request_id.get()


def begin_request(offered: str | None) -> str:
    """Use the caller's request id if it has only harmless characters, else a new one. Return it."""
    request_id = offered if offered and _REQUEST_ID_FORMAT.fullmatch(offered) else str(new_id())
    _request_id.set(request_id)
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id
