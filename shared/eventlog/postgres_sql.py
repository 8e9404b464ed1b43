"""Tables and statements of the embedded log. All names lie in the schema `eventlog`.

A publish is one statement, so one round trip and one transaction. It first locks the heads of its partitions, in order,
until the commit: offsets have no gaps, and a reader that sees an offset sees all offsets before it.

A row holds the records of one publish and partition, packed: `offset` is that of the first, `records` is their number.
On a compacted topic, where records are deleted one by one, each has its own row with key, value and headers.
"""

SETUP_LOCK = 0x6576656E746C6F67  # "eventlog", advisory: processes that start together must not create tables together

SETUP = """
CREATE TABLE IF NOT EXISTS eventlog.topic (
    topic_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text NOT NULL UNIQUE,
    compacted boolean NOT NULL
);
CREATE TABLE IF NOT EXISTS eventlog.partition (
    topic_id     integer NOT NULL REFERENCES eventlog.topic ON DELETE CASCADE,
    partition    integer NOT NULL CHECK (partition >= 0),
    first_offset bigint NOT NULL DEFAULT 0 CHECK (first_offset >= 0),
    next_offset  bigint NOT NULL DEFAULT 0 CHECK (next_offset >= first_offset),
    PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE TABLE IF NOT EXISTS eventlog.record (
    topic_id    integer NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    appended_at timestamptz NOT NULL,
    key         bytea NOT NULL,
    value       bytea,
    headers     bytea,
    PRIMARY KEY (topic_id, partition, "offset")
);
ALTER TABLE eventlog.record ADD COLUMN IF NOT EXISTS records integer NOT NULL DEFAULT 1 CHECK (records > 0);
ALTER TABLE eventlog.record ADD COLUMN IF NOT EXISTS batch bytea;
ALTER TABLE eventlog.record ALTER COLUMN batch SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS eventlog.progress (
    consumer  text NOT NULL,
    topic     text NOT NULL,
    partition integer NOT NULL,
    position  bigint NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
);
"""

# Whether the tables of SETUP exist in their present form.
IS_SET_UP = """
SELECT to_regclass('eventlog.progress') IS NOT NULL AND EXISTS (
    SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('eventlog.record') AND attname = 'batch')
"""

# $1 topic  $2 its partitions in this write, $3 number of records for each
# per batch: $4 partition, $5 place of its first record among the records of its partition, $6 records, $7 packed
# Locks and failures are as in APPEND.
APPEND_BATCHES = """
WITH head AS MATERIALIZED (
    SELECT p.topic_id, p.partition, p.next_offset
    FROM eventlog.topic t JOIN eventlog.partition p USING (topic_id)
    WHERE t.name = $1 AND p.partition = ANY($2::int[])
    ORDER BY p.partition
    FOR UPDATE OF p
), moved AS (
    UPDATE eventlog.partition p
    SET next_offset = head.next_offset + n.records
    FROM head JOIN unnest($2::int[], $3::int[]) AS n(partition, records) USING (partition)
    WHERE p.topic_id = head.topic_id AND p.partition = head.partition
)
INSERT INTO eventlog.record (topic_id, partition, "offset", appended_at, key, records, batch)
SELECT head.topic_id, b.partition, head.next_offset + b.place, clock_timestamp(), '', b.records, b.batch
FROM unnest($4::int[], $5::int[], $6::int[], $7::bytea[]) AS b(partition, place, records, batch)
LEFT JOIN head USING (partition)
"""

# $1 topic  $2 its partitions in this write, $3 number of records for each
# per record: $4 partition, $5 place among the records of its partition, $6 key, $7 value, $8 headers
# For a partition that does not exist "offset" is null, which fails the whole statement.
# clock_timestamp(), not now(): it is read while the lock is held, so it never runs backwards within a partition.
APPEND = """
WITH head AS MATERIALIZED (
    SELECT p.topic_id, p.partition, p.next_offset
    FROM eventlog.topic t JOIN eventlog.partition p USING (topic_id)
    WHERE t.name = $1 AND p.partition = ANY($2::int[])
    ORDER BY p.partition
    FOR UPDATE OF p
), moved AS (
    UPDATE eventlog.partition p
    SET next_offset = head.next_offset + n.records
    FROM head JOIN unnest($2::int[], $3::int[]) AS n(partition, records) USING (partition)
    WHERE p.topic_id = head.topic_id AND p.partition = head.partition
)
INSERT INTO eventlog.record (topic_id, partition, "offset", appended_at, key, value, headers)
SELECT head.topic_id, r.partition, head.next_offset + r.place, clock_timestamp(), r.key, r.value, r.headers
FROM unnest($4::int[], $5::int[], $6::bytea[], $7::bytea[], $8::bytea[]) AS r(partition, place, key, value, headers)
LEFT JOIN head USING (partition)
"""

