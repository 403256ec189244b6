"""The numbered migrations that ship with this version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from turnlog.sinks.errors import MigrationError

FOLDER = Path(__file__).parent / "migrations"
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True)
class Migration:
    """One numbered script.

    Attributes:
        number: Its place in the order, from 1.
        name: What it is about.
        template: The script, with placeholders.
    """

    number: int
    name: str
    template: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the template: what tells whether an applied migration was changed afterwards."""
        return sha256(self.template.encode()).hexdigest()

    def __str__(self) -> str:
        """Return the file's stem, such as ``0001_calls``."""
        return f"{self.number:04}_{self.name}"


def load(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """Return the migrations of a folder in order.

    Raises:
        MigrationError: If the numbers have holes or doubles, or a file is not named like ``0001_calls.sql``.
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        matched = _FILE.fullmatch(path.name)
        if not matched:
            raise MigrationError(f"{path.name} is not named like 0001_calls.sql")
        found.append(Migration(int(matched[1]), matched[2], path.read_text("utf-8")))
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"the migrations' numbers have holes or doubles: {', '.join(map(str, found))}")
    return tuple(found)


@cache
def packaged() -> tuple[Migration, ...]:
    """Return the migrations of this version."""
    return load()
