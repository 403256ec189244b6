"""Sends chats from a file through the client, as the calls that made them."""

from turnlog.stack.replay.calls import CallOfChat, Timing, calls_of, nominal_duration
from turnlog.stack.replay.chat import BadLineError, Chat, parse_chat
from turnlog.stack.replay.lines import Line, read_lines
from turnlog.stack.replay.pace import Pace
from turnlog.stack.replay.send import Progress, Replay, Summary

__all__ = [
    "BadLineError",
    "CallOfChat",
    "Chat",
    "Line",
    "Pace",
    "Progress",
    "Replay",
    "Summary",
    "Timing",
    "calls_of",
    "nominal_duration",
    "parse_chat",
    "read_lines",
]
