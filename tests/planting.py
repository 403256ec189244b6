"""Records with made-up identities in every text that a client can fill, and bytes that are no records but hold some."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any, NamedTuple

from identities import Identity
from samples import NOW_US, bare, sample
from turnlog.producers import Client
from turnlog.schemas import Datum, Encoder, Topic, load, raw_topics, uuid7
from turnlog.schemas.headers import PRODUCER, TRACEPARENT

_OURS = {"redaction_rules", "redaction_withheld"}
"""What the processors fill in and a client can't."""


class Planted(NamedTuple):
    """A message for a raw topic."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, str | bytes | None]]


class Planter:
    """Takes identities in turn, and puts each into a text in a way of its own."""

    def __init__(self, found: list[Identity], seed: int) -> None:
        self._chance = random.Random(seed)
        self._identities = cycle(self._chance.sample(found, len(found)))

    def plain(self) -> str:
        """A sentence with an identity in it."""
        return next(self._identities).text

    def text(self) -> str:
        """A sentence, or JSON, or JSON within JSON, that holds an identity."""
        text = self.plain()
        form = self._chance.choice((_plain, _plain, _object, _escaped, _nested, _messages, _as_key))
        return form(text)

    def record(self, record: str) -> Datum:
        """A record with an identity in every text, ids and enumerations apart."""
        definition = load(record).definition["fields"]
        given = {each["name"]: self._value(each["type"]) for each in definition if each["name"] not in _OURS}
        return sample(record, **{name: value for name, value in given.items() if value is not None})

    def _value(self, kind: Any) -> Any:
        """Return a value for a type that holds text, or None."""
        if isinstance(kind, list):
            return self._value(next(each for each in kind if each != "null"))
        if isinstance(kind, Mapping):
            return None if kind.get("logicalType") else self._nested(kind)
        return self.text() if kind == "string" else None

    def _nested(self, kind: Mapping[str, Any]) -> Any:
        match kind["type"]:
            case "map":
                return {self.plain(): self.text() if kind["values"] == "string" else 3 for _ in range(2)}
            case "array":
                inner = self._value(kind["items"])
                return None if inner is None else [inner, self._value(kind["items"])]
            case "record":
                filled = {each["name"]: self._value(each["type"]) for each in kind["fields"]}
                whole: dict[str, Any] = sample_of(kind)
                return whole | {name: value for name, value in filled.items() if value is not None}
            case _:
                return None


def sample_of(kind: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a nested record holds besides texts."""
    plain: dict[str, Any] = {"long": 70, "int": 7, "double": 0.5, "boolean": True, "bytes": b"\x01"}
    found: dict[str, Any] = {}
    for each in kind["fields"]:
        inner = each["type"] if not isinstance(each["type"], list) else None
        if isinstance(inner, Mapping) and inner.get("logicalType") == "decimal":
            found[each["name"]] = b"\x01"
        elif isinstance(inner, Mapping) and inner["type"] == "enum":
            found[each["name"]] = inner["symbols"][0]
        elif isinstance(inner, Mapping) and inner["type"] == "map":
            found[each["name"]] = {}
        elif isinstance(inner, Mapping) and inner["type"] == "array":
            found[each["name"]] = []
        elif inner is not None:
            found[each["name"]] = plain.get(inner if isinstance(inner, str) else inner["type"])
        else:
            found[each["name"]] = None
    return found


def records(planter: Planter, rounds: int) -> Iterator[Planted]:
    """Yield good records, of every raw topic in every round."""
    for number in range(rounds):
        for topic in raw_topics():
            datum = planter.record(topic.record) | {"sequence": number, "event_time": NOW_US, "producer_id": uuid7()}
            key = planter.plain().encode()
            headers: list[tuple[str, str | bytes | None]] = [
                (PRODUCER, f"{datum['producer_id']}:{number}".encode()),
                (TRACEPARENT, planter.plain().encode()),
                (planter.plain().encode("ascii", "ignore").decode()[:40] or "x", planter.plain().encode()),
            ]
            yield Planted(topic.name, key, Encoder(topic.record).encode(datum), headers)


