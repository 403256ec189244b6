"""Where an SDK's client is hooked: the one method through which all of its requests go.

Every resource, helper and raw variant of the OpenAI and Anthropic SDKs ends in the client's
``request(cast_to, options, …)``, retries happen inside of it, and ``options`` holds the path and body. So one hook on
the instance sees every request once, with the SDK's own checks before it and its own types after it.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any, NamedTuple, TypeVar

from turnlog.producers.client import Client
from turnlog.producers.fields import CallFields
from turnlog.producers.integrations.sdk.answer import Endpoint
from turnlog.producers.integrations.sdk.extra import extra_fields, joined
from turnlog.producers.integrations.sdk.providers import host_and_port
from turnlog.producers.integrations.sdk.raw import is_raw, watch_raw
from turnlog.producers.integrations.sdk.recording import Recording, complain, end_abandoned, end_all
from turnlog.producers.integrations.sdk.streams import is_stream, watch

S = TypeVar("S")

_logger = logging.getLogger("turnlog")
_recording: ContextVar[Recording | None] = ContextVar("turnlog_recording", default=None)


class Hook(NamedTuple):
    """What a wrapped client is recorded with.

    Attributes:
        client: Where calls are logged.
        endpoints: What is recorded, by the path's end.
        provider_of: Names the provider of an SDK's client.
        fields: What every call says.
    """

    client: Client
    endpoints: Mapping[str, Endpoint]
    provider_of: Callable[[Any], str]
    fields: CallFields


def hook(sdk: S, made: Hook) -> S:
    """Record an SDK's client from now on, and its copies; return it. Never raises.

    A client that was hooked before is recorded as told now, and still once.
    """
    try:
        _hook(sdk, made)
    except Exception:  # noqa: BLE001 - the chatbot must run without records rather than not at all
        complain("hook")
    return sdk


def _hook(sdk: Any, made: Hook) -> None:
    if not callable(getattr(sdk, "request", None)):
        _logger.warning("turnlog: %s is no client that could be wrapped; its calls are not recorded", type(sdk))
        return
    watcher = vars(sdk).get("_turnlog")
    if isinstance(watcher, Watcher):
        watcher.made, watcher.provider = made, made.provider_of(sdk)
        return
    watcher = Watcher(made, made.provider_of(sdk), str(getattr(sdk, "base_url", "")))
    is_async = inspect.iscoroutinefunction(sdk.request)
    sdk.request = (_async_request if is_async else _sync_request)(sdk.request, watcher)
    if callable(getattr(sdk, "_prepare_request", None)):
        sdk._prepare_request = _counting(sdk._prepare_request)  # noqa: SLF001 - the SDKs' place for looking at requests
    for name in ("copy", "with_options"):
        if callable(getattr(sdk, name, None)):
            setattr(sdk, name, _copying(getattr(sdk, name), watcher))
    sdk._turnlog = watcher  # noqa: SLF001 - our own mark on it


class Watcher:
    """Turns one client's requests into recordings.

    Args:
        made: What to record them with; may change.
        provider: Who serves the client's requests; may change.
        base_url: Where they go.
    """

    def __init__(self, made: Hook, provider: str, base_url: str) -> None:
        self.made = made
        self.provider = provider
        host, port = host_and_port(base_url)
        self._where = {name: value for name, value in (("server.address", host), ("server.port", port)) if value}

    def begin(self, options: Any) -> Recording | None:
        """Start to record a request; None if it is none that is recorded. Never raises."""
        try:
            end_abandoned()
            endpoint = self.made.endpoints.get(_path(options))
            if endpoint is None or str(options.method).lower() != "post":
                return None
            body = _body(options)
            fields = endpoint.request(body)
            fields["attributes"] = {**self._where, **fields.get("attributes", {})}
            fields.setdefault("operation", endpoint.operation)
            for more in (self.made.fields, extra_fields()):
                if more:
                    fields = joined(fields, more)
            model, given = fields.pop("model", None) or "", fields.pop("input", None)
            call = self.made.client.start_call(provider=self.provider, model=str(model), input=given, **fields)
            return Recording(call, endpoint, body)
        except Exception:  # noqa: BLE001 - the request goes its way unrecorded
            complain("begin")
            return None

    def answered(self, result: Any, recording: Recording) -> None:
        """Record what a request returned. Never raises."""
        try:
            if hasattr(result, "__pydantic_extra__"):  # the SDK's models, which are slow to say what they lack
                recording.answered(result)
            elif is_raw(result):
                retries = getattr(result, "retries_taken", None)
                if isinstance(retries, int):
                    recording.attempts = retries + 1
                watch_raw(result, recording, streamed=_has_events(result))
            elif is_stream(result):
                watch(result, recording)
            else:
                recording.answered(result.json() if _is_response(result) else result)
        except Exception:  # noqa: BLE001 - the caller gets the answer in any case
            complain("answered")


def _path(options: Any) -> str:
    """Return the path of a request without version and query: chat/completions."""
    path: str = options.url.partition("?")[0].strip("/")
    return path.removeprefix("v1/")


def _body(options: Any) -> dict[str, Any]:
    """Return a request's body without what was not given."""
    data, more = options.json_data, getattr(options, "extra_json", None)
    both = {**(data if isinstance(data, Mapping) else {}), **(more if isinstance(more, Mapping) else {})}
    return {name: value for name, value in both.items() if type(value).__name__ not in _NOT_GIVEN}


_NOT_GIVEN = frozenset({"NotGiven", "Omit", "NoneType"})


def _has_events(raw: Any) -> bool:
    kind: str = raw.http_response.headers.get("content-type", "")
    return kind.startswith(("text/event-stream", "application/vnd.amazon.eventstream"))


def _is_response(result: Any) -> bool:
    """Whether a result is an HTTP response as it is, as ``client.post(…, cast_to=httpx.Response)`` asks for."""
    return hasattr(result, "status_code") and hasattr(result, "iter_lines")


def _sync_request(original: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    @functools.wraps(original)
    def request(cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        recording = watcher.begin(options)
        if recording is None:
            return original(cast_to, options, *args, **kwargs)
        token = _recording.set(recording)
        try:
            result = original(cast_to, options, *args, **kwargs)
        except BaseException as error:
            recording.fail(error)
            raise
        finally:
            _leave(token)
        watcher.answered(result, recording)
        return result

    return request


def _async_request(original: Callable[..., Awaitable[Any]], watcher: Watcher) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original)
    async def request(cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        recording = watcher.begin(options)
        if recording is None:
            return await original(cast_to, options, *args, **kwargs)
        token = _recording.set(recording)
        try:
            result = await original(cast_to, options, *args, **kwargs)
        except BaseException as error:
            recording.fail(error)
            raise
        finally:
            _leave(token)
        watcher.answered(result, recording)
        return result

    return request


def _leave(token: Token[Recording | None]) -> None:
    with suppress(ValueError):  # a coroutine that was begun in one context and is driven on in another
        _recording.reset(token)


def _counting(original: Callable[..., Any]) -> Callable[..., Any]:
    """Count the attempts at a request; works for a coroutine function as well."""

    @functools.wraps(original)
    def prepare(*args: Any, **kwargs: Any) -> Any:
        recording = _recording.get()
        if recording is not None:
            recording.attempts += 1
        return original(*args, **kwargs)

    return prepare


def _copying(original: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    @functools.wraps(original)
    def copy(*args: Any, **kwargs: Any) -> Any:
        return hook(original(*args, **kwargs), watcher.made)

    return copy


# Registered after the client's own, so run before it.
atexit.register(end_all)
