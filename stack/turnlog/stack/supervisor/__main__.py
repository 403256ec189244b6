"""A supervisor without a terminal: started by `turnlog up --detach`, which reads events from its standard output.

Each event is a line of JSON. After the one that decides (ready, failed, refused) nothing more is written there; every
event goes to standard error too, which is the supervisor's log, for as long as it runs.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from turnlog.schemas.errors import TurnlogError, UserError
from turnlog.stack.supervisor.events import Event
from turnlog.stack.supervisor.plan import StackOptions
from turnlog.stack.supervisor.run import run_stack
from turnlog.stack.supervisor.supervisor import StartFailedError


class _Reporter:
    def __init__(self) -> None:
        self._decided = False

    def tell(self, event: Event) -> None:
        sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {event.line()}\n")
        sys.stderr.flush()
        if not self._decided:
            self._decided = event.kind != "note"
            try:
                sys.stdout.write(event.model_dump_json() + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                self._decided = True
            if self._decided:
                self._let_go()

    def _let_go(self) -> None:
        """Leave the pipe to `turnlog up`, which ends now; a later write must not fail."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def main() -> int:
    """Run the stack whose options stand in the first argument, as JSON."""
    values = json.loads(sys.argv[1])
    options = StackOptions(**{**values, "data": Path(values["data"])})
    reporter = _Reporter()
    try:
        run_stack(options, reporter.tell)
    except StartFailedError as error:
        reporter.tell(Event(kind="failed", text=str(error), component=error.component, tail=error.tail))
        return 1
    except UserError as error:
        reporter.tell(Event(kind="refused", text=str(error)))
        return 2
    except TurnlogError as error:
        reporter.tell(Event(kind="failed", text=str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
