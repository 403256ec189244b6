"""Apache Kafka on this machine: one broker, its own controller, loopback only, without containers.

Acknowledged records survive a kill of the broker. A single node keeps them in the operating system's page cache until
that writes them, so that a power failure may take the last seconds: replication is what protects from that.
"""

from turnlog.stack.kafka.broker import Runtime, prepare_broker, run_broker
from turnlog.stack.kafka.settings import LARGEST_RECORD_BYTES, BrokerSettings, render_properties

__all__ = [
    "LARGEST_RECORD_BYTES",
    "BrokerSettings",
    "Runtime",
    "prepare_broker",
    "render_properties",
    "run_broker",
]
