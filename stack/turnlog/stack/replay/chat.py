"""A line of a replay file: one chat in the shape of OpenAI's ``messages``, checked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

Message = Mapping[str, Any]

_MICROSECONDS = {"duration_us": 1, "duration_ms": 1_000, "latency_ms": 1_000, "duration_s": 1_000_000}
_TIMES = ("timestamp", "start_time", "created_at", "created")
_PASSED_ON = ("temperature", "top_p", "max_tokens", "seed", "response_model", "prompt_name", "prompt_version")
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class BadLineError(ValueError):
    """A line is no chat; says why, without quoting it."""


@dataclass(frozen=True)
class Chat:
    """A chat.

    Attributes:
        conversation_id: The file's own, or one made from the line, the same each time it is read.
        provider: Who served the model.
        model: Which model.
        messages: What was said, by all roles, in order.
        time: When it began, if the file says so.
        duration_us: How long its only call took, if the file says so, in microseconds.
        usage: Its only call's token counts, as the file has them.
        tools: Tools offered to the model.
        user: Who chatted, if the file says so.
        attributes: The file's ``metadata``.
        options: Sampling parameters and the like, by the client's names.
    """

    conversation_id: str
    provider: str
    model: str
    messages: Sequence[Message]
    time: datetime | None = None
    duration_us: int | None = None
    usage: Mapping[str, Any] | None = None
    tools: Sequence[Any] | None = None
    user: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def parse_chat(data: bytes, number: int) -> Chat:
    """Read a line.

    Args:
        data: The line: a JSON object with ``messages``, and as it likes ``conversation_id``, ``provider``, ``model``,
            a time (``timestamp``, ``start_time``, ``created_at``, ``created``), a duration (``duration_us``, ``_ms``,
            ``_s`` or ``latency_ms``), ``usage``, ``tools``, ``user``, ``metadata`` and sampling parameters.
        number: Its number, which makes the ids of equal chats differ where the file has none.

    Raises:
        BadLineError: If it is none.
    """
    try:
        given = json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise BadLineError("not UTF-8") from error
    except RecursionError as error:
        raise BadLineError("JSON nested too deeply") from error
    except ValueError as error:
        where = f" at character {error.pos + 1}: {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadLineError(f"not JSON{where}") from error
    if not isinstance(given, dict):
        raise BadLineError("not a JSON object")
    messages = _messages(given.get("messages"))
    return Chat(
        conversation_id=_text(given, "conversation_id") or f"replay-{sha256(b'%d:' % number + data).hexdigest()[:24]}",
        provider=_text(given, "provider", "provider_name") or "unknown",
        model=_text(given, "model", "request_model") or "unknown",
        messages=messages,
        time=time_in(given),
        duration_us=duration_in(given),
        usage=mapping_in(given, "usage"),
        tools=given["tools"] if isinstance(given.get("tools"), list) else None,
        user=_text(given, "user", "user_key"),
        attributes=mapping_in(given, "metadata") or {},
        options={name: given[name] for name in _PASSED_ON if given.get(name) is not None},
    )


def time_in(given: Mapping[str, Any]) -> datetime | None:
    """Return the time that a chat or message names; numbers count seconds, milliseconds or microseconds by their size.

    Raises:
        BadLineError: If it names one that can't be read.
    """
    for name in _TIMES:
        value = given.get(name)
        if value is not None:
            return _time(name, value)
    return None


def duration_in(given: Mapping[str, Any]) -> int | None:
    """Return the duration that a chat or message names, in microseconds.

    Raises:
        BadLineError: If it names one that can't be.
    """
    for name, unit in _MICROSECONDS.items():
        value = given.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value * unit <= 1e15:
            raise BadLineError(f"{name} is no duration")
        return round(value * unit)
    return None


def mapping_in(given: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return a field that is an object, else None."""
    value = given.get(name)
    return value if isinstance(value, dict) else None


def _messages(value: Any) -> Sequence[Message]:
    if value is None:
        raise BadLineError("no messages")
    if not isinstance(value, list):
        raise BadLineError("messages is no array")
    for place, message in enumerate(value, 1):
        if not isinstance(message, dict):
            raise BadLineError(f"message {place} is no object")
        if not isinstance(message.get("role"), str) or not message["role"]:
            raise BadLineError(f"message {place} has no role")
        if not isinstance(message.get("content"), str | list | None):
            raise BadLineError(f"message {place} has content that is neither text nor parts")
    if not any(message["role"] == "assistant" for message in value):
        raise BadLineError("no message of the assistant, so no call")
    return value


def _text(given: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = given.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise BadLineError(f"{name} is no text")
    return None


def _time(name: str, value: Any) -> datetime:
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise BadLineError(f"{name} is no time")
        else:
            unit = next(each for each in (1, 1e3, 1e6, 1e9) if abs(value) < 1e11 * each or each == 1e9)
            found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value / unit)
    except (ValueError, OverflowError) as error:
        raise BadLineError(f"{name} is no time") from error
    if not datetime(1970, 1, 1, tzinfo=UTC) <= found < _LATEST:
        raise BadLineError(f"{name} is no time between 1970 and 9999")
    return found
