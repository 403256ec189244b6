-- The account of every producer: which of its sequence numbers are stored and which are dead letters, as bitmaps, so that a
-- number counted twice is counted once; and what it said itself in its reports.
CREATE TABLE IF NOT EXISTS {{db}}.account_parts{{on_cluster}}
(
    producer_id UUID,
    tenant_id SimpleAggregateFunction(max, String),
    service_name SimpleAggregateFunction(max, String),
    first_time SimpleAggregateFunction(min, DateTime64(6, 'UTC')) DEFAULT toDateTime64('2200-01-01 00:00:00', 6, 'UTC'),
    last_time SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    stored AggregateFunction(groupBitmap, UInt64),
    dead AggregateFunction(groupBitmap, UInt64),
    reported_sent SimpleAggregateFunction(max, UInt64),
    dropped SimpleAggregateFunction(maxMap, Map(String, UInt64))
)
ENGINE = {{engine:AggregatingMergeTree}}
ORDER BY producer_id
TTL {{ttl:account_parts}}
SETTINGS {{dedup:10000}};

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_calls{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.calls AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_steps{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.steps AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_logs{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored,
    max(if(event_name = 'turnlog.producer.report', toUInt64OrZero(attributes['sent']), 0)) AS reported_sent,
    maxMap(if(event_name = 'turnlog.producer.report', mapApply((reason, number) -> (substring(reason, 9), toUInt64OrZero(number)), mapFilter((reason, number) -> startsWith(reason, 'dropped.'), attributes)), map())) AS dropped
FROM {{db}}.logs AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_debug{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.debug AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_security{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.security AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_scores{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.scores AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_deployments{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.deployments AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_model_versions{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.model_versions AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_datasets{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    producer_id,
    max(tenant_id) AS tenant_id,
    max(service_name) AS service_name,
    min(row.source_time) AS first_time,
    max(row.source_time) AS last_time,
    groupBitmapState(sequence) AS stored
FROM {{db}}.datasets AS row
GROUP BY producer_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.account_of_dead_letters{{on_cluster}} TO {{db}}.account_parts AS
SELECT
    toUUIDOrZero(letter.producer_id) AS producer_id,
    min(source_time) AS first_time,
    max(source_time) AS last_time,
    groupBitmapState(toUInt64(assumeNotNull(sequence))) AS dead
FROM {{db}}.dead_letters AS letter
WHERE sequence >= 0 AND toUUIDOrZero(letter.producer_id) != toUUID('00000000-0000-0000-0000-000000000000')
GROUP BY producer_id;

-- What every producer sent, and what became of it. closed: its last event is its own report, so that none can be missing
-- behind it.
CREATE VIEW IF NOT EXISTS {{db}}.account{{on_cluster}} AS
SELECT
    producer_id, tenant_id, service_name, first_time, last_time, sent, stored, dead, dropped, dropped_total,
    if(sent > accounted, sent - accounted, 0) AS missing,
    missing = 0 AS balanced,
    closed
FROM
(
    SELECT
        producer_id,
        max(part.tenant_id) AS tenant_id,
        max(part.service_name) AS service_name,
        min(part.first_time) AS first_time,
        max(part.last_time) AS last_time,
        groupBitmapMergeState(part.stored) AS stored_numbers,
        groupBitmapMergeState(part.dead) AS dead_numbers,
        bitmapOr(stored_numbers, dead_numbers) AS numbers,
        bitmapCardinality(stored_numbers) AS stored,
        bitmapAndnotCardinality(dead_numbers, stored_numbers) AS dead,
        maxMap(part.dropped) AS dropped,
        arraySum(mapValues(dropped)) AS dropped_total,
        greatest(max(part.reported_sent), if(bitmapCardinality(numbers) = 0, 0, bitmapMax(numbers) + 1)) AS sent,
        stored + dead + dropped_total AS accounted,
        max(part.reported_sent) = sent AND sent > 0 AS closed
    FROM {{db}}.account_parts AS part
    GROUP BY producer_id
);

-- Sequence numbers that are neither stored nor dead, as up to a hundred ranges (first, last); the reported drops are among them.
CREATE VIEW IF NOT EXISTS {{db}}.producer_gaps{{on_cluster}} AS
SELECT
    producer_id, service_name, last_time, missing,
    arraySlice(arrayFilter(gap -> gap.2 >= gap.1, arrayMap(
        (before, after) -> (before + 1, after - 1),
        arrayPushFront(present, toInt64(-1)),
        arrayPushBack(present, toInt64(sent)))), 1, 100) AS gaps
FROM
(
    SELECT
        producer_id,
        any(book.service_name) AS service_name,
        any(book.last_time) AS last_time,
        any(book.missing) AS missing,
        any(book.sent) AS sent,
        arraySort(arrayMap(number -> toInt64(number), bitmapToArray(bitmapOr(groupBitmapMergeState(part.stored), groupBitmapMergeState(part.dead))))) AS present
    FROM {{db}}.account_parts AS part
    INNER JOIN {{db}}.account AS book USING (producer_id)
    WHERE book.missing > 0
    GROUP BY producer_id
);
