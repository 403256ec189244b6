-- Ten-second panes, their hourly sums, and rolling windows. A row is an absolute value; of the same key the highest version is
-- true, so ask the views. A pane's age counts from its generation where that is later: events that come late re-open no
-- partition that is about to go, and a pane is final long before it is summed up.
CREATE TABLE IF NOT EXISTS {{db}}.panes_versions{{on_cluster}}
(
    tenant_id LowCardinality(String),
    service_name LowCardinality(String),
    environment LowCardinality(String),
    provider_name LowCardinality(String),
    model LowCardinality(String),
    model_version_id LowCardinality(String),
    deployment_id LowCardinality(String),
    variant LowCardinality(String),
    operation_name LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition Int32,
    pane_start DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    generation DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    last_offset Int64 CODEC(T64, ZSTD(1)),
    calls UInt64 CODEC(T64, ZSTD(1)),
    errors UInt64 CODEC(T64, ZSTD(1)),
    errors_by_type Map(LowCardinality(String), UInt64),
    latency_sum_us UInt64 CODEC(T64, ZSTD(1)),
    first_chunk_count UInt64 CODEC(T64, ZSTD(1)),
    first_chunk_sum_us UInt64 CODEC(T64, ZSTD(1)),
    tokens Map(LowCardinality(String), UInt64),
    cost Decimal(18, 9) CODEC(ZSTD(1)),
    redaction_hits Map(LowCardinality(String), UInt64),
    security_events UInt64 CODEC(T64, ZSTD(1)),
    security_by_category Map(LowCardinality(String), UInt64),
    latency Map(Int16, UInt64) CODEC(ZSTD(1)),
    first_chunk Map(Int16, UInt64) CODEC(ZSTD(1)),
    late_events UInt64 CODEC(T64, ZSTD(1)),
    clamped_events UInt64 CODEC(T64, ZSTD(1)),
    INDEX pane_start_minmax pane_start TYPE minmax GRANULARITY 1
)
ENGINE = {{engine:ReplacingMergeTree(last_offset)}}
PARTITION BY toDate(greatest(pane_start, generation))
PRIMARY KEY (tenant_id, service_name, pane_start)
ORDER BY (tenant_id, service_name, pane_start, generation, source_topic, source_partition, environment, provider_name, model, model_version_id, deployment_id, variant, operation_name)
TTL {{ttl:panes_versions}}
SETTINGS {{dedup:10000}}, ttl_only_drop_parts = 1;

CREATE VIEW IF NOT EXISTS {{db}}.panes{{on_cluster}} AS SELECT * FROM {{db}}.panes_versions FINAL;

