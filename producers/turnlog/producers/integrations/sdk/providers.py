"""Who serves a client's requests: by OpenTelemetry's names where it has one."""

from __future__ import annotations

from urllib.parse import urlsplit

_HOSTS = (
    # what the host ends with, and the provider; the first that fits counts
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("models.ai.azure.com", "azure.ai.inference"),
    ("openai.com", "openai"),
    ("anthropic.com", "anthropic"),
    ("amazonaws.com", "aws.bedrock"),
    ("api.aws", "aws.bedrock"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("googleapis.com", "gcp.vertex_ai"),
    ("mistral.ai", "mistral_ai"),
    ("groq.com", "groq"),
    ("deepseek.com", "deepseek"),
    ("x.ai", "x_ai"),
    ("openrouter.ai", "openrouter"),
    ("perplexity.ai", "perplexity"),
    ("cohere.com", "cohere"),
    ("cohere.ai", "cohere"),
    ("moonshot.ai", "moonshot_ai"),
    ("moonshot.cn", "moonshot_ai"),
    ("together.xyz", "together_ai"),
    ("together.ai", "together_ai"),
    ("fireworks.ai", "fireworks_ai"),
    ("cerebras.ai", "cerebras"),
    ("huggingface.co", "huggingface"),
    ("cloud.ibm.com", "ibm.watsonx.ai"),
)


def by_host(base_url: str) -> str | None:
    """Return the provider that is known to have this host; None if nobody is."""
    host = host_and_port(base_url)[0]
    return next((name for end, name in _HOSTS if host == end or host.endswith("." + end)), None)


def by_class(kind: type, names: tuple[tuple[str, str], ...]) -> str | None:
    """Return the provider that a client's class is made for, by pieces of its own or a parent's name."""
    classes = [each.__name__ for each in kind.__mro__]
    return next((name for piece, name in names if any(piece in each for each in classes)), None)


def host_and_port(base_url: str) -> tuple[str, int | None]:
    """Return a URL's host, empty if it has none, and its port if it says one."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "", None
    return host, port
