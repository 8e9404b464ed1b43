"""Opens the event log of an address. Only the adapter in use is imported."""

from urllib.parse import urlsplit

from shared.eventlog.port import EventLog


def open_event_log(url: str, *, client_id: str) -> EventLog:
    """Make the log of `kafka://host:port[,host:port]` (plain), `kafkas://…` (TLS) or `postgresql://…` (embedded).

    Options of the Kafka forms: shared/eventlog/kafka_client.py. Opens no connection. `client_id` appears in the
    server's monitoring. Raises ValueError for any other address.
    """
    scheme = urlsplit(url).scheme
    if scheme in {"kafka", "kafkas"}:
        from shared.eventlog.kafka import KafkaEventLog

        return KafkaEventLog(url, client_id=client_id)
    if scheme in {"postgresql", "postgres"}:
        from shared.eventlog.postgres import PostgresEventLog

        return PostgresEventLog(url, client_id=client_id)
    raise ValueError("an event log address begins with kafka://, kafkas:// or postgresql://")
