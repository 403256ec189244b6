"""Follows clean events as they come, each of them once."""

from turnlog.stack.tail.event import Event, Marks, Selection, types
from turnlog.stack.tail.follow import Follower, Start
from turnlog.stack.tail.plain import to_plain
from turnlog.stack.tail.show import line_of

__all__ = ["Event", "Follower", "Marks", "Selection", "Start", "line_of", "to_plain", "types"]
