"""A scripted chatbot: it waits, stumbles and answers by a script, and logs as a real one would."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from random import Random

from turnlog.producers import Call, Client
from turnlog.stack.demo.people import Customer
from turnlog.stack.demo.script import INJECTION, PROVIDER, Role, Topic, Version

_TIMEOUT_SHARE = 0.4
_SLOW_FACTOR = 4.0
_CHUNKS = 4
_SCORED = 0.5
_ATTACKED = 0.05


class ProviderError(Exception):
    """What a provider's library would raise; the demo's own."""


@dataclass(frozen=True)
class Moment:
    """What is so while a turn is taken.

    Attributes:
        version: Which version answers.
        slow: Whether the provider is slow.
    """

    version: Version
    slow: bool


@dataclass(frozen=True)
class Turn:
    """A turn that was taken.

    Attributes:
        conversation_id: In which chat.
        call_id: event_id of its model call; None when it was refused before.
        question: What the customer wrote, as it was written.
    """

    conversation_id: str
    call_id: str | None
    question: str


class Bot:
    """One of a role's workers.

    Args:
        role: Its script.
        client: Where it logs.
        chance: All its chances.
        sleep: Blocks for some seconds.

    Attributes:
        role: Its script.
    """

    def __init__(self, role: Role, client: Client, chance: Random, sleep: Callable[[float], None]) -> None:
        self.role = role
        self._client = client
        self._chance = chance
        self._sleep = sleep

    def chat(self, conversation_id: str, now: Callable[[], Moment]) -> Iterator[Turn]:
        """Hold a chat of one to three turns with a new customer, yielding each turn after it was taken."""
        customer = Customer.make(self._chance)
        history: list[dict[str, str]] = []
        with self._client.conversation(conversation_id, user_key=customer.email):
            for _ in range(self._chance.choice((1, 1, 2, 3))):
                topic = INJECTION if self._chance.random() < _ATTACKED else self._chance.choice(self.role.topics)
                question = topic.question.format(**asdict(customer))
                history.append({"role": "user", "content": question})
                with self._client.turn():
                    call_id = self._turn(topic, customer, question, history, now())
                yield Turn(conversation_id, call_id, question)
                self._sleep(self._chance.uniform(0.02, 0.08))

    def _turn(
        self, topic: Topic, customer: Customer, question: str, history: list[dict[str, str]], now: Moment
    ) -> str | None:
        if self._refused(topic, question, customer):
            history.append({"role": "assistant", "content": topic.answer})
            return None
        self._retrieve(topic, question)
        self._client.debug(f"prompt of {len(history)} messages for {now.version.id}", logger="bot.prompt")
        call = self._client.start_call(
            provider=PROVIDER,
            model=now.version.id,
            input=list(history),
            system=self.role.prompt,
            temperature=0.2,
            prompt_name=self.role.service,
            prompt_version="3",
        )
        try:
            with call:
                self._answer(call, topic, history, now)
        except (ProviderError, TimeoutError) as error:
            self._client.error("no answer from the model", exception=error, call_id=call.event_id, logger="bot")
            return call.event_id
        history.append({"role": "assistant", "content": topic.answer})
        self._act(topic, customer, call)
        self._judge(call, topic, now.version)
        return call.event_id

    def _refused(self, topic: Topic, question: str, customer: Customer) -> bool:
        with self._client.step("guardrail", "prompt-shield", input=question) as step:
            self._sleep(self._chance.uniform(0.002, 0.006))
            verdict, action = ("fail", "block") if topic.hostile else ("pass", "allow")
            step.finish(verdict=verdict, action=action)
        if topic.hostile:
            self._client.security(
                "mcp_prompt_injection",
                "a message asked for the instructions",
                category="prompt_injection",
                owasp_llm="LLM01:2026",
                verdict="malicious",
                action="blocked",
                outcome="prevented",
                risk_score=round(self._chance.uniform(0.8, 0.99), 2),
                detector="prompt-shield",
                rule_id="ignore-previous",
                source_ip=customer.ip,
                evidence_hash=sha256(question.encode()).hexdigest(),
            )
        return topic.hostile

    def _retrieve(self, topic: Topic, question: str) -> None:
        with self._client.step("retrieval", "handbook", input=question) as step:
            self._sleep(self._chance.uniform(0.004, 0.015))
            score = round(self._chance.uniform(0.7, 0.95), 2)
            step.finish(documents=[{"id": topic.document, "source": "handbook", "version": "12", "score": score}])

    def _answer(self, call: Call, topic: Topic, history: list[dict[str, str]], now: Moment) -> None:
        version = now.version
        stretch = self._chance.lognormvariate(0, 0.35) * (_SLOW_FACTOR if now.slow else 1)
        if self._chance.random() < version.error_rate:
            self._sleep(version.first_seconds * stretch)
            if self._chance.random() < _TIMEOUT_SHARE:
                raise TimeoutError("the model did not answer in time")
            raise ProviderError("529 overloaded")
        words = topic.answer.split(" ")
        per_chunk = -(-len(words) // _CHUNKS)
        self._sleep(version.first_seconds * stretch)
        for start in range(0, len(words), per_chunk):
            call.chunk((" " if start else "") + " ".join(words[start : start + per_chunk]))
            self._sleep(version.rest_seconds * stretch / _CHUNKS)
        characters = sum(len(message["content"]) for message in history) + len(self.role.prompt)
        call.finish(
            response_model=version.id,
            usage={"input_tokens": characters // 4, "output_tokens": len(topic.answer) // 4},
            finish_reason="stop",
        )

    def _act(self, topic: Topic, customer: Customer, call: Call) -> None:
        if topic.tool is not None:
            given = {"order": customer.order, "email": customer.email}
            with self._client.step("tool", topic.tool, input=given, call_id=call.event_id) as step:
                self._sleep(self._chance.uniform(0.005, 0.02))
                step.finish({"state": "done"})
        self._client.info((topic.logs or "answered").format(**asdict(customer)), call_id=call.event_id, logger="bot")

    def _judge(self, call: Call, topic: Topic, version: Version) -> None:
        if self._chance.random() < _SCORED:
            pleased = self._chance.random() < version.thumbs_up
            more = {} if pleased else {"correction": f"{topic.answer} Anything else I can do?"}
            self._client.score("thumbs", pleased, target=call, source="user", **more)  # type: ignore[arg-type] # of texts
