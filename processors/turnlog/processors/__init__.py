"""The processors: raw records in, redacted and enriched records out, exactly once, and statistics of them.

The package itself needs neither Faust nor Kafka: :mod:`turnlog.processors.redaction` and
:mod:`turnlog.processors.enrichment` are functions of values. :mod:`turnlog.processors.app` is the Faust application,
and ``python -m turnlog.processors`` runs one worker of it.
"""

from turnlog.schemas import require

require(
    "turnlog.processors",
    "processors",
    "hyperscan",
    "phonenumbers",
    "genai_prices",
    "pydantic_settings",
    "structlog",
    "yaml",
)

__all__: list[str] = []
