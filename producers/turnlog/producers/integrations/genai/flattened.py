"""Messages that were flattened to numbered attributes: OpenLLMetry's and OpenInference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnlog.producers.integrations.genai.reading import first, numbered, parsed

Items = Sequence[Mapping[str, Any]]


def traceloop_messages(items: Items) -> list[Any]:
    """Return messages of ``gen_ai.prompt.N`` or ``gen_ai.completion.N``: role, content, tool_calls.M and the like."""
    return [_traceloop(each) for each in items if "prompt.text" not in each]


def _traceloop(item: Mapping[str, Any]) -> dict[str, Any]:
    calls = [
        {"id": each.get("id"), "name": each.get("name"), "arguments": parsed(each.get("arguments"))}
        for each in numbered(item, "tool_calls")
    ]
    if "function_call.name" in item:
        calls.append({"name": item["function_call.name"], "arguments": parsed(item.get("function_call.arguments"))})
    return _message(
        item.get("role"),
        _parts(item.get("content", item.get(""))),
        calls,
        tool_call_id=item.get("tool_call_id"),
        finish_reason=item.get("finish_reason"),
        reasoning_content=item.get("reasoning"),
        refusal=item.get("refusal"),
    )


def traceloop_functions(items: Items) -> list[Any]:
    """Return tools of ``llm.request.functions.N``."""
    return [
        {"type": "function", **{name: parsed(value) for name, value in each.items() if name and "." not in name}}
        for each in items
    ]


def openinference_messages(items: Items) -> list[Any]:
    """Return messages of ``llm.input_messages.N`` or ``llm.output_messages.N``."""
    return [_openinference(each) for each in items]


def _openinference(item: Mapping[str, Any]) -> dict[str, Any]:
    calls = [
        {
            "id": each.get("tool_call.id"),
            "name": each.get("tool_call.function.name"),
            "arguments": parsed(each.get("tool_call.function.arguments")),
        }
        for each in numbered(item, "message.tool_calls")
    ]
    if "message.function_call_name" in item:
        arguments = parsed(item.get("message.function_call_arguments_json"))
        calls.append({"name": item["message.function_call_name"], "arguments": arguments})
    parts = [_openinference_part(each) for each in numbered(item, "message.contents")]
    return _message(
        item.get("message.role"),
        parts or item.get("message.content"),
        calls,
        name=item.get("message.name"),
        tool_call_id=item.get("message.tool_call_id"),
        finish_reason=item.get("message.finish_reason"),
    )


def _openinference_part(item: Mapping[str, Any]) -> Any:
    kind = item.get("message_content.type")
    url = item.get("message_content.image.image.url")
    if url is not None:
        return {"type": "uri", "modality": "image", "uri": url}
    said = item.get("message_content.text")
    return {"type": "reasoning" if kind == "reasoning" else "text", "content": said}


def openinference_prompts(items: Items) -> list[Any]:
    """Return the prompts of a text completion, ``llm.prompts.N.prompt.text``."""
    return [{"role": "user", "content": each["prompt.text"]} for each in items if "prompt.text" in each]


def openinference_choices(items: Items) -> list[Any]:
    """Return the answers of a text completion, ``llm.choices.N.completion.text``."""
    return [{"role": "assistant", "content": each["completion.text"]} for each in items if "completion.text" in each]


def openinference_tools(items: Items) -> list[Any]:
    """Return tools of ``llm.tools.N.tool.json_schema``."""
    return [parsed(tool) for each in items if (tool := first(each, "tool.json_schema", "tool.name")) is not None]


def _message(role: Any, content: Any, calls: list[Any], **rest: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"content": content}
    if role is not None:
        said["role"] = role
    if calls:
        said["tool_calls"] = [{name: value for name, value in call.items() if value is not None} for call in calls]
    return said | {name: value for name, value in rest.items() if value is not None}


def _parts(content: Any) -> Any:
    """Return content that is a JSON list of parts as the list; any other text, JSON or not, is what was said."""
    parts = parsed(content)
    if isinstance(parts, list) and parts and all(isinstance(each, Mapping) and "type" in each for each in parts):
        return parts
    return content
