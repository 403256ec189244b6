"""Runs the benchmarks named on the command line, or all of them, and prints their tables."""

from __future__ import annotations

import sys
from importlib import import_module

from rich.console import Console

from benchmarks.table import show

SECTIONS = ("codec", "client", "throughput", "spool", "stage", "sink", "freshness")


def main() -> int:
    """Run what is asked for; 2 if there is no such benchmark."""
    wanted = sys.argv[1:] or SECTIONS
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        sys.stderr.write(f"bench: no benchmark named {unknown[0]}; there are {', '.join(SECTIONS)}\n")
        return 2
    console = Console(width=140)
    for name in wanted:
        show(import_module(f"benchmarks.{name}").measure(), console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
