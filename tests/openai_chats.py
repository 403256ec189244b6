"""What tests of the wrapped OpenAI client share."""

from __future__ import annotations

import json
from typing import Any

from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from fakes.openai_api import ANSWER

TEXT = "".join(ANSWER)
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "weather?"}]


class Place(BaseModel):
    city: str


def parts(event: Any) -> list[list[dict[str, Any]]]:
    return [each["parts"] for each in json.loads(event["output_messages"])]
