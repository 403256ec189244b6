"""What the pipeline knows after a show: questions people ask, each with the SQL that answers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

from turnlog.stack.demo.show import Outcome


@dataclass(frozen=True)
class Section:
    """A question and its answer.

    Attributes:
        title: The question.
        query: SQL that answers it; may be pasted into ``turnlog sql``.
        before: Text to print above the answer; empty for none.
    """

    title: str
    query: str
    before: str = ""


def sections(outcome: Outcome, tenant: str) -> Sequence[Section]:
    """Return the report on a show.

    Args:
        outcome: What the show left.
        tenant: Under which tenant it ran: each has one of its own, so that shows before it are not in its tables.
    """
    found = [Section(title, _query(text, tenant)) for title, text in _QUESTIONS]
    if outcome.richest is not None:
        wrote = f"the customer wrote:  {outcome.richest.question}"
        query = _query(_EXAMPLE.replace("{event}", str(outcome.richest.call_id)), tenant)
        found.insert(3, Section("One message before and after", query, wrote))
    if outcome.longest is not None:
        found.append(
            Section(
                "A conversation from beginning to end", _query(_TIMELINE.replace("{chat}", outcome.longest), tenant)
            )
        )
    return found


def _query(text: str, tenant: str) -> str:
    return dedent(text).strip().replace("{tenant}", tenant)


_QUESTIONS: Sequence[tuple[str, str]] = (
    (
        "Latency and errors by model version, every five seconds",
        """
        SELECT toStartOfInterval(start_time, INTERVAL 5 SECOND) AS time, service_name, model_version_id,
               count() AS calls, countIf(status != 'ok') AS errors, round(quantile(0.5)(latency_ms)) AS p50_ms,
               round(quantile(0.95)(latency_ms)) AS p95_ms,
               round(quantile(0.5)(time_to_first_chunk_ms)) AS first_chunk_p50_ms
        FROM calls WHERE tenant_id = '{tenant}'
        GROUP BY time, service_name, model_version_id ORDER BY service_name, time, model_version_id
        """,
    ),
    (
        "The same from the streaming statistics, minute by minute: histograms merged over partitions and panes",
        """
        SELECT minute, service_name, model_version_id, deployment_id, calls, errors, errors_by_type,
               round(mean_ms) AS mean_ms, round(p50_ms) AS p50_ms, round(p95_ms) AS p95_ms
        FROM latency_by_model WHERE tenant_id = '{tenant}' AND calls > 0
        ORDER BY service_name, minute, deployment_id, model_version_id
        """,
    ),
    (
        "What it cost, by the prices that were registered with the model versions",
        """
        SELECT service_name, model_version_id, sum(calls) AS calls, sum(input_tokens) AS input_tokens,
               sum(output_tokens) AS output_tokens, sum(calls_without_price) AS failed, round(sum(cost), 6) AS dollars
        FROM cost_by_model WHERE tenant_id = '{tenant}'
        GROUP BY service_name, model_version_id ORDER BY dollars DESC
        """,
    ),
    (
        "What was redacted before it was stored",
        """
        SELECT record, type, sum(hits) AS replaced
        FROM (SELECT 'calls' AS record, redaction_hits FROM calls WHERE tenant_id = '{tenant}'
              UNION ALL SELECT 'steps', redaction_hits FROM steps WHERE tenant_id = '{tenant}'
              UNION ALL SELECT 'logs', redaction_hits FROM logs WHERE tenant_id = '{tenant}'
              UNION ALL SELECT 'security', redaction_hits FROM security WHERE tenant_id = '{tenant}')
        ARRAY JOIN mapKeys(redaction_hits) AS type, mapValues(redaction_hits) AS hits
        GROUP BY record, type ORDER BY replaced DESC, record, type
        """,
    ),
    (
        "Security events",
        """
        SELECT service_name, event, category, owasp_llm, action, count() AS times, round(avg(risk_score), 2) AS risk,
               uniqExact(source_ip) AS sources, any(source_ip) AS a_source
        FROM security_events WHERE tenant_id = '{tenant}'
        GROUP BY service_name, event, category, owasp_llm, action ORDER BY times DESC
        """,
    ),
    (
        "The rollout and the rollback: calls before and after each",
        """
        SELECT action, previous_model_version_id AS from, model_version_id AS to, reason,
               calls_before, calls_after, round(100 * error_rate_before, 1) AS errors_before_percent,
               round(100 * error_rate_after, 1) AS errors_after_percent, round(p95_ms_before) AS p95_before_ms,
               round(p95_ms_after) AS p95_after_ms
        FROM deployment_effect WHERE tenant_id = '{tenant}' AND calls_before > 0 ORDER BY event_time
        """,
    ),
    (
        "What customers thought of the answers",
        """
        SELECT service_name, model_version_id, name, scores, round(100 * mean_value) AS thumbs_up_percent, corrections
        FROM feedback_by_model WHERE tenant_id = '{tenant}' ORDER BY service_name, model_version_id
        """,
    ),
    (
        "Log lines by type",
        """
        SELECT service_name, log_type, count() AS lines, argMax(body, length(redaction_hits)) AS an_example
        FROM (SELECT service_name, log_type, body, redaction_hits FROM logs WHERE tenant_id = '{tenant}'
              UNION ALL SELECT service_name, log_type, body, redaction_hits FROM debug WHERE tenant_id = '{tenant}'
              UNION ALL SELECT service_name, log_type, body, redaction_hits FROM security WHERE tenant_id = '{tenant}')
        GROUP BY service_name, log_type ORDER BY service_name, log_type
        """,
    ),
)

_EXAMPLE = """
SELECT last_user_text AS stored, redaction_hits FROM calls WHERE tenant_id = '{tenant}' AND event_id = '{event}'
"""

_TIMELINE = """
SELECT formatDateTime(time, '%H:%i:%S.%f') AS at, kind, name, status, round(latency_ms) AS ms,
       if(kind = 'call' OR input = '', output, concat(input, if(output = '', '', ' → '), output)) AS said, detail
FROM conversation_timeline WHERE tenant_id = '{tenant}' AND conversation_id = '{chat}' ORDER BY time
"""
