"""Finding personal data and secrets in records, and replacing them. Needs neither Faust nor Kafka."""

from turnlog.processors.redaction.contracts import Finder, Redacts, Tokens, TokenSource
from turnlog.processors.redaction.examples import failures
from turnlog.processors.redaction.models import GlinerModel, Model, SpacyModel
from turnlog.processors.redaction.pseudonyms import Pseudonyms, is_unlinkable
from turnlog.processors.redaction.redactor import WITHHELD, Redactor
from turnlog.processors.redaction.rules import Rule, Ruleset, builtin, load
from turnlog.processors.redaction.scanner import Scanner, scan
from turnlog.processors.redaction.span import Span

__all__ = [
    "WITHHELD",
    "Finder",
    "GlinerModel",
    "Model",
    "Pseudonyms",
    "Redactor",
    "Redacts",
    "Rule",
    "Ruleset",
    "Scanner",
    "SpacyModel",
    "Span",
    "TokenSource",
    "Tokens",
    "builtin",
    "failures",
    "is_unlinkable",
    "load",
    "scan",
]
