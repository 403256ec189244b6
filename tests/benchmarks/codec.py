"""How fast each record is written and read."""

from __future__ import annotations

from benchmarks.samples import sample
from benchmarks.table import Row, Section, rate, thousands
from turnlog.schemas import RECORDS, Decoder, Encoder, SchemaStore

_BLOCK = 200


def measure() -> Section:
    """Encode and decode every record."""
    store = SchemaStore()
    rows = []
    for record in RECORDS:
        datum, encoder, decoder = sample(record), Encoder(record), Decoder(record, store)
        message = encoder.encode(datum)

        def write(encoder: Encoder = encoder, datum: dict[str, object] = datum) -> int:
            for _ in range(_BLOCK):
                encoder.encode(datum)
            return _BLOCK

        def read(decoder: Decoder = decoder, message: bytes = message) -> int:
            for _ in range(_BLOCK):
                decoder.decode(message)
            return _BLOCK

        rows.append(
            Row(f"{record}, {len(message)} B", f"{thousands(rate(write))} written/s, {thousands(rate(read))} read/s")
        )
    return Section("codec: records a second in one process", rows)
