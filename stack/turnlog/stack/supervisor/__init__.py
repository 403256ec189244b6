"""Keeps the processes of a stack running.

`run_stack` is a whole stack in this process, `detach_stack` one that stays behind, `stop_stack` ends either.
"""

from turnlog.stack.supervisor.backoff import Backoff
from turnlog.stack.supervisor.component import Component, ComponentState
from turnlog.stack.supervisor.detach import detach_stack
from turnlog.stack.supervisor.events import Event
from turnlog.stack.supervisor.leftovers import stop_leftovers, stop_stack
from turnlog.stack.supervisor.plan import StackOptions, plan
from turnlog.stack.supervisor.run import run_stack
from turnlog.stack.supervisor.stage import Stage
from turnlog.stack.supervisor.supervisor import StartFailedError, Supervisor

__all__ = [
    "Backoff",
    "Component",
    "ComponentState",
    "Event",
    "StackOptions",
    "Stage",
    "StartFailedError",
    "Supervisor",
    "detach_stack",
    "plan",
    "run_stack",
    "stop_leftovers",
    "stop_stack",
]
