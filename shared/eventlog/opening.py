"""From an address to an adapter; only the adapter that is used gets imported."""

from urllib.parse import urlsplit

from shared.eventlog.port import EventLog


def open_event_log(url: str, *, client_id: str) -> EventLog:
    """`kafka://host:port[,host:port]` (plain), `kafkas://…` (TLS), `postgresql://…` (embedded log).

    Options of the Kafka forms: shared/eventlog/kafka.py. Opens no connection. `client_id` shows in the server's own
    monitoring. Raises ValueError for anything else.
    """
    scheme = urlsplit(url).scheme
    if scheme in {"kafka", "kafkas"}:
        from shared.eventlog.kafka import KafkaEventLog

        return KafkaEventLog(url, client_id=client_id)
    if scheme in {"postgresql", "postgres"}:
        from shared.eventlog.postgres import PostgresEventLog

        return PostgresEventLog(url, client_id=client_id)
    raise ValueError("an event log address begins with kafka://, kafkas:// or postgresql://")
