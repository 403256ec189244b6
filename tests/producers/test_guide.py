"""The client guide's examples: each is run, and all are type-checked as a reader would have them."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from turnlog.producers import Client, Limits
from turnlog.producers.testing import RecordedEvent, Recorder

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "client-guide.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
PRELUDE = 'from turnlog.producers import Client\n\nclient = Client("support-bot")\n'


class Example(NamedTuple):
    """A block of Python under a heading."""

    title: str
    code: str


def examples(text: str) -> Iterator[Example]:
    title = ""
    for found in re.finditer(r"^#+ (?P<title>[^\n]*)$|^```python\n(?P<code>.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if found["title"] is not None:
            title = found["title"]
        else:
            yield Example(title, found["code"])


EXAMPLES = list(examples(GUIDE))
SECTIONS = {each.title: [code for title, code in EXAMPLES if title == each.title] for each in EXAMPLES}

RECORDED = {
    "1. Make a client": ["info the bot is up"],
    "2. Log a model call": ["ok gpt-4o", "ok gpt-4o"],
    "3. Say which chat it belongs to": ["info looking it up", "ok gpt-4o"],
    "4. Stream an answer": ["ok gpt-4o"],
    "5. Stream from a web application": ["ok gpt-4o"],
    "6. Tell failures apart": ["error gpt-4o", "error gpt-4o"],
    "7. Decorate functions": ["ok order-lookup", "ok gpt-4o", "ok answer"],
    "8. Record tool calls": ["ok order-lookup"],
    "9. Record what was retrieved": ["ok handbook"],
    "10. Record guardrails and attacks": ["ok prompt-shield", "security blocked a prompt"],
    "11. Record an agent's moves": ["ok gpt-4o", "ok order-lookup", "ok planner"],
    "12. Log lines": ["info looked up order o-17", "debug cache miss", "error order lookup failed"],
    "13. Name prompts and variants": ["ok gpt-4o"],
    "14. Collect feedback": ["ok gpt-4o", "helpfulness 0.8", "thumbs 0.0", "tone friendly"],
    "15. Count tokens and costs": ["registered gpt-4o@3", "ok gpt-4o"],
    "16. Announce a release": ["rollout gpt-4o@3", "ramp gpt-4o@3", "rollback gpt-4o@2"],
    "17. Keep the scope in threads and tasks": [
        "info looking up o-17",
        "info looking up o-18",
        "info looking up o-19",
    ],
    "18. Join traces across services": ["ok order-service"],
    "19. Import history": ["ok gpt-4o"],
    "20. Test your chatbot": [],
    "The end of a process": ["info good night"],
    "When Kafka is away": [],
    "Sampling": [],
    "What is captured of texts": [],
    "Limits": [],
}
"""What each section's examples record, in a few words each."""


def in_few_words(event: RecordedEvent) -> str:
    match event.record:
        case "ModelCall":
            return f"{event['status']} {event['request_model']}"
        case "Step":
            return f"{event['status']} {event['name']}"
        case "LogRecord":
            return f"{event['log_type']} {event['body']}"
        case "Score":
            return f"{event['name']} {event['label'] or event['value']}"
        case "ModelVersion":
            return f"{event['state']} {event['model_version_id']}"
        case "DeploymentEvent":
            return f"{event['action']} {event['model_version_id']}"
    raise AssertionError(event.record)


