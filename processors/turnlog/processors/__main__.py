"""Runs one worker: ``python -m turnlog.processors``.

Exit codes: 0 after SIGTERM or SIGINT, 1 when something failed inside (start it again: nothing is lost), 2 when a
setting is wrong.
"""

from __future__ import annotations

import sys

from turnlog.schemas import UserError


def main() -> int:
    """Run a worker until it is told to stop; returns the exit code."""
    try:
        # Imported here so that a missing extra is one line and not a traceback.
        from turnlog.processors.runner import run  # noqa: PLC0415 - see above

        return run()
    except UserError as error:
        print(f"turnlog.processors: {error}", file=sys.stderr)  # noqa: T201 - logging may not be set up yet
        return 2


if __name__ == "__main__":
    sys.exit(main())
