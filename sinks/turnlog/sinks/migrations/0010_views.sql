-- What people ask.
-- Quantiles come from histograms with buckets (g^(b-1), g^b] microseconds, g = 1.01/0.99, of which 2 g^b / (g+1) stands
-- within 1 % of all values. Histograms merge exactly, over time as over models.

-- Everything of a conversation in order: SELECT * FROM conversation_timeline WHERE conversation_id = '…'
CREATE VIEW IF NOT EXISTS {{db}}.conversation_timeline{{on_cluster}} AS
SELECT * FROM
(
    SELECT tenant_id, conversation_id, turn_id, start_time AS time, 'call' AS kind, service_name, operation_name AS name, status,
        latency_ms, input_text AS input, output_text AS output, error_message AS detail, event_id, trace_id
    FROM {{db}}.calls
    UNION ALL
    SELECT tenant_id, conversation_id, turn_id, start_time AS time, kind, service_name, name, status,
        latency_ms, input, output, if(action = '', error_message, concat(verdict, ' → ', action)) AS detail, event_id, trace_id
    FROM {{db}}.steps
    UNION ALL
    SELECT tenant_id, conversation_id, turn_id, event_time AS time, log_type AS kind, service_name,
        if(event_name = '', logger_name, event_name) AS name, severity_text AS status,
        CAST(NULL, 'Nullable(Float64)') AS latency_ms, '' AS input, body AS output, exception_message AS detail, event_id, trace_id
    FROM {{db}}.logs
    UNION ALL
    SELECT tenant_id, conversation_id, turn_id, event_time AS time, log_type AS kind, service_name,
        security.event AS name, severity_text AS status,
        CAST(NULL, 'Nullable(Float64)') AS latency_ms, '' AS input, body AS output,
        concat(ifNull(security.verdict, ''), ' → ', ifNull(security.action, '')) AS detail, event_id, trace_id
    FROM {{db}}.security
    UNION ALL
    SELECT tenant_id, conversation_id, turn_id, event_time AS time, 'score' AS kind, service_name, name, source AS status,
        CAST(NULL, 'Nullable(Float64)') AS latency_ms, '' AS input, if(label = '', toString(ifNull(value, 0)), label) AS output,
        if(correction = '', explanation, correction) AS detail, event_id, trace_id
    FROM {{db}}.scores
)
ORDER BY tenant_id, conversation_id, time;

-- Latency, errors, tokens and cost of every model version, minute by minute.
CREATE VIEW IF NOT EXISTS {{db}}.latency_by_model{{on_cluster}} AS
SELECT
    tenant_id, service_name, environment, minute, provider_name, model, model_version_id, deployment_id, variant,
    calls, errors, if(calls = 0, 0, errors / calls) AS error_rate, errors_by_type,
    if(calls = 0, NULL, latency_sum_us / calls / 1000) AS mean_ms,
    if(latency_count = 0, NULL, 2 * exp(mapKeys(latency)[arrayFirstIndex(seen -> seen > floor(0.5 * latency_count), arrayCumSum(mapValues(latency)))] * log(1.01 / 0.99)) / (1.01 / 0.99 + 1) / 1000) AS p50_ms,
    if(latency_count = 0, NULL, 2 * exp(mapKeys(latency)[arrayFirstIndex(seen -> seen > floor(0.95 * latency_count), arrayCumSum(mapValues(latency)))] * log(1.01 / 0.99)) / (1.01 / 0.99 + 1) / 1000) AS p95_ms,
    if(latency_count = 0, NULL, 2 * exp(mapKeys(latency)[arrayFirstIndex(seen -> seen > floor(0.99 * latency_count), arrayCumSum(mapValues(latency)))] * log(1.01 / 0.99)) / (1.01 / 0.99 + 1) / 1000) AS p99_ms,
    if(first_chunks = 0, NULL, 2 * exp(mapKeys(first_chunk)[arrayFirstIndex(seen -> seen > floor(0.5 * first_chunks), arrayCumSum(mapValues(first_chunk)))] * log(1.01 / 0.99)) / (1.01 / 0.99 + 1) / 1000) AS first_chunk_p50_ms,
    if(first_chunks = 0, NULL, 2 * exp(mapKeys(first_chunk)[arrayFirstIndex(seen -> seen > floor(0.95 * first_chunks), arrayCumSum(mapValues(first_chunk)))] * log(1.01 / 0.99)) / (1.01 / 0.99 + 1) / 1000) AS first_chunk_p95_ms,
    if(first_chunks = 0, NULL, 2 * exp(mapKeys(first_chunk)[arrayFirstIndex(seen -> seen > floor(0.99 * first_chunks), arrayCumSum(mapValues(first_chunk)))] * log(1.01 / 0.99)) / (1.01 / 0.99 + 1) / 1000) AS first_chunk_p99_ms,
    tokens, cost
