"""Events as the processors' clean topics hold them, for tests of statistics."""

from __future__ import annotations

from decimal import Decimal

from turnlog.schemas import Datum, Source, money_to_bytes

NOW_US = 1_790_000_000_000_000
TOPIC = "chat.raw.calls"


def call(at: int = NOW_US, **fields: object) -> Datum:
    return {
        "event_id": "0197f0c0-0000-7000-8000-000000000000",
        "producer_id": "0197f0c0-0000-7000-8000-000000000001",
        "sequence": 0,
        "event_time": at,
        "observed_time": at,
        "start_time": at,
        "tenant_id": "acme",
        "service_name": "shop",
        "environment": "production",
        "provider_name": "openai",
        "request_model": "gpt-5",
        "response_model": None,
        "model_version_id": None,
        "deployment_id": None,
        "variant": None,
        "operation_name": "chat",
        "status": "ok",
        "error_type": None,
        "duration_us": 120_000,
        "time_to_first_chunk_us": None,
        "usage_input_tokens": 10,
        "usage_output_tokens": 20,
        "usage_cache_read_input_tokens": None,
        "usage_cache_creation_input_tokens": None,
        "usage_reasoning_output_tokens": None,
        "cost": money_to_bytes(Decimal("0.001")),
        "cost_currency": "USD",
        "redaction_hits": {},
        "sample_weight": 1,
        "time_clamped": False,
        **fields,
    }


def security(at: int = NOW_US, **fields: object) -> Datum:
    return {
        "event_id": "0197f0c0-0000-7000-8000-000000000002",
        "producer_id": "0197f0c0-0000-7000-8000-000000000001",
        "sequence": 0,
        "event_time": at,
        "observed_time": at,
        "tenant_id": "acme",
        "service_name": "shop",
        "environment": "production",
        "log_type": "security",
        "model_version_id": None,
        "security": {"event": "mcp_prompt_injection", "category": "prompt_injection"},
        "redaction_hits": {},
        "sample_weight": 1,
        "time_clamped": False,
        **fields,
    }


def source(offset: int, at: int = NOW_US, *, topic: str = TOPIC, partition: int = 0) -> Source:
    return Source(topic, partition, offset, at // 1000)
