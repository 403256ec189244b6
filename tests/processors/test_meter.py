from typing import Any

from turnlog.processors.meter import Meter
from turnlog.schemas import Datum


class Redactor:
    version = "1"

    def redact(self, datum: Datum, record: str) -> Datum:
        return datum


def test_once_a_minute_it_says_what_was_done() -> None:
    # The first is the beginning; then each record's begin and end.
    ticks = iter([0, 0, 3000, 5000, 12_000, 60_000_000_000, 60_000_010_000, 60_000_011_000, 60_000_012_000])
    said: list[dict[str, Any]] = []
    meter = Meter(Redactor(), lambda event, **fields: said.append({"event": event, **fields}), lambda: next(ticks))
    for hits, withheld in (({"IP": 1}, []), ({"IP": 2, "EMAIL": 1}, ["body"]), ({}, []), ({}, [])):
        datum = {"redaction_hits": hits, "redaction_withheld": withheld}
        assert meter.redact(datum, "LogRecord") is datum
    assert said == [
        {
            "event": "redacted",
            "records": 3,
            "us_per_record": 6.7,
            "slowest_us": 10,
            "hits": {"IP": 3, "EMAIL": 1},
            "withheld": 1,
            "rules": "1",
        }
    ]
