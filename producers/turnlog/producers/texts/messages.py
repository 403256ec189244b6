"""Chat messages as OpenTelemetry's GenAI conventions write them: JSON of [{role, parts: [{type, content …}]}].

In come the shapes that chatbots have at hand: OpenAI's ``{role, content, tool_calls …}`` with content as text or parts,
its Responses API's items, Anthropic's content blocks, objects of either's SDK, or OpenTelemetry's own shape. Texts, and
tool arguments too, are kept letter for letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from turnlog.producers.coerce import UnfitError, to_json, to_mapping, to_text
from turnlog.producers.texts.quoting import escaped, quote

Part = dict[str, Any]


def input_json(messages: Any) -> str | None:
    """Return a call's input: one text (a user's), one message, or a list of them."""
    return _json(messages, "user")


def output_json(output: Any, finish_reasons: Iterable[Any] = ()) -> str | None:
    """Return a call's output: one text (the assistant's), one message, or one for each choice.

    Args:
        output: What the model answered.
        finish_reasons: Why each choice ended, in the order of the messages.
    """
    return _json(output, "assistant", tuple(finish_reasons))


def system_json(system: Any) -> str | None:
    """Return system instructions, a text or parts, as a list of parts."""
    if type(system) is str:
        return f'[{{"type":"text","content":{quote(system)}}}]'
    return None if system is None else to_json(_parts(system))


def _json(messages: Any, role: str, finish_reasons: tuple[Any, ...] = ()) -> str | None:
    if messages is None:
        return None
    if type(messages) is str:
        return f"[{_plain(role, messages, finish_reasons[0] if finish_reasons else None)}]"
    if type(messages) is list and not finish_reasons and (plain := _all_plain(messages)) is not None:
        return plain
    single = isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable)
    listed = [_readable(each, role) for each in ((messages,) if single else messages)]
    for message, reason in zip(listed, finish_reasons, strict=False):
        message.setdefault("finish_reason", reason)
    return to_json(listed)


def _all_plain(messages: list[Any]) -> str | None:
    """Write messages that are {role, content} and both are texts, as nearly all are; None if another is among them."""
    parts: list[str] = []
    for each in messages:
        if type(each) is not dict or len(each) != 2:
            return None
        role, content = each.get("role"), each.get("content")
        if type(role) is not str or type(content) is not str:
            return None
        parts.append(_ROLES.get(role) or _role(role))
        parts.append(content)
    parts[1::2] = escaped(parts[1::2])
    # The end of a message and a comma stand before each role, so before the first one too.
    return f"[{''.join(parts)[len(_END) + 1 :]}{_END}]" if parts else "[]"


def _plain(role: str, text: str, reason: Any = None) -> str:
    """Write such a message, at a third of the general encoder's cost."""
    ending = "" if reason is None else f',"finish_reason":{_reason(reason)}'
    return f'{{"role":{quote(role)},"parts":[{{"type":"text","content":{quote(text)}}}]{ending}}}'


def _role(role: str) -> str:
    """Return what stands between the texts of two messages, the second of that role."""
    return f'{_END},{{"role":{quote(role)},"parts":[{{"type":"text","content":"'


def _reason(reason: Any) -> str:
    return quote(reason) if type(reason) is str else to_json(reason)


def _readable(message: Any, role: str) -> dict[str, Any]:
    try:
        return _message(message, role)
    except Exception:  # noqa: BLE001 - a shape that nobody has thought of is kept as it is
        return {"role": role, "parts": [{"type": "other", "content": message}]}


