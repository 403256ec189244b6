-- Feedback and evaluations.
CREATE TABLE IF NOT EXISTS {{db}}.scores{{on_cluster}}
(
    event_id UUID,
    event_time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    observed_time DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    tenant_id LowCardinality(String),
    service_name LowCardinality(String),
    service_version LowCardinality(String),
    service_instance_id LowCardinality(String),
    environment LowCardinality(String),
    sdk_name LowCardinality(String),
    sdk_version LowCardinality(String),
    producer_id UUID CODEC(ZSTD(1)),
    sequence UInt64 CODEC(Delta(8), ZSTD(1)),
    trace_id String CODEC(ZSTD(3)),
    span_id String CODEC(ZSTD(3)),
    parent_span_id String CODEC(ZSTD(3)),
    conversation_id String CODEC(ZSTD(3)),
    turn_id String CODEC(ZSTD(3)),
    request_id String CODEC(ZSTD(3)),
    user_key String CODEC(ZSTD(3)),
    session_id String CODEC(ZSTD(3)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    retention_days Nullable(Int32) CODEC(ZSTD(1)),
    content_state LowCardinality(String),
    redaction_rules LowCardinality(String),
    redaction_hits Map(LowCardinality(String), UInt64),
    redaction_withheld Array(String) CODEC(ZSTD(3)),
    time_clamped Bool,
    ingest_time Nullable(DateTime64(6, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    target_event_id String CODEC(ZSTD(3)),
    name LowCardinality(String),
    data_type LowCardinality(String),
    value Nullable(Float64) CODEC(ZSTD(1)),
    label String CODEC(ZSTD(3)),
    explanation String CODEC(ZSTD(3)),
    correction String CODEC(ZSTD(3)),
    rejected_event_id String CODEC(ZSTD(3)),
    source LowCardinality(String),
    evaluator LowCardinality(String),
    source_partition Int32 CODEC(T64, ZSTD(1)),
    source_offset Int64 CODEC(DoubleDelta, ZSTD(1)),
    source_time DateTime64(6, 'UTC') DEFAULT event_time CODEC(Delta(8), ZSTD(1)),
    hold UInt8 DEFAULT 0,
    INDEX conversation_id_bloom conversation_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace_id_bloom trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX user_key_bloom user_key TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX target_event_id_bloom target_event_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine:ReplacingMergeTree}}
PARTITION BY toYYYYMM(event_time)
PRIMARY KEY (tenant_id, service_name, event_time)
ORDER BY (tenant_id, service_name, event_time, event_id)
TTL {{ttl:scores}}
SETTINGS {{dedup:10000}};
