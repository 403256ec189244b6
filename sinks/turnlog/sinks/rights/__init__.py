"""People's rights over what is known about them: erasure, restriction and its release, export; each with a receipt."""

from turnlog.sinks.rights.carry import Carrier, Outcome
from turnlog.sinks.rights.ledger import Ledger
from turnlog.sinks.rights.receipt import REQUEST
from turnlog.sinks.rights.request import TOKEN, UNLINKABLE, Kind, RefusedRequestError, Request
from turnlog.sinks.rights.sql import Rows, scoped
from turnlog.sinks.rights.tables import TABLES, SubjectTable

__all__ = [
    "REQUEST",
    "TABLES",
    "TOKEN",
    "UNLINKABLE",
    "Carrier",
    "Kind",
    "Ledger",
    "Outcome",
    "RefusedRequestError",
    "Request",
    "Rows",
    "SubjectTable",
    "scoped",
]
