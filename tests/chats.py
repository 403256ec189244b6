"""Chats to replay, made up here, the same for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODELS = (
    ("openai", "gpt-4o-2024-05-13"),
    ("anthropic", "claude-3-5-sonnet-20240620"),
    ("mistral_ai", "mistral-large-2402"),
    ("meta", "llama-3-70b-instruct"),
)
_SENTENCE = (
    "parcel grinder espresso invoice naïve coffee refund return address Größe crème заказ доставка 返品 送料 مرحبا "
    "शिपिंग 🙂 🚚 `SELECT 1` ```python\nprint('hi')\n``` | a | b | e=mc² 50% <b>bold</b> \\n\\t \"quoted\" 'single' "
    "12.5 kg"
)
_WORDS = _SENTENCE.split(" ")


def chats(per_model: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield chats of one question and one answer, as many for each of the four models."""
    chance = random.Random(seed)
    for provider, model in MODELS:
        for number in range(per_model):
            yield {
                "conversation_id": f"{model}-{number:04}",
                "provider": provider,
                "model": model,
                "messages": [
                    {"role": "user", "content": _text(chance, 12)},
                    {"role": "assistant", "content": _text(chance, 90)},
                ],
            }


def write_chats(path: Path, per_model: int, seed: int = 1) -> Path:
    """Write chats as JSON lines and return the file."""
    with path.open("w", encoding="utf-8") as lines:
        for chat in chats(per_model, seed):
            lines.write(json.dumps(chat, ensure_ascii=False) + "\n")
    return path


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(1, words)))
