"""The `turnlog` program: looks whether the command line is installed before it is loaded."""

import sys
from importlib.util import find_spec

_NEEDED = (
    "typer",
    "rich",
    "psutil",
    "chdb",
    "uvicorn",
    "structlog",
    "pydantic_settings",
    "clickhouse_connect",
    "faust",
)


def main() -> int:
    """Run the command line; without the extra that it needs, say so and return 2."""
    if any(find_spec(module) is None for module in _NEEDED):
        sys.stderr.write("turnlog: this command needs the extra 'local': pip install 'turnlog[local]'\n")
        return 2
    # Only now: without the extra, importing it would fail with a traceback.
    from turnlog.stack.cli import run  # noqa: PLC0415 - see above

    return run()


if __name__ == "__main__":
    sys.exit(main())