FROM
(
    SELECT
        tenant_id, service_name, environment, provider_name, model, model_version_id, deployment_id, variant,
        toStartOfMinute(pane.pane_start) AS minute,
        sum(pane.calls) AS calls, sum(pane.errors) AS errors, sumMap(pane.errors_by_type) AS errors_by_type,
        sum(pane.latency_sum_us) AS latency_sum_us, sumMap(pane.latency) AS latency, arraySum(mapValues(latency)) AS latency_count,
        sum(pane.first_chunk_count) AS first_chunk_count, sumMap(pane.first_chunk) AS first_chunk,
        arraySum(mapValues(first_chunk)) AS first_chunks,
        sumMap(pane.tokens) AS tokens, sum(pane.cost) AS cost
    FROM {{db}}.panes_versions AS pane FINAL
    WHERE operation_name != ''
    GROUP BY tenant_id, service_name, environment, provider_name, model, model_version_id, deployment_id, variant, minute
);

-- Cost and tokens by model and day.
CREATE VIEW IF NOT EXISTS {{db}}.cost_by_model{{on_cluster}} AS
SELECT
    tenant_id, service_name, toDate(event_time) AS day, provider_name,
    if(response_model = '', request_model, response_model) AS model, model_version_id, cost_currency,
    count() AS calls,
    sum(call.cost) AS cost,
    countIf(call.cost IS NULL) AS calls_without_price,
    sum(usage_input_tokens) AS input_tokens,
    sum(usage_cache_read_input_tokens) AS cache_read_input_tokens,
    sum(usage_output_tokens) AS output_tokens
FROM {{db}}.calls AS call
GROUP BY tenant_id, service_name, day, provider_name, model, model_version_id, cost_currency;

-- A chatbot's calls in the half hour before and after each deployment event, cut off at the neighbouring events.
CREATE VIEW IF NOT EXISTS {{db}}.deployment_effect{{on_cluster}} AS
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
        act.event_id AS event_id, count() AS calls, avg(call.status != 'ok') AS error_rate,
        quantile(0.5)(call.duration_us) / 1000 AS p50_ms, quantile(0.95)(call.duration_us) / 1000 AS p95_ms,
        avg(call.cost) AS cost_per_call
    FROM (SELECT tenant_id, service_name, start_time, status, duration_us, cost FROM {{db}}.calls) AS call
    ASOF INNER JOIN (SELECT event_id, tenant_id, chatbot, event_time FROM {{db}}.deployments) AS act
        ON call.tenant_id = act.tenant_id AND call.service_name = act.chatbot AND call.start_time < act.event_time
    WHERE call.start_time >= act.event_time - INTERVAL 30 MINUTE
    GROUP BY act.event_id
) AS earlier ON earlier.event_id = deployment.event_id
LEFT JOIN
(
    SELECT
        act.event_id AS event_id, count() AS calls, avg(call.status != 'ok') AS error_rate,
        quantile(0.5)(call.duration_us) / 1000 AS p50_ms, quantile(0.95)(call.duration_us) / 1000 AS p95_ms,
        avg(call.cost) AS cost_per_call
    FROM (SELECT tenant_id, service_name, start_time, status, duration_us, cost FROM {{db}}.calls) AS call
    ASOF INNER JOIN (SELECT event_id, tenant_id, chatbot, event_time FROM {{db}}.deployments) AS act
        ON call.tenant_id = act.tenant_id AND call.service_name = act.chatbot AND call.start_time >= act.event_time
    WHERE call.start_time < act.event_time + INTERVAL 30 MINUTE
    GROUP BY act.event_id
) AS later ON later.event_id = deployment.event_id
ORDER BY event_time;

