from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from samples import bare
from turnlog.schemas import Decoder, Encoder, Origin, SchemaStore, Source
from turnlog.schemas.errors import UnknownSchemaError
from turnlog.sinks.intake import Intake
from turnlog.sinks.routes import ROUTES


@dataclass
class Message:
    content: bytes | None
    tags: list[tuple[str, bytes]] = field(default_factory=list)

    def value(self) -> bytes | None:
        return self.content

    def key(self) -> bytes | None:
        return b"k"

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self.tags or None

    def timestamp(self) -> tuple[int, int]:
        return 2, 99

    def offset(self) -> int:
        return 7


SCORE = Encoder("Score").encode(bare("Score"))
SOURCE = ("source", Source("raw.scores", 3, 41, 88).to_bytes())


def intake(topic: str = "scores") -> Intake:
    return Intake(ROUTES[topic], f"chat.{topic}", 1, SchemaStore())


def test_rows_take_the_coordinates_of_their_source() -> None:
    item = intake().item(Message(SCORE, [SOURCE, ("redaction-us", b"250")]))
    assert item.row is not None
    assert item.row[3:] == (3, 41, 88, 250)
    assert (item.mark, item.mark_offset) == ("raw.scores:3", 41)


def test_without_a_source_a_message_is_its_own() -> None:
    item = intake().item(Message(SCORE))
    assert item.row is not None
    assert item.row[3:] == (1, 7, 99, 0)
    assert item.mark is None


def test_dead_letters_are_marked_by_stage() -> None:
    letter = Encoder("DeadLetter").encode(bare("DeadLetter"))
    item = intake("dlq").item(Message(letter, [SOURCE, ("stage", b"redact")]))
    assert item.mark == "redact:raw.scores:3"


def test_bytes_that_were_never_redacted_are_not_sent_on() -> None:
    letter = bare("DeadLetter", key=b"jane@example.com", payload=b"jane@example.com" * 9, payload_size=144)
    item = intake("dlq").item(Message(Encoder("DeadLetter").encode(letter)))
    assert item.row is not None
    assert b"jane" not in item.row.message
    kept = Decoder("DeadLetter", SchemaStore()).decode(item.row.message)
    assert kept == {**letter, "key": None, "payload": b"", **{name: kept[name] for name in set(kept) - set(letter)}}
    assert intake("dlq").item(Message(Encoder("DeadLetter").encode(letter)[:-1])).letter is not None


def test_a_tombstone_is_nothing_to_store() -> None:
    item = intake("models").item(Message(None))
    assert (item.row, item.letter, item.offset) == (None, None, 7)


def test_bytes_that_are_no_record_become_a_letter_with_their_producer() -> None:
    item = intake().item(Message(b"nonsense", [SOURCE, ("producer", Origin("p", 5).to_bytes())]))
    assert item.letter is not None
    assert item.letter.error_class == "BadMagicError"
    assert item.letter.source == Source("chat.scores", 1, 7, 99)
    assert item.letter.origin == b"p:5"


def test_an_unknown_schema_is_for_the_caller_to_look_up() -> None:
    message = Message(b"\xc3\x01" + bytes(8) + b"x")
    with pytest.raises(UnknownSchemaError) as caught:
        intake().item(message)
    item = intake().unreadable(message, caught.value)
    assert item.letter is not None
    assert item.letter.error_class == "UnknownSchemaError"


def test_a_letter_of_the_sinks_that_can_not_be_read_makes_no_other() -> None:
    assert intake("dlq").item(Message(b"nonsense", [("stage", b"sink")])).letter is None
    assert intake("dlq").item(Message(b"nonsense", [("stage", b"redact")])).letter is not None
