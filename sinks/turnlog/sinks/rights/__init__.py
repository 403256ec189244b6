"""People's rights over what is known about them: erasure, restriction and its release, export; each with a receipt."""

from turnlog.sinks.rights.bundle import Bundle, BundleFormat, Exporter, write_bundle
from turnlog.sinks.rights.carry import OTHERS, Carrier, Outcome
from turnlog.sinks.rights.ledger import Ledger
from turnlog.sinks.rights.receipt import REQUEST, receipt_rows, rows_in
from turnlog.sinks.rights.request import TOKEN, UNLINKABLE, Kind, RefusedRequestError, Request
from turnlog.sinks.rights.sql import Rows, scoped
from turnlog.sinks.rights.tables import TABLES, SubjectTable

__all__ = [
    "OTHERS",
    "REQUEST",
    "TABLES",
    "TOKEN",
    "UNLINKABLE",
    "Bundle",
    "BundleFormat",
    "Carrier",
    "Exporter",
    "Kind",
    "Ledger",
    "Outcome",
    "RefusedRequestError",
    "Request",
    "Rows",
    "SubjectTable",
    "receipt_rows",
    "rows_in",
    "scoped",
    "write_bundle",
]
