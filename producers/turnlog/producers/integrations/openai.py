"""Records the calls of an OpenAI client: chat completions, responses, legacy completions and embeddings.

    from openai import OpenAI
    from turnlog.producers import Client
    from turnlog.producers.integrations.openai import wrap

    client = Client.from_env()
    sdk = wrap(OpenAI(), client)

The client stays what it was, and so does all that its methods return. The SDK is not imported here.
"""

from __future__ import annotations

from typing import Any, TypeVar, Unpack

from turnlog.producers.client import Client
from turnlog.producers.fields import CallFields
from turnlog.producers.integrations.sdk import providers
from turnlog.producers.integrations.sdk.chat import CHAT
from turnlog.producers.integrations.sdk.extra import call_fields
from turnlog.producers.integrations.sdk.hook import Hook, hook
from turnlog.producers.integrations.sdk.responses import RESPONSE
from turnlog.producers.integrations.sdk.texts import COMPLETION, EMBEDDING

__all__ = ["call_fields", "wrap"]

S = TypeVar("S")

_ENDPOINTS = {"chat/completions": CHAT, "responses": RESPONSE, "completions": COMPLETION, "embeddings": EMBEDDING}
_CLASSES = (("Azure", "azure.ai.openai"), ("Bedrock", "aws.bedrock"))


def wrap(sdk: S, client: Client, *, provider: str | None = None, **fields: Unpack[CallFields]) -> S:
    """Record every call that an OpenAI client makes from now on, also by its copies, and return that client.

    Nothing blocks or raises, and nothing is sent that was not sent before. A stream is recorded when it ends, is
    closed, breaks or is dropped; its time to first chunk is that of the first piece of the answer: text, reasoning,
    refusal or tool call. Wrapping again replaces what was said before, and still records once.

    Args:
        sdk: An ``OpenAI``, ``AsyncOpenAI``, ``AzureOpenAI`` … client.
        client: Where the calls are logged.
        provider: Who serves the model; by default told by the client's class and base URL, an unknown host by its name.
        fields: What else is true of every call; :func:`call_fields` says it of some.
    """
    return hook(sdk, Hook(client, _ENDPOINTS, (lambda _: provider) if provider else _provider, fields))


def _provider(sdk: Any) -> str:
    base_url = str(getattr(sdk, "base_url", ""))
    known = providers.by_class(type(sdk), _CLASSES) or providers.by_host(base_url)
    return known or providers.host_and_port(base_url)[0] or "openai"
