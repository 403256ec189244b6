-- What could not be processed, and why. The bytes stay in Kafka: they may hold what was never redacted.
CREATE TABLE IF NOT EXISTS {{db}}.dead_letters{{on_cluster}}
(
    source_topic LowCardinality(String),
    source_partition Int32,
    source_offset Int64,
    source_time DateTime64(6, 'UTC'),
    dead_time DateTime64(6, 'UTC'),
    stage LowCardinality(String),
    error_class LowCardinality(String),
    error_message String CODEC(ZSTD(3)),
    schema_fingerprint LowCardinality(String),
    producer_id String CODEC(ZSTD(1)),
    sequence Nullable(Int64),
    payload_size UInt64,
    payload_sha256 String
)
ENGINE = {{engine:ReplacingMergeTree}}
PARTITION BY toYYYYMM(source_time)
ORDER BY (stage, source_topic, source_partition, source_offset)
TTL {{ttl:dead_letters}}
SETTINGS {{dedup:10000}}, ttl_only_drop_parts = 1;