def run(code: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Run an example with a client that records, its tests and its coroutine for the web included."""
    monkeypatch.setattr(Client, "from_env", lambda: recorder.client)
    code = code.replace("/var/lib/support-bot", str(folder))
    names: dict[str, Any] = {"client": recorder.client, "__name__": "example"}
    exec(compile(code, "example", "exec"), names)
    for name, value in tuple(names.items()):
        if name.startswith("test_"):
            value()
    if "respond" in names:
        assert asyncio.run(names["respond"]()) == "It is on its way."


@pytest.mark.parametrize("title", SECTIONS)
def test_the_examples_record_what_is_said(title: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Recorder("support-bot") as recorder:
        for code in SECTIONS[title]:
            run(code, recorder, monkeypatch, tmp_path)
            gc.collect()
        assert sorted(map(in_few_words, recorder.events)) == sorted(RECORDED[title])
        check = CHECKS.get(title)
        if check is not None:
            check(recorder)


def chat(recorder: Recorder) -> None:
    for event in recorder.events:
        assert event["conversation_id"] == "c-1"
        assert event["turn_id"]
        assert event["attributes"] == {"channel": "web"}


def stream(recorder: Recorder) -> None:
    assert recorder.call.output_text == "It is on its way."
    assert recorder.call["output_chunks"] == 3


def failures(recorder: Recorder) -> None:
    broken, failed = recorder.calls
    assert (broken["error_type"], broken.output_text, broken["retries"]) == ("ConnectionError", "It is on", 1)
    assert failed["error_message"] == "the budget is used up"


def decorated(recorder: Recorder) -> None:
    look_up, answer = recorder.steps
    assert look_up["parent_step_id"] == answer["event_id"]
    assert recorder.call["usage_output_tokens"] == 6


def retrieved(recorder: Recorder) -> None:
    (step,) = recorder.steps
    assert [each["id"] for each in step["documents"]] == ["faq-3", "faq-9"]


def nested(recorder: Recorder) -> None:
    step, move = recorder.steps
    assert step["parent_step_id"] == move["event_id"]
    assert recorder.call["parent_span_id"] == move["span_id"]


def feedback(recorder: Recorder) -> None:
    for score in recorder.scores:
        assert score["target_event_id"] == recorder.call["event_id"]


def scoped(recorder: Recorder) -> None:
    assert sorted(each["conversation_id"] for each in recorder.logs) == ["c-1", "c-1", "c-2"]


def traced(recorder: Recorder) -> None:
    assert recorder.steps[0]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def imported(recorder: Recorder) -> None:
    assert recorder.call["duration_us"] == 1_800_000


CHECKS: dict[str, Callable[[Recorder], None]] = {
    "3. Say which chat it belongs to": chat,
    "4. Stream an answer": stream,
    "5. Stream from a web application": stream,
    "6. Tell failures apart": failures,
    "7. Decorate functions": decorated,
    "9. Record what was retrieved": retrieved,
    "11. Record an agent's moves": nested,
    "14. Collect feedback": feedback,
    "17. Keep the scope in threads and tasks": scoped,
    "18. Join traces across services": traced,
    "19. Import history": imported,
}


def test_the_guide_has_twenty_things_and_every_link_leads_somewhere() -> None:
    numbered = re.findall(r"^## (\d+)\. ", GUIDE, re.MULTILINE)
    assert numbered == [str(number) for number in range(1, 21)]
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", GUIDE, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors


def test_the_limits_are_those_of_the_code() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| ([\d.,]+) s \|", GUIDE, re.MULTILINE))
    assert {name: float(value) for name, value in table.items()} == {name: getattr(Limits(), name) for name in table}
    assert (Limits().queue_events, Limits().queue_bytes) == (50_000, 64 * 1024 * 1024)
    for field in fields(Limits):
        assert f"`{field.name}`" in GUIDE


def test_the_configuration_file_is_right(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "turnlog.toml"
    file.write_text(block.replace("/var/lib/support-bot", str(tmp_path)), "utf-8")
    assert Client.from_file(file, {"TURNLOG_KAFKA_SASL_PASSWORD": "p"}).service == "support-bot"


def test_every_example_has_the_right_types(tmp_path: Path) -> None:
    files = []
    for number, (title, code) in enumerate([*EXAMPLES, *examples(README)]):
        file = tmp_path / f"example_{number}.py"
        made = "client = Client" in code or "def test_" in code
        file.write_text(f"# {title}\n{'' if made else PRELUDE}{code}", "utf-8")
        files.append(str(file))
    roots = os.pathsep.join(str(ROOT / each) for each in ("schemas", "producers"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *files],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=dict(os.environ) | {"MYPYPATH": roots},
    )
    assert done.returncode == 0, done.stdout + done.stderr