# $1 topics, $2 partitions (pairs)
HEADS = """
SELECT p.first_offset, p.next_offset, t.compacted
FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS asked(topic, partition, place)
LEFT JOIN eventlog.topic t ON t.name = asked.topic
LEFT JOIN eventlog.partition p ON p.topic_id = t.topic_id AND p.partition = asked.partition
ORDER BY asked.place
"""

# $1 topics, $2 partitions, $3 positions (triples), $4 records and $5 bytes at most per partition, at least one row.
# The first row is the last one that begins at or before the position: the position may be inside of a batch.
READ = """
SELECT asked.place, r."offset", r.key, r.value, r.headers, r.appended_at, r.batch
FROM unnest($1::text[], $2::int[], $3::bigint[]) WITH ORDINALITY AS asked(topic, partition, position, place)
JOIN eventlog.topic t ON t.name = asked.topic
CROSS JOIN LATERAL (
    SELECT s.*, sum(s.bytes) OVER (ORDER BY s."offset" ROWS UNBOUNDED PRECEDING) - s.bytes AS bytes_before
    FROM (
        SELECT "offset", key, value, headers, appended_at, batch,
               octet_length(key) + coalesce(octet_length(value), octet_length(batch), 0) AS bytes
        FROM eventlog.record
        WHERE topic_id = t.topic_id AND partition = asked.partition AND "offset" + records > asked.position
          AND (batch IS NULL OR "offset" < asked.position + $4)
          AND "offset" >= coalesce((
              SELECT max(f."offset") FROM eventlog.record f
              WHERE f.topic_id = t.topic_id AND f.partition = asked.partition AND f."offset" <= asked.position
          ), asked.position)
        ORDER BY "offset"
        LIMIT $4
    ) s
) r
WHERE r.bytes_before < $5
ORDER BY asked.place, r."offset"
"""

TOPIC = """
SELECT t.compacted, count(p.partition) AS partitions
FROM eventlog.topic t LEFT JOIN eventlog.partition p USING (topic_id)
WHERE t.name = $1
GROUP BY t.topic_id
"""

CREATE_TOPIC = """
WITH made AS (
    INSERT INTO eventlog.topic (name, compacted) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING topic_id
)
INSERT INTO eventlog.partition (topic_id, partition) SELECT made.topic_id, n FROM made, generate_series(0, $3 - 1) AS n
"""

STORE_PROGRESS = """
INSERT INTO eventlog.progress (consumer, topic, partition, position, at)
SELECT $1, n.topic, n.partition, n.position, now()
FROM unnest($2::text[], $3::int[], $4::bigint[]) AS n(topic, partition, position)
ON CONFLICT (consumer, topic, partition) DO UPDATE SET position = excluded.position, at = excluded.at
"""

ALL_PARTITIONS = """
SELECT p.topic_id, p.partition, t.compacted
FROM eventlog.partition p JOIN eventlog.topic t USING (topic_id)
ORDER BY p.topic_id, p.partition
"""

# $1 topic_id  $2 partition  $3 age  $4 rows at most. Append times never run backwards, so the old ones are a prefix.
TRIM_BY_AGE = """
WITH head AS MATERIALIZED (
    SELECT first_offset FROM eventlog.partition WHERE topic_id = $1 AND partition = $2 FOR UPDATE
), old AS MATERIALIZED (
    SELECT max("offset") AS last, max("offset" + records) AS following
    FROM (
        SELECT r."offset", r.records, r.appended_at FROM eventlog.record r, head
        WHERE r.topic_id = $1 AND r.partition = $2 ORDER BY r."offset" LIMIT $4
    ) oldest
    WHERE appended_at < clock_timestamp() - $3::interval
), gone AS (
    DELETE FROM eventlog.record
    WHERE topic_id = $1 AND partition = $2 AND "offset" <= (SELECT last FROM old)
    RETURNING records
), moved AS (
    UPDATE eventlog.partition SET first_offset = old.following FROM old
    WHERE topic_id = $1 AND partition = $2 AND old.last IS NOT NULL
)
SELECT coalesce(sum(records), 0)::bigint FROM gone
"""

# Deletes superseded records and expired tombstones. first_offset stays: a consumer that starts at the beginning still
# reads the last record of every key, which is all that compaction promises.
COMPACT = """
WITH ranked AS (
    SELECT "offset", value IS NULL AND appended_at < clock_timestamp() - $3::interval AS expired,
           lead("offset") OVER (PARTITION BY key ORDER BY "offset") IS NOT NULL AS superseded
    FROM eventlog.record WHERE topic_id = $1 AND partition = $2
), gone AS (
    DELETE FROM eventlog.record
    WHERE topic_id = $1 AND partition = $2
      AND "offset" = ANY(ARRAY(SELECT "offset" FROM ranked WHERE superseded OR expired ORDER BY "offset" LIMIT $4))
    RETURNING 1
)
SELECT count(*) FROM gone
"""
