-- Names inside a lambda keep mutations from changing any other column of the table: positions do not.
ALTER TABLE {{db}}.steps{{on_cluster}} MODIFY COLUMN IF EXISTS document_refs Array(Tuple(id String, source Nullable(String), version Nullable(String), score Nullable(Float64)))
    MATERIALIZED arrayMap(each -> (each.1, each.2, each.3, each.4), documents) CODEC(ZSTD(3));

-- What somebody had restricted is kept, and not worked with: no model is trained on it.
CREATE OR REPLACE VIEW {{db}}.training_examples{{on_cluster}} AS
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
    WHERE output_messages != '' AND hold = 0
) AS call
INNER JOIN (SELECT * FROM {{db}}.scores WHERE hold = 0) AS score
    ON score.tenant_id = call.tenant_id AND score.target_event_id = call.id;