def malformed(planter: Planter) -> Iterator[Planted]:
    """Yield what can't be processed, in every way that there is, of every raw topic."""
    for topic in raw_topics():
        whole = Encoder(topic.record).encode(planter.record(topic.record))
        secret = planter.plain().encode()
        for value in (
            secret,
            json.dumps({"text": planter.plain()}).encode(),
            whole[: len(whole) // 2],
            whole + secret,
            b"\xc3\x01" + secret.ljust(8)[:8] + whole[10:],
            b"\x00" + secret,
            b"\xc3\x01" + whole[2:10] + secret,
            _other(topic, planter),
            *_refused(topic, planter),
        ):
            yield Planted(topic.name, secret, value, [(PRODUCER, planter.plain().encode() + b":1")])


def _other(topic: Topic, planter: Planter) -> bytes:
    """A record that belongs into another topic."""
    record = "Score" if topic.record != "Score" else "ModelCall"
    return Encoder(record).encode(planter.record(record))


def _refused(topic: Topic, planter: Planter) -> Iterator[bytes]:
    """Records whose values can't be."""
    good = planter.record(topic.record)
    for wrong in ({"event_id": planter.plain()}, {"producer_id": planter.plain()}, {"sequence": -1}):
        yield Encoder(topic.record).encode(good | wrong)
    yield Encoder(topic.record).encode(bare(topic.record, event_id=planter.plain()))


def talk(client: Client, planter: Planter) -> None:
    """Log one turn of everything that a client has a method for, each with identities in all it is given."""
    p = planter.plain
    with (
        client.conversation(p(), user_key=p(), session_id=p(), attributes={p(): p()}),
        client.turn(p(), request_id=p()),
        client.call(
            provider=p(),
            model=p(),
            input=[{"role": "user", "content": p(), "name": p()}, {"role": "tool", "content": [{"text": p()}]}],
            system=p(),
            tools=[{"name": "f", "description": p(), "parameters": {"properties": {p(): {"description": p()}}}}],
            stop=[p()],
            attributes={p(): {"deep": [p(), {"deeper": p()}]}},
        ) as call,
    ):
        with client.step("tool", p(), input={"query": p()}, tool_call_id=p()) as step:
            step.finish(output=[p(), {p(): p()}])
        with client.step("retrieval", p(), input=p(), documents=[{"id": p(), "source": p(), "text": p()}]):
            pass
        try:
            with client.step("agent", p()):
                _fail(p())
        except ValueError as error:
            client.error(p(), exception=error, template=p(), logger=p(), attributes={"why": p()})
        arguments = json.dumps({"to": p()})
        calling = [{"id": "1", "type": "function", "function": {"name": "send", "arguments": arguments}}]
        call.finish(output=[{"role": "assistant", "content": p(), "tool_calls": calling}], response_id=p())
    client.info(p(), event_name=p(), code_file=p())
    client.debug(p(), fingerprint=p())
    client.security(p(), p(), target=p(), source_ip=p(), detector=p(), evidence_hash=p())
    client.score(p(), p(), explanation=p(), correction=p(), evaluator=p(), target=p())
    client.deployment(p(), "rollout", chatbot=p(), reason=p(), actor=p(), variant=p(), prompt_name=p())
    client.model_version(p(), provider=p(), name=p(), aliases=[p()], match_names=[p()], tags={p(): p()})
    client.dataset(
        p(),
        name=p(),
        origin_query=p(),
        origin_uris=[p()],
        consent=p(),
        transformations=[{"step": p(), "parameters": {p(): p()}}],
    )


def _fail(text: str) -> None:
    raise ValueError(text)


def _plain(text: str) -> str:
    return text


def _object(text: str) -> str:
    return json.dumps({"note": text, "more": [1, None]}, ensure_ascii=False)


def _escaped(text: str) -> str:
    return json.dumps({"note": text})


def _nested(text: str) -> str:
    return json.dumps({"arguments": json.dumps({"q": text})})


def _messages(text: str) -> str:
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])


def _as_key(text: str) -> str:
    return json.dumps({text: {"seen": True}})