CREATE TABLE IF NOT EXISTS {{db}}.panes_hourly_versions{{on_cluster}}
(
    tenant_id LowCardinality(String),
    service_name LowCardinality(String),
    environment LowCardinality(String),
    provider_name LowCardinality(String),
    model LowCardinality(String),
    model_version_id LowCardinality(String),
    deployment_id LowCardinality(String),
    variant LowCardinality(String),
    operation_name LowCardinality(String),
    hour DateTime('UTC'),
    closed_date Date,
    rolled_time DateTime('UTC'),
    calls UInt64 CODEC(T64, ZSTD(1)),
    errors UInt64 CODEC(T64, ZSTD(1)),
    errors_by_type Map(LowCardinality(String), UInt64),
    latency_sum_us UInt64 CODEC(T64, ZSTD(1)),
    first_chunk_count UInt64 CODEC(T64, ZSTD(1)),
    first_chunk_sum_us UInt64 CODEC(T64, ZSTD(1)),
    tokens Map(LowCardinality(String), UInt64),
    cost Decimal(38, 9) CODEC(ZSTD(1)),
    redaction_hits Map(LowCardinality(String), UInt64),
    security_events UInt64 CODEC(T64, ZSTD(1)),
    security_by_category Map(LowCardinality(String), UInt64),
    latency Map(Int16, UInt64) CODEC(ZSTD(1)),
    first_chunk Map(Int16, UInt64) CODEC(ZSTD(1)),
    late_events UInt64 CODEC(T64, ZSTD(1)),
    clamped_events UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = {{engine:ReplacingMergeTree(rolled_time)}}
PARTITION BY toYYYYMM(closed_date)
PRIMARY KEY (tenant_id, service_name, hour)
ORDER BY (tenant_id, service_name, hour, closed_date, environment, provider_name, model, model_version_id, deployment_id, variant, operation_name)
TTL {{ttl:panes_hourly_versions}}
SETTINGS {{dedup:10000}}, ttl_only_drop_parts = 1;

CREATE VIEW IF NOT EXISTS {{db}}.panes_hourly{{on_cluster}} AS SELECT * FROM {{db}}.panes_hourly_versions FINAL;

-- Sums up the days that are complete. It may run at any time and as often as it likes: a later sum replaces an earlier one.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.panes_rollup{{on_cluster}}
REFRESH EVERY 6 HOUR APPEND TO {{db}}.panes_hourly_versions AS
SELECT
    tenant_id, service_name, environment, provider_name, model, model_version_id, deployment_id, variant, operation_name,
    toStartOfHour(toDateTime(pane.pane_start, 'UTC')) AS hour,
    toDate(greatest(pane.pane_start, pane.generation), 'UTC') AS closed_date,
    now('UTC') AS rolled_time,
    sum(pane.calls) AS calls,
    sum(pane.errors) AS errors,
    sumMap(pane.errors_by_type) AS errors_by_type,
    sum(pane.latency_sum_us) AS latency_sum_us,
    sum(pane.first_chunk_count) AS first_chunk_count,
    sum(pane.first_chunk_sum_us) AS first_chunk_sum_us,
    sumMap(pane.tokens) AS tokens,
    sum(pane.cost) AS cost,
    sumMap(pane.redaction_hits) AS redaction_hits,
    sum(pane.security_events) AS security_events,
    sumMap(pane.security_by_category) AS security_by_category,
    sumMap(pane.latency) AS latency,
    sumMap(pane.first_chunk) AS first_chunk,
    sum(pane.late_events) AS late_events,
    sum(pane.clamped_events) AS clamped_events
FROM {{db}}.panes_versions AS pane FINAL
WHERE closed_date BETWEEN today() - 4 AND today() - 2
GROUP BY tenant_id, service_name, environment, provider_name, model, model_version_id, deployment_id, variant, operation_name, hour, closed_date;

CREATE TABLE IF NOT EXISTS {{db}}.rolling_versions{{on_cluster}}
(
    tenant_id LowCardinality(String),
    service_name LowCardinality(String),
    environment LowCardinality(String),
    provider_name LowCardinality(String),
    model LowCardinality(String),
    model_version_id LowCardinality(String),
    deployment_id LowCardinality(String),
    variant LowCardinality(String),
    operation_name LowCardinality(String),
    window_seconds UInt32,
    window_end DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    version Int64 CODEC(T64, ZSTD(1)),
    calls UInt64 CODEC(T64, ZSTD(1)),
    errors UInt64 CODEC(T64, ZSTD(1)),
    errors_by_type Map(LowCardinality(String), UInt64),
    latency_sum_us UInt64 CODEC(T64, ZSTD(1)),
    first_chunk_count UInt64 CODEC(T64, ZSTD(1)),
    first_chunk_sum_us UInt64 CODEC(T64, ZSTD(1)),
    tokens Map(LowCardinality(String), UInt64),
    cost Decimal(18, 9) CODEC(ZSTD(1)),
    redaction_hits Map(LowCardinality(String), UInt64),
    security_events UInt64 CODEC(T64, ZSTD(1)),
    security_by_category Map(LowCardinality(String), UInt64),
    error_rate Float64 CODEC(ZSTD(1)),
    latency_p50_us Nullable(Float64) CODEC(ZSTD(1)),
    latency_p95_us Nullable(Float64) CODEC(ZSTD(1)),
    latency_p99_us Nullable(Float64) CODEC(ZSTD(1)),
    first_chunk_p50_us Nullable(Float64) CODEC(ZSTD(1)),
    first_chunk_p95_us Nullable(Float64) CODEC(ZSTD(1)),
    first_chunk_p99_us Nullable(Float64) CODEC(ZSTD(1)),
    calls_per_second Float64 CODEC(ZSTD(1)),
    tokens_per_second Float64 CODEC(ZSTD(1)),
    cost_per_hour Float64 CODEC(ZSTD(1)),
    stored_time DateTime('UTC') DEFAULT now()
)
ENGINE = {{engine:ReplacingMergeTree(version)}}
PARTITION BY toDate(stored_time)
PRIMARY KEY (tenant_id, service_name, window_seconds, window_end)
ORDER BY (tenant_id, service_name, window_seconds, window_end, environment, provider_name, model, model_version_id, deployment_id, variant, operation_name)
TTL {{ttl:rolling_versions}}
SETTINGS {{dedup:10000}}, ttl_only_drop_parts = 1;

CREATE VIEW IF NOT EXISTS {{db}}.rolling{{on_cluster}} AS SELECT * FROM {{db}}.rolling_versions FINAL;
