"""Events whose layout is known are written as those that take some thought, whatever is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.producers import Content
from turnlog.producers.delivery.transport import Message
from turnlog.producers.encoding.packing import Packer, Rules
from turnlog.producers.event import Event
from turnlog.producers.ids import Ids
from turnlog.producers.kinds import ALIASES, CALL, DEPLOYMENT, LOG, MODEL, SCORE, STEP, Kind
from turnlog.schemas import load

FIXED = {"tenant_id": "acme", "service_name": "bot", "environment": "test", "producer_id": "p-1"}
KINDS = (CALL, STEP, LOG, SCORE, DEPLOYMENT, MODEL)
SAID = (
    "input",
    "output",
    "system",
    "tools",
    "finish_reason",
    "time_to_first_chunk",
    "usage",
    "cost",
    "trace",
    "prices",
)
TIMES = ("duration", "start_time", "event_time", "began")
NOT_KNOWN = ("weather", "sequence", "observed_time", "content_state")


class Odd:
    """Fails whatever it is asked."""

    def __str__(self) -> str:
        raise RuntimeError("odd")

    __float__ = __iter__ = __index__ = __str__


MOMENTS = st.sampled_from([1_795_000_000_000_000, "2026-11-24T18:00:00Z", 0, -1, 2**70, "never"])
TEXTS = st.text(max_size=9) | st.sampled_from(["", "a\ud800b", "ü" * 1500, "x" * 2047, "x" * 2048, 'a "b"\n' * 30])
SIMPLE = st.none() | TEXTS | st.integers(-(2**65), 2**65) | st.floats() | st.booleans() | st.binary(max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SIMPLE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=5
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "tool", "poet", 3])}, optional={"content": VALUES}),
    max_size=3,
)
USAGES = st.dictionaries(
    st.sampled_from(["input_tokens", "prompt_tokens", "audio", "x_details", "total_tokens"]), VALUES
)


def names_of(kind: Kind) -> list[str]:
    own = [str(field["name"]) for field in load(kind.record).plain["fields"]]
    return [*own, *ALIASES, *SAID, *TIMES, *NOT_KNOWN]


def value_of(name: str) -> st.SearchStrategy[Any]:
    if name == "began":
        return st.tuples(st.integers(0, 2**52), st.integers(0, 10**7))
    if name in TIMES:
        return MOMENTS | VALUES
    if name == "usage":
        return USAGES | VALUES
    if name in ("input", "output", "system"):
        return MESSAGES | VALUES
    return VALUES | st.builds(Odd)


def packed(pack: Callable[[Event], Message], event: Event) -> Message | type[Exception]:
    try:
        return pack(event)
    except Exception as error:  # noqa: BLE001 - some values raise what they like; of several faults either may be named
        return type(error)


def both(rules: Rules | None = None) -> tuple[Packer, Packer]:
    quick, thorough = (Packer(FIXED, Ids(), rules) for _ in range(2))
    assert quick._bounds is not None
    thorough._bounds = None
    return quick, thorough


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.topic)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_layout_writes_what_is_written_without_one(kind: Kind, data: st.DataObject) -> None:
    quick, thorough = both(Rules(content=Content(max_bytes=1024)) if data.draw(st.booleans()) else None)
    names = data.draw(st.lists(st.sampled_from(names_of(kind)), max_size=12, unique=True))
    if kind in (CALL, STEP):
        names = [*dict.fromkeys([*names, "began"])]
    fields = {name: data.draw(value_of(name), label=name) for name in names} | {"event_id": "e-1"}
    event = Event(data.draw(st.sampled_from([0, 2047, 2048, 300_000, 2**30])), kind, fields, 1_795_000_000_000_000, 0)
    assert packed(quick.pack, event) == packed(thorough.pack, event)


def event_of(kind: Kind, /, **fields: Any) -> Event:
    return Event(7, kind, {"event_id": "e-1", "began": (5, 6), **fields}, 9, 0)


def test_common_events_have_a_layout() -> None:
    quick, _ = both()
    for event in (event_of(CALL, input="hello", usage={}, temperature=0.5), event_of(STEP, kind="tool", output=[1])):
        assert quick._layouts.of(event.kind, event.fields) is not None
    assert quick._layouts.of(LOG, {"event_id": "e", "body": "b", "severity": 9, "logger": "l"}) is not None


def test_what_can_be_read_once_is_read_once() -> None:
    """A generator that is gone through by a try that fails would be empty for the next."""
    made = [packer.pack(event_of(CALL, input=(each for each in ("a", "b")), cost="none")) for packer in both()]
    assert made[0] == made[1]
    assert b'"content":"b"' in made[0].value


def test_names_made_up_on_the_way_do_not_pile_up() -> None:
    quick, _ = both()
    for number in range(2000):
        quick.pack(event_of(STEP, kind="tool", **{f"name_{number}": number}))
    assert len(quick._layouts._found) <= 512