-- Security lines, flat.
CREATE VIEW IF NOT EXISTS {{db}}.security_events{{on_cluster}} AS
SELECT
    tenant_id, service_name, event_time, severity_text, security.event AS event, security.category AS category,
    security.owasp_llm AS owasp_llm, security.target AS target, security.verdict AS verdict, security.action AS action,
    security.outcome AS outcome, security.risk_score AS risk_score, security.detector AS detector, security.rule_id AS rule_id,
    security.source_ip AS source_ip, security.evidence_hash AS evidence_hash, body, conversation_id, user_key, call_id, event_id
FROM {{db}}.security;

-- Scores by model.
CREATE VIEW IF NOT EXISTS {{db}}.feedback_by_model{{on_cluster}} AS
SELECT
    call.tenant_id AS tenant_id, call.service_name AS service_name,
    if(call.response_model = '', call.request_model, call.response_model) AS model, call.model_version_id AS model_version_id,
    score.name AS name, score.source AS source,
    count() AS scores, avg(score.value) AS mean_value, countIf(score.correction != '') AS corrections,
    mapFilter((label, times) -> label != '', sumMap(map(score.label, toUInt64(1)))) AS labels
FROM (SELECT tenant_id, service_name, response_model, request_model, model_version_id, toString(event_id) AS id FROM {{db}}.calls) AS call
INNER JOIN {{db}}.scores AS score ON score.tenant_id = call.tenant_id AND score.target_event_id = call.id
GROUP BY tenant_id, service_name, model, model_version_id, name, source;

-- Questions with their answers, what people thought of them, and what they should have been.
CREATE VIEW IF NOT EXISTS {{db}}.training_examples{{on_cluster}} AS
SELECT
    call.tenant_id AS tenant_id, call.service_name AS service_name, call.event_time AS event_time,
    call.conversation_id AS conversation_id, call.model AS model, call.model_version_id AS model_version_id,
    call.question AS question, call.answer AS answer, score.correction AS correction,
    score.name AS score_name, score.value AS score, score.label AS label, score.explanation AS explanation,
    score.source AS score_source, score.evaluator AS evaluator, score.rejected_event_id AS rejected_event_id,
    call.id AS event_id, concat('raw.calls:', toString(call.source_partition), ':', toString(call.source_offset)) AS coordinates
FROM
(
    SELECT
        tenant_id, service_name, event_time, conversation_id, if(response_model = '', request_model, response_model) AS model,
        model_version_id, last_user_text AS question, output_text AS answer, source_partition, source_offset,
        toString(event_id) AS id
    FROM {{db}}.calls
    WHERE output_messages != ''
) AS call
INNER JOIN {{db}}.scores AS score ON score.tenant_id = call.tenant_id AND score.target_event_id = call.id;

-- From model versions to the datasets they were trained on, and from those to where they came from.
CREATE VIEW IF NOT EXISTS {{db}}.provenance{{on_cluster}} AS
SELECT
    model.tenant_id AS tenant_id, model.model_version_id AS model_version_id, model.name AS model_name, model.version AS version,
    model.base_model AS base_model, model.dataset AS dataset_id, data.name AS dataset_name, data.parents AS parents,
    data.origin_query AS origin_query, data.origin_coordinates AS origin_coordinates, data.origin_uris AS origin_uris,
    data.transformations AS transformations, data.consent AS consent, data.content_hash AS content_hash
FROM
(
    SELECT tenant_id, model_version_id, name, version, base_model, arrayJoin(training_data) AS dataset
    FROM {{db}}.model_versions FINAL
) AS model
LEFT JOIN
(
    SELECT * FROM {{db}}.datasets ORDER BY event_time DESC LIMIT 1 BY tenant_id, dataset_id
) AS data ON data.tenant_id = model.tenant_id AND data.dataset_id = model.dataset;

-- Dead letters by reason.
CREATE VIEW IF NOT EXISTS {{db}}.dead_letters_by_reason{{on_cluster}} AS
SELECT
    stage, source_topic, error_class, count() AS letters, sum(payload_size) AS bytes,
    min(letter.source_time) AS first_time, max(letter.source_time) AS last_time, any(error_message) AS example
FROM {{db}}.dead_letters AS letter
GROUP BY stage, source_topic, error_class;
