"""Records the calls of an Anthropic client: messages, plain, streamed and by its stream helper, beta ones too.

    from anthropic import Anthropic
    from turnlog.producers import Client
    from turnlog.producers.integrations.anthropic import wrap

    client = Client.from_env()
    sdk = wrap(Anthropic(), client)

The client stays what it was, and so does all that its methods return. The SDK is not imported here.
"""

from __future__ import annotations

from typing import Any, TypeVar, Unpack

from turnlog.producers.client import Client
from turnlog.producers.fields import CallFields
from turnlog.producers.integrations.sdk import providers
from turnlog.producers.integrations.sdk.extra import call_fields
from turnlog.producers.integrations.sdk.hook import Hook, hook
from turnlog.producers.integrations.sdk.messages import MESSAGE

__all__ = ["call_fields", "wrap"]

S = TypeVar("S")

_ENDPOINTS = {"messages": MESSAGE}
_CLASSES = (
    ("Bedrock", "aws.bedrock"),
    ("Vertex", "gcp.vertex_ai"),
    ("GoogleCloud", "gcp.vertex_ai"),
    ("Foundry", "azure.ai.inference"),
)


def wrap(sdk: S, client: Client, *, provider: str | None = None, **fields: Unpack[CallFields]) -> S:
    """Record every message that an Anthropic client asks for from now on, also by its copies, and return that client.

    Nothing blocks or raises, and nothing is sent that was not sent before. A stream is recorded when it ends, is
    closed, breaks or is dropped; its time to first chunk is that of the first piece of the answer: text, thinking or
    tool use. Input tokens include cached ones, which Anthropic counts apart. Wrapping again replaces what was said
    before, and still records once.

    Args:
        sdk: An ``Anthropic``, ``AsyncAnthropic``, ``AnthropicBedrock``, ``AnthropicVertex`` … client.
        client: Where the calls are logged.
        provider: Who serves the model; by default told by the client's class and base URL, else anthropic.
        fields: What else is true of every call; :func:`call_fields` says it of some.
    """
    return hook(sdk, Hook(client, _ENDPOINTS, (lambda _: provider) if provider else _provider, fields))


def _provider(sdk: Any) -> str:
    known = providers.by_class(type(sdk), _CLASSES) or providers.by_host(str(getattr(sdk, "base_url", "")))
    return known or "anthropic"
