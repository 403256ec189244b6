"""Who serves a client's requests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from turnlog.producers.integrations.sdk.providers import by_class, by_host, host_and_port


@pytest.mark.parametrize(
    ("base_url", "provider"),
    [
        ("https://api.openai.com/v1/", "openai"),
        ("https://eu.api.openai.com/v1/", "openai"),
        ("https://mine.openai.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com", "aws.bedrock"),
        ("https://europe-west1-aiplatform.googleapis.com/v1", "gcp.vertex_ai"),
        ("https://notx.ai/v1", None),
        ("http://gpu-7.internal:8000/v1", None),
        ("", None),
        ("http://[broken", None),
    ],
)
def test_a_host_is_a_providers_or_nobodys(base_url: str, provider: str | None) -> None:
    assert by_host(base_url) == provider


def test_a_host_and_its_port() -> None:
    assert host_and_port("http://gpu-7.internal:8000/v1") == ("gpu-7.internal", 8000)
    assert host_and_port("https://api.openai.com/v1") == ("api.openai.com", None)
    assert host_and_port("http://x:notaport") == ("", None)


def test_a_class_is_made_for_a_provider() -> None:
    class AnthropicBedrock:
        pass

    class Mine(AnthropicBedrock):
        pass

    assert by_class(Mine, (("Vertex", "gcp.vertex_ai"), ("Bedrock", "aws.bedrock"))) == "aws.bedrock"
    assert by_class(object, (("Bedrock", "aws.bedrock"),)) is None


def test_wrappers_import_no_sdk() -> None:
    program = (
        "import sys, turnlog.producers.integrations.openai, turnlog.producers.integrations.anthropic;"
        "print(sorted({'openai', 'anthropic', 'httpx', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
