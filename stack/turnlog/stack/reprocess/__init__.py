"""Refines anew what the raw topics still hold, and puts the result in place of what is stored."""

from turnlog.stack.reprocess.counts import Counts
from turnlog.stack.reprocess.raw import RawRange
from turnlog.stack.reprocess.refining import Refining
from turnlog.stack.reprocess.run import reprocess
from turnlog.stack.reprocess.table import Table

__all__ = ["Counts", "RawRange", "Refining", "Table", "reprocess"]
