"""Finding personal data and secrets in records, and replacing them. Needs neither Faust nor Kafka."""

from turnlog.processors.redaction.examples import failures
from turnlog.processors.redaction.models import GlinerModel, Model, SpacyModel
from turnlog.processors.redaction.pseudonyms import Pseudonyms
from turnlog.processors.redaction.redactor import WITHHELD, Redactor
from turnlog.processors.redaction.rules import Rule, Ruleset, builtin, load
from turnlog.processors.redaction.scanner import Scanner, scan
from turnlog.processors.redaction.span import Span

__all__ = [
    "WITHHELD",
    "GlinerModel",
    "Model",
    "Pseudonyms",
    "Redactor",
    "Rule",
    "Ruleset",
    "Scanner",
    "SpacyModel",
    "Span",
    "builtin",
    "failures",
    "load",
    "scan",
]
