"""What every stage shares: the records, their bytes, the topics they travel in, and the errors."""

from turnlog.schemas.codec import (
    MAX_RECORD_BYTES,
    Decoder,
    Encoder,
    Framed,
    confluent_header,
    fingerprint_in,
)
from turnlog.schemas.decimals import money_from_bytes, money_to_bytes, units_from_bytes, units_to_bytes
from turnlog.schemas.errors import (
    DecodeError,
    EncodeError,
    IncompatibleSchemaError,
    MissingExtraError,
    PoisonError,
    SettingError,
    TransientError,
    TurnlogError,
    UserError,
)
from turnlog.schemas.extras import require
from turnlog.schemas.headers import Origin, Source
from turnlog.schemas.ids import uuid7
from turnlog.schemas.kafka import PROCESSORS, RIGHTS, SINKS, KafkaConnection
from turnlog.schemas.schema import RECORDS, Datum, Schema, load, released
from turnlog.schemas.settings import wrong_setting
from turnlog.schemas.store import Registry, SchemaStore
from turnlog.schemas.topics import TOPICS, Topic, clean_topics, raw_topics

__all__ = [
    "MAX_RECORD_BYTES",
    "PROCESSORS",
    "RECORDS",
    "RIGHTS",
    "SINKS",
    "TOPICS",
    "Datum",
    "DecodeError",
    "Decoder",
    "EncodeError",
    "Encoder",
    "Framed",
    "IncompatibleSchemaError",
    "KafkaConnection",
    "MissingExtraError",
    "Origin",
    "PoisonError",
    "Registry",
    "Schema",
    "SchemaStore",
    "SettingError",
    "Source",
    "Topic",
    "TransientError",
    "TurnlogError",
    "UserError",
    "clean_topics",
    "confluent_header",
    "fingerprint_in",
    "load",
    "money_from_bytes",
    "money_to_bytes",
    "raw_topics",
    "released",
    "require",
    "units_from_bytes",
    "units_to_bytes",
    "uuid7",
    "wrong_setting",
]
