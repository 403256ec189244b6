"""`python -m turnlog.stack.kafka --data DIR --port N` runs a broker; with `--fetch` it only fetches the jars."""

import argparse
import sys
from pathlib import Path

from turnlog.schemas.errors import TurnlogError
from turnlog.stack.kafka import Runtime, run_broker


def main() -> int:
    """Run a broker in place of this process, or fetch what it needs."""
    parser = argparse.ArgumentParser(prog="python -m turnlog.stack.kafka", description="Run a single Kafka broker.")
    parser.add_argument("--data", type=Path, help="folder for its data; made if missing")
    parser.add_argument("--port", type=int, default=9092, help="loopback port for clients (default: 9092)")
    parser.add_argument("--heap", type=int, default=512, metavar="MIB", help="limit of the Java heap (default: 512)")
    parser.add_argument("--fetch", action="store_true", help="only find Java and fetch Kafka's jars")
    options = parser.parse_args()
    if not options.fetch and options.data is None:
        parser.error("--data is needed")
    try:
        if options.fetch:
            Runtime.find()
            return 0
        run_broker(options.data, options.port, options.heap)
    except TurnlogError as error:
        sys.stderr.write(f"turnlog: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
