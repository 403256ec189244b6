"""The crash-durable spool: what Kafka does not take waits on disk, also for the next process.

:mod:`~turnlog.producers.spool.courier` decides what goes where; :mod:`~turnlog.producers.spool.desk` is a living
producer's own place on disk, :mod:`~turnlog.producers.spool.legacy` what dead ones have left.
"""

from turnlog.producers.spool.courier import SpoolingCourier
from turnlog.producers.spool.desk import Desk
from turnlog.producers.spool.folder import others
from turnlog.producers.spool.legacy import Legacy
from turnlog.producers.spool.settings import Spool

__all__ = ["Desk", "Legacy", "Spool", "SpoolingCourier", "others"]
