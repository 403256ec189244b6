"""Who may do what in Kafka and ClickHouse, as one table, and the statements that make it so."""

from turnlog.stack.access.clickhouse import Passwords, statements
from turnlog.stack.access.kafka import AclState, apply, bindings, inspect
from turnlog.stack.access.principals import PRINCIPALS, Principal

__all__ = ["PRINCIPALS", "AclState", "Passwords", "Principal", "apply", "bindings", "inspect", "statements"]
