from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import fastavro
import pytest

from samples import bare
from turnlog.schemas import Encoder, load
from turnlog.sinks.batch import Batch, Item, cut
from turnlog.sinks.errors import RefusedDataError, UnavailableError
from turnlog.sinks.letter import Letter
from turnlog.sinks.loader import Loader
from turnlog.sinks.routes import ROUTES
from turnlog.sinks.splice import Row

CALL = load("ModelCall")


class FakeTables:
    """Refuses containers with `bad` retries, or all; remembers tokens as ClickHouse does."""

    def __init__(self, bad: int = 13, fits: bool = True, away_after: int | None = None) -> None:
        self.bad = bad
        self.fits = fits
        self.away_after = away_after
        self.stored: list[int] = []
        self.tokens: dict[str, list[int]] = {}
        self.inserts = 0

    def insert(self, table: str, container: bytes, token: str) -> None:
        assert table == "calls"
        self.inserts += 1
        if self.away_after is not None and self.inserts > self.away_after:
            raise UnavailableError("away")
        try:
            rows = [dict(each) for each in fastavro.reader(BytesIO(container))]  # type: ignore[arg-type]  # records
        except Exception as error:
            raise RefusedDataError("avro", 1001) from error
        if not self.fits or any(row["retries"] == self.bad for row in rows):
            raise RefusedDataError("refused", 53)
        offsets = [int(str(row["source_offset"])) for row in rows]
        if token in self.tokens:
            assert self.tokens[token] == offsets, "one token, two meanings"
        elif token:
            self.tokens[token] = offsets
            self.stored += offsets


def batch(number: int, poison: tuple[int, ...] = (), broken: tuple[int, ...] = ()) -> Batch:
    items = []
    for n in range(number):
        message = Encoder(CALL).encode(bare("ModelCall", retries=13 if n in poison else 0))
        if n in broken:
            message = Encoder(CALL).encode(bare("ModelCall", event_id="no id"))
        items.append(Item(Row(n, message, 10, 0, n, 0), CALL, None, 0, None, None, None, 5, n, len(message)))
    return cut(items, {}, ("chat.calls", 0, "calls"), 0)


def test_a_good_batch_is_one_insert_under_its_seals_token() -> None:
    tables, sent = FakeTables(), list[Letter]()
    loaded = Loader(tables, sent.extend).load(batch(5), ROUTES["calls"])
    assert (loaded.rows, loaded.letters, sent) == (5, 0, [])
    assert tables.tokens == {"chat.calls:0:0-4": [0, 1, 2, 3, 4]}


def test_what_the_codec_or_the_table_refuses_becomes_letters_in_order() -> None:
    tables, sent = FakeTables(), list[Letter]()
    loaded = Loader(tables, sent.extend).load(batch(64, poison=(0, 31, 63), broken=(7, 8)), ROUTES["calls"])
    assert [each.source.offset for each in sent] == [0, 7, 8, 31, 63]
    assert {each.error_class for each in sent} == {"RefusedDataError", "InvalidDatumError"}
    assert sorted(tables.stored) == [n for n in range(64) if n not in {0, 7, 8, 31, 63}]
    assert (loaded.rows, loaded.letters) == (59, 5)


def test_nothing_left_is_nothing_inserted() -> None:
    tables, sent = FakeTables(), list[Letter]()
    Loader(tables, sent.extend).load(batch(2, broken=(0, 1)), ROUTES["calls"])
    assert (tables.stored, len(sent)) == ([], 2)


def test_a_table_that_refuses_even_nothing_is_not_the_datas_fault() -> None:
    sent = list[Letter]()
    with pytest.raises(UnavailableError, match="does not fit"):
        Loader(FakeTables(fits=False), sent.extend).load(batch(3), ROUTES["calls"])
    assert sent == []


@pytest.mark.parametrize("away_after", range(1, 24))
def test_however_often_it_is_interrupted_everything_is_stored_once(away_after: int) -> None:
    tables, sent = FakeTables(away_after=away_after), list[Letter]()
    loader, wanted = Loader(tables, sent.extend), batch(16, poison=(3, 9), broken=(5,))
    with suppress(UnavailableError):
        loader.load(wanted, ROUTES["calls"])
    tables.away_after = None
    sent.clear()
    loader.load(wanted, ROUTES["calls"])
    assert sorted(tables.stored) == [n for n in range(16) if n not in {3, 5, 9}]
    assert [each.source.offset for each in sent] == [3, 5, 9]


def test_letters_hold_what_a_reader_needs_and_quote_nothing() -> None:
    sent = list[Letter]()
    Loader(FakeTables(), sent.extend).load(batch(1, poison=(0,)), ROUTES["calls"])
    letter = sent[0].datum(1_000)
    assert (letter["source_topic"], letter["source_partition"], letter["source_offset"]) == ("chat.calls", 0, 0)
    assert (letter["source_time"], letter["dead_time"], letter["stage"]) == (5_000, 1_000, "sink")
    assert letter["error_message"] == "calls refused it: ClickHouse code 53"
    assert letter["schema_fingerprint"] == CALL.fingerprint.hex()
    assert Encoder("DeadLetter").encode(letter)
    assert dict(sent[0].headers())["source"] == b"chat.calls:0:0:5"
