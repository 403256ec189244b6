"""Records of realistic size to measure with, made up here."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

from turnlog.schemas import Datum, money_to_bytes, uuid7
from turnlog.schemas.schema import load

# The clock's: rows of the past would be forgotten as they are stored.
NOW_US = time.time_ns() // 1000

QUESTION = (
    "I ordered a coffee grinder two weeks ago and it still says 'being packed'. Can you tell me where it is, and "
    "whether I can still change the delivery address?"
)
ANSWER = (
    "I am sorry that it takes so long. Your parcel left our warehouse this morning and is on its way to the sorting "
    "centre; it should be with you within two working days. The address can't be changed any more once a parcel has "
    "left, but the carrier lets you choose another pick-up point: use the link in the mail you got today. If it has "
    "not arrived by Friday, write to us again and we will send you a new one at no cost. Is there anything else that I "
    "can do for you? Here is what the carrier needs from you: the parcel's number, your postcode, and the day that "
    "suits you best. "
)


def common() -> Datum:
    """Fields that every event has."""
    return {
        "event_id": uuid7(),
        "event_time": NOW_US,
        "observed_time": NOW_US,
        "tenant_id": "acme",
        "service_name": "shop-assistant",
        "service_version": "2026.11.2",
        "service_instance_id": "shop-assistant-7d9f-x2x",
        "environment": "production",
        "sdk_name": "turnlog-python",
        "sdk_version": "0.1.0",
        "producer_id": uuid7(),
        "sequence": 4711,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "conversation_id": "c-20261107-000173",
        "turn_id": "3",
        "user_key": "user-8841",
        "attributes": {"channel": "web", "locale": "en-GB"},
    }


def message(role: str, text: str) -> dict[str, Any]:
    """A message in OpenTelemetry's shape."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def model_call() -> Datum:
    """A call of about 1.8 kB."""
    return common() | {
        "provider_name": "openai",
        "operation_name": "chat",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-05-13",
        "prompt_name": "support",
        "prompt_version": "14",
        "response_id": "chatcmpl-9aKJ2",
        "status": "ok",
        "finish_reasons": ["stop"],
        "start_time": NOW_US,
        "duration_us": 1_840_000,
        "time_to_first_chunk_us": 310_000,
        "request_temperature": 0.2,
        "request_max_tokens": 800,
        "usage_input_tokens": 412,
        "usage_output_tokens": 163,
        "system_instructions": json.dumps([{"type": "text", "content": "You help customers of a kitchen shop." * 4}]),
        "input_messages": json.dumps([message("user", QUESTION)]),
        "output_messages": json.dumps([message("assistant", ANSWER)]),
    }


def log_record() -> Datum:
    """An info line of about 300 bytes."""
    return common() | {
        "log_type": "info",
        "severity_number": 9,
        "severity_text": "INFO",
        "logger_name": "shop.assistant",
        "body": "looked up order 4711-22 in 12 ms",
        "template": "looked up order %s in %d ms",
    }


def _statistics() -> Datum:
    histogram = {str(700 + step): 3 + step for step in range(30)}
    return {
        "tenant_id": "acme",
        "service_name": "shop-assistant",
        "environment": "production",
        "provider_name": "openai",
        "model": "gpt-4o-2024-05-13",
        "model_version_id": "gpt-4o@3",
        "deployment_id": "d-17",
        "variant": "",
        "operation_name": "chat",
        "calls": 500,
        "tokens": {"input": 200_000, "output": 80_000},
        "cost": money_to_bytes_of_cents(170),
        "latency": histogram,
        "first_chunk": histogram,
    }


def money_to_bytes_of_cents(cents: int) -> bytes:
    """An amount of money as it travels."""

    return money_to_bytes(Decimal(cents) / 100)


_OWN: dict[str, Datum] = {
    "Step": {
        "kind": "retrieval",
        "name": "help-pages",
        "start_time": NOW_US,
        "duration_us": 38_000,
        "status": "ok",
        "input": QUESTION,
        "documents": [{"id": f"page-{n}", "source": "help", "score": 0.9 - n / 10, "text": ANSWER} for n in range(3)],
    },
    "Score": {"name": "helpful", "data_type": "boolean", "value": 1.0, "source": "user", "target_event_id": uuid7()},
    "DeploymentEvent": {
        "deployment_id": "d-17",
        "action": "rollout",
        "state": "succeeded",
        "chatbot": "shop-assistant",
        "model_version_id": "gpt-4o@3",
        "traffic_percent": 20.0,
    },
    "ModelVersion": {
        "model_version_id": "gpt-4o@3",
        "provider_name": "openai",
        "name": "gpt-4o",
        "state": "active",
        "match_names": ["gpt-4o*"],
        "prices": [{"unit": "input_token", "amount": money_to_bytes_of_cents(250)}],
    },
    "Dataset": {"dataset_id": "ds-1", "name": "corrected answers", "origin_query": "SELECT * FROM training_examples"},
    "PrivacyRequest": {"privacy_request_id": "p-1", "kind": "erase", "subject_key": "u", "requested_by": "support"},
    "AuditEvent": {"actor": "ops", "action": "erase", "resource": "u", "outcome": "done", "hash": "0" * 64},
}
_WHOLE: dict[str, Datum] = {
    "Pane": _statistics()
    | {
        "source_topic": "chat.raw.calls",
        "source_partition": 1,
        "pane_start": NOW_US,
        "generation": 0,
        "last_offset": 88_000,
    },
    "Rolling": {key: value for key, value in _statistics().items() if key not in ("latency", "first_chunk")}
    | {"window_seconds": 300, "window_end": NOW_US, "version": 5},
    "DeadLetter": {
        "source_topic": "chat.raw.calls",
        "source_partition": 1,
        "source_offset": 12,
        "source_time": NOW_US,
        "dead_time": NOW_US,
        "stage": "redact",
        "error_class": "TruncatedError",
        "error_message": "a ModelCall that ends too early, after 900 bytes",
        "payload": bytes(900),
        "payload_size": 900,
        "payload_sha256": "0" * 64,
    },
}


def sample(record: str) -> Datum:
    """A record of that kind as it is written in practice."""
    load(record)
    if record == "ModelCall":
        return model_call()
    if record == "LogRecord":
        return log_record()
    return _WHOLE[record] if record in _WHOLE else common() | _OWN[record]
