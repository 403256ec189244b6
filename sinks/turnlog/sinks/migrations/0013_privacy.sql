-- What people asked for, and how far it got. An erasure that is active is swept for: what arrives late stays erased.
CREATE TABLE IF NOT EXISTS {{db}}.privacy_requests{{on_cluster}}
(
    tenant_id LowCardinality(String),
    request_id String,
    kind LowCardinality(String),
    state LowCardinality(String),
    range_from DateTime64(6, 'UTC'),
    range_to DateTime64(6, 'UTC'),
    scope Array(LowCardinality(String)),
    changed_time DateTime64(6, 'UTC')
)
ENGINE = {{engine:ReplacingMergeTree(changed_time)}}
ORDER BY (tenant_id, request_id)
TTL {{ttl:privacy_requests}}
SETTINGS {{dedup:10000}};

-- What tells that a row is a subject's: tokens, chats, traces and calls, found before anything was deleted.
CREATE TABLE IF NOT EXISTS {{db}}.privacy_marks{{on_cluster}}
(
    tenant_id LowCardinality(String),
    request_id String,
    class LowCardinality(String),
    value String CODEC(ZSTD(3)),
    made_time DateTime DEFAULT now(),
    INDEX value_bloom value TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY (tenant_id, request_id, class, value)
TTL {{ttl:privacy_marks}}
SETTINGS {{dedup:10000}};

-- Which events are to be erased, or were: noted before they go, and only what is noted goes. So each is counted, and once,
-- however often an erasure begins anew and whatever arrives meanwhile.
CREATE TABLE IF NOT EXISTS {{db}}.privacy_erased{{on_cluster}}
(
    tenant_id LowCardinality(String),
    request_id String,
    source_table LowCardinality(String),
    event_id UUID,
    noted_time DateTime DEFAULT now()
)
ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY (tenant_id, request_id, source_table, event_id)
TTL {{ttl:privacy_erased}}
SETTINGS {{dedup:10000}};
