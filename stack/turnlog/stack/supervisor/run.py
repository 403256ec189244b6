"""A stack from beginning to end, in this process."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from turnlog.stack.datadir import DataDirectory
from turnlog.stack.kafka import Runtime
from turnlog.stack.supervisor.events import Event
from turnlog.stack.supervisor.leftovers import stop_leftovers
from turnlog.stack.supervisor.plan import StackOptions, plan
from turnlog.stack.supervisor.preflight import check_disk, check_ports
from turnlog.stack.supervisor.process import STACK_VARIABLE
from turnlog.stack.supervisor.supervisor import Supervisor

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_stack(options: StackOptions, tell: Callable[[Event], None], environ: Mapping[str, str] = os.environ) -> None:
    """Run a stack until a signal ends it. Blocks all that time.

    Args:
        options: What to run.
        tell: Told what happens.
        environ: Variables to hand on to the components.

    Raises:
        UserError: It cannot run here as things are; the message says what to change.
        StartFailedError: A component did not come up; everything was stopped again.
    """
    directory = DataDirectory(options.data)
    directory.create()
    with directory.lock():
        stop_leftovers(directory, lambda text: tell(Event(kind="note", text=text)))
        check_ports(options.ports())
        check_disk(options.data)
        tell(Event(kind="note", text="looking for Java and Kafka's jars (the first time, Maven fetches them)"))
        Runtime.find(environ)
        supervisor = Supervisor(
            directory,
            options.servers(),
            plan(options),
            environment=_component_environment(options, environ),
            tell=tell,
        )
        with _stopping_on_signals(supervisor):
            supervisor.run()


def _component_environment(options: StackOptions, environ: Mapping[str, str]) -> dict[str, str]:
    # The stack's own broker wants no password; settings for another Kafka must not reach it.
    kept = {name: value for name, value in environ.items() if not name.startswith("TURNLOG_KAFKA_")}
    return {
        **kept,
        **options.servers().environment(),
        "TURNLOG_DATA": str(options.data),
        "PYTHONUNBUFFERED": "1",
        STACK_VARIABLE: str(options.data),
    }


@contextmanager
def _stopping_on_signals(supervisor: Supervisor) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        supervisor.request_stop()

    # Whoever started this process may want a signal ignored: nohup does, with SIGHUP.
    heeded = [number for number in _STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