def _message(message: Any, role: str) -> dict[str, Any]:
    if type(message) is str:
        return {"role": role, "parts": [{"type": "text", "content": message}]}
    try:
        given = to_mapping(message)
    except UnfitError:
        return {"role": role, "parts": [{"type": "text", "content": to_text(message)}]}
    rest = dict(given)
    if "role" not in rest and isinstance(rest.get("type"), str):
        return _item(rest, role)
    out: dict[str, Any] = {"role": rest.pop("role", None) or role}
    content = rest.pop("content", None)
    if "parts" in rest:
        parts = list(rest.pop("parts") or ())
    elif "tool_call_id" in rest:
        parts = [{"type": "tool_call_response", "id": rest.pop("tool_call_id"), "response": content}]
    else:
        parts = _parts(content)
    if rest.get("refusal"):
        parts.append({"type": "refusal", "content": rest.pop("refusal")})
    if rest.get("reasoning_content"):
        parts.insert(0, {"type": "reasoning", "content": rest.pop("reasoning_content")})
    parts += [_tool_call(each) for each in rest.pop("tool_calls", None) or ()]
    if rest.get("function_call"):
        parts.append(_tool_call({"function": rest.pop("function_call")}))
    out["parts"] = parts
    out.update((key, value) for key, value in rest.items() if value is not None)
    return out


def _item(item: dict[str, Any], role: str) -> dict[str, Any]:
    """Write what has a type and no role: an item of OpenAI's Responses API, or a part without its message."""
    kind: str = item["type"]
    if kind.endswith("_call_output"):
        part = {"type": "tool_call_response", "id": item.get("call_id"), "response": item.get("output")}
        return {"role": "tool", "parts": [part]}
    if kind in ("function_call", "custom_tool_call"):
        arguments = item.get("arguments", item.get("input"))
        part = {"type": "tool_call", "id": item.get("call_id"), "name": item.get("name"), "arguments": arguments}
    elif kind == "reasoning" and "summary" in item:
        spoken = [to_text(to_mapping(each).get("text")) for each in item["summary"] or ()]
        part = {"type": "reasoning", "content": "\n".join(spoken)}
    else:
        return {"role": "assistant" if kind.endswith("_call") else role, "parts": [_part(item)]}
    return {"role": "assistant", "parts": [part]}


def _parts(content: Any) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if isinstance(content, Iterable) and not isinstance(content, Mapping | bytes):
        return [_part(each) for each in content]
    return [_part(content)]


def _part(part: Any) -> Part:
    if isinstance(part, str):
        return {"type": "text", "content": part}
    try:
        given = dict(to_mapping(part))
    except UnfitError:
        return {"type": "text", "content": _text(part)}
    kind = given.get("type")
    if isinstance(kind, str) and kind in _KINDS:
        role, key, name = _KINDS[kind]
        if key in given:
            given["type"] = role
            given[name] = given.pop(key)
        if "tool_use_id" in given:
            given["id"] = given.pop("tool_use_id")
    elif kind == "image_url":
        url = given.pop("image_url", None)
        more = dict(url) if isinstance(url, Mapping) else {"url": url}
        given |= {"type": "uri", "modality": "image", "uri": more.pop("url", None), **more}
    elif kind == "input_audio":
        audio = given.pop("input_audio", None)
        more = dict(audio) if isinstance(audio, Mapping) else {"data": audio}
        mime_type = f"audio/{more.pop('format', None) or 'wav'}"
        given |= {
            "type": "blob",
            "modality": "audio",
            "mime_type": mime_type,
            "content": more.pop("data", None),
            **more,
        }
    elif kind is None:
        given["type"] = "text" if "content" in given else "other"
    return given


def _text(value: Any) -> str:
    """Return a part that is no part as text; one odd part must not cost a call."""
    try:
        return to_text(value)
    except UnfitError:
        return ""


_END = '"}]}'
_ROLES = {role: _role(role) for role in ("system", "developer", "user", "assistant", "tool")}

_KINDS = {
    # their type: (OpenTelemetry's type, their key, OpenTelemetry's key)
    "text": ("text", "text", "content"),
    "input_text": ("text", "text", "content"),
    "output_text": ("text", "text", "content"),
    "refusal": ("refusal", "refusal", "content"),
    "thinking": ("reasoning", "thinking", "content"),
    "tool_use": ("tool_call", "input", "arguments"),
    "tool_result": ("tool_call_response", "content", "response"),
}


def _tool_call(call: Any) -> Part:
    try:
        given = dict(to_mapping(call))
    except UnfitError:
        return {"type": "tool_call", "name": _text(call)}
    function = given.pop("function", None)
    if function is not None:
        try:
            given |= to_mapping(function)
        except UnfitError:
            given["name"] = _text(function)
    given["type"] = "tool_call"
    return given
