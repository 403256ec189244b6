-- How many events a row stands for. A producer may keep one conversation in N; what is left has the weight N, and what is
-- always kept, such as errors, has 1. Sums by weight estimate all events without bias, and with weights of 1 they are what
-- they were. Panes and rolling windows are summed by weight before they come here.
ALTER TABLE {{db}}.calls{{on_cluster}} ADD COLUMN IF NOT EXISTS sample_weight UInt32 DEFAULT 1 CODEC(T64, ZSTD(1)) AFTER ingest_time;
ALTER TABLE {{db}}.steps{{on_cluster}} ADD COLUMN IF NOT EXISTS sample_weight UInt32 DEFAULT 1 CODEC(T64, ZSTD(1)) AFTER ingest_time;
ALTER TABLE {{db}}.logs{{on_cluster}} ADD COLUMN IF NOT EXISTS sample_weight UInt32 DEFAULT 1 CODEC(T64, ZSTD(1)) AFTER ingest_time;
ALTER TABLE {{db}}.debug{{on_cluster}} ADD COLUMN IF NOT EXISTS sample_weight UInt32 DEFAULT 1 CODEC(T64, ZSTD(1)) AFTER ingest_time;
ALTER TABLE {{db}}.security{{on_cluster}} ADD COLUMN IF NOT EXISTS sample_weight UInt32 DEFAULT 1 CODEC(T64, ZSTD(1)) AFTER ingest_time;
ALTER TABLE {{db}}.scores{{on_cluster}} ADD COLUMN IF NOT EXISTS sample_weight UInt32 DEFAULT 1 CODEC(T64, ZSTD(1)) AFTER ingest_time;

-- Cost and tokens by model and day.
CREATE OR REPLACE VIEW {{db}}.cost_by_model{{on_cluster}} AS
SELECT
    tenant_id, service_name, toDate(event_time) AS day, provider_name,
    if(response_model = '', request_model, response_model) AS model, model_version_id, cost_currency,
    sum(call.sample_weight) AS calls,
    sum(call.cost * call.sample_weight) AS cost,
    sumIf(call.sample_weight, call.cost IS NULL) AS calls_without_price,
    sum(usage_input_tokens * call.sample_weight) AS input_tokens,
    sum(usage_cache_read_input_tokens * call.sample_weight) AS cache_read_input_tokens,
    sum(usage_output_tokens * call.sample_weight) AS output_tokens
FROM {{db}}.calls AS call
GROUP BY tenant_id, service_name, day, provider_name, model, model_version_id, cost_currency;

-- A chatbot's calls in the half hour before and after each deployment event, cut off at the neighbouring events.
CREATE OR REPLACE VIEW {{db}}.deployment_effect{{on_cluster}} AS
SELECT
    deployment.tenant_id AS tenant_id, chatbot, deployment.event_time AS event_time, deployment.action AS action,
    deployment.state AS state, deployment.deployment_id AS deployment_id, deployment.model_version_id AS model_version_id,
    deployment.previous_model_version_id AS previous_model_version_id, deployment.traffic_percent AS traffic_percent,
    deployment.reason AS reason,
    earlier.calls AS calls_before, later.calls AS calls_after,
    earlier.error_rate AS error_rate_before, later.error_rate AS error_rate_after,
    earlier.p50_ms AS p50_ms_before, later.p50_ms AS p50_ms_after,
    earlier.p95_ms AS p95_ms_before, later.p95_ms AS p95_ms_after,
    earlier.cost_per_call AS cost_per_call_before, later.cost_per_call AS cost_per_call_after,
    deployment.event_id AS event_id
FROM {{db}}.deployments AS deployment
LEFT JOIN
(
    SELECT
        act.event_id AS event_id, sum(call.sample_weight) AS calls,
        avgWeighted(call.status != 'ok', call.sample_weight) AS error_rate,
        quantileExactWeightedInterpolated(0.5)(call.duration_us, call.sample_weight) / 1000 AS p50_ms,
        quantileExactWeightedInterpolated(0.95)(call.duration_us, call.sample_weight) / 1000 AS p95_ms,
        toFloat64(sum(call.cost * call.sample_weight)) / nullIf(sumIf(call.sample_weight, call.cost IS NOT NULL), 0) AS cost_per_call
    FROM (SELECT tenant_id, service_name, start_time, status, duration_us, cost, sample_weight FROM {{db}}.calls) AS call
    ASOF INNER JOIN (SELECT event_id, tenant_id, chatbot, event_time FROM {{db}}.deployments) AS act
        ON call.tenant_id = act.tenant_id AND call.service_name = act.chatbot AND call.start_time < act.event_time
    WHERE call.start_time >= act.event_time - INTERVAL 30 MINUTE
    GROUP BY act.event_id
) AS earlier ON earlier.event_id = deployment.event_id
LEFT JOIN
(
    SELECT
        act.event_id AS event_id, sum(call.sample_weight) AS calls,
        avgWeighted(call.status != 'ok', call.sample_weight) AS error_rate,
        quantileExactWeightedInterpolated(0.5)(call.duration_us, call.sample_weight) / 1000 AS p50_ms,
        quantileExactWeightedInterpolated(0.95)(call.duration_us, call.sample_weight) / 1000 AS p95_ms,
        toFloat64(sum(call.cost * call.sample_weight)) / nullIf(sumIf(call.sample_weight, call.cost IS NOT NULL), 0) AS cost_per_call
    FROM (SELECT tenant_id, service_name, start_time, status, duration_us, cost, sample_weight FROM {{db}}.calls) AS call
    ASOF INNER JOIN (SELECT event_id, tenant_id, chatbot, event_time FROM {{db}}.deployments) AS act
        ON call.tenant_id = act.tenant_id AND call.service_name = act.chatbot AND call.start_time >= act.event_time
    WHERE call.start_time < act.event_time + INTERVAL 30 MINUTE
    GROUP BY act.event_id
) AS later ON later.event_id = deployment.event_id
ORDER BY event_time;

-- Scores by model. A call and its score belong to one conversation, which is kept or left out as a whole, so a pair is as
-- rare as the rarer of the two: what is always kept beside what is sampled stands for as many as that does.
CREATE OR REPLACE VIEW {{db}}.feedback_by_model{{on_cluster}} AS
SELECT
    call.tenant_id AS tenant_id, call.service_name AS service_name,
    if(call.response_model = '', call.request_model, call.response_model) AS model, call.model_version_id AS model_version_id,
    score.name AS name, score.source AS source,
    sum(greatest(call.sample_weight, score.sample_weight)) AS scores,
    sum(score.value * greatest(call.sample_weight, score.sample_weight))
        / nullIf(sumIf(greatest(call.sample_weight, score.sample_weight), score.value IS NOT NULL), 0) AS mean_value,
    sumIf(greatest(call.sample_weight, score.sample_weight), score.correction != '') AS corrections,
    mapFilter((label, times) -> label != '', sumMap(map(score.label, toUInt64(greatest(call.sample_weight, score.sample_weight))))) AS labels
FROM (SELECT tenant_id, service_name, response_model, request_model, model_version_id, sample_weight, toString(event_id) AS id FROM {{db}}.calls) AS call
INNER JOIN {{db}}.scores AS score ON score.tenant_id = call.tenant_id AND score.target_event_id = call.id
GROUP BY tenant_id, service_name, model, model_version_id, name, source;
