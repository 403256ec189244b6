"""What became of the records of a raw topic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counts:
    """How many records of a topic there were, and what became of their rows.

    Attributes:
        read: Records read.
        replaced: Rows that stand there newly refined; in a dry run, those that would.
        current: Rows that the present rules had refined already.
        absent: Records without a row: dead letters, doubles, what was erased or has expired, or is on its way.
        held: Rows under a legal hold, left as they are.
        failed: Records that can't be refined any more, whose rows are left as they are.
    """

    read: int = 0
    replaced: int = 0
    current: int = 0
    absent: int = 0
    held: int = 0
    failed: int = 0
