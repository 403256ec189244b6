"""Migration templates to statements.

Placeholders: ``{{db}}``, ``{{on_cluster}}``, ``{{engine:ReplacingMergeTree(version)}}``, ``{{dedup:10000}}``,
``{{ttl:calls}}``. Statements end with a semicolon; comments, strings and quoted names are respected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from turnlog.sinks.errors import MigrationError
from turnlog.sinks.flavour import Flavour
from turnlog.sinks.retention import Retention, expression

_PLACEHOLDER = re.compile(r"\{\{(\w+)(?::([^{}]*))?\}\}")
_LEXEME = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|;|[^;'`\"/-]+|.", re.DOTALL
)


def render(template: str, database: str, flavour: Flavour, retention: Retention) -> str:
    """Fill in a template's placeholders.

    Raises:
        MigrationError: If it has one that is not known.
    """

    def fill(match: re.Match[str]) -> str:
        name, argument = match.groups()
        match name:
            case "db":
                return database
            case "on_cluster":
                return flavour.on_cluster
            case "engine":
                return flavour.engine(argument)
            case "dedup":
                return flavour.dedup(int(argument))
            case "ttl":
                return expression(argument, retention)
            case _:
                raise MigrationError(f"a migration has a placeholder {name!r} that this version does not know")

    return _PLACEHOLDER.sub(fill, template)


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of a script, without comments and closing semicolons."""
    parts: list[str] = []
    for lexeme in _LEXEME.findall(sql):
        if lexeme == ";":
            yield from _statement(parts)
            parts = []
        elif not lexeme.startswith(("--", "/*")):
            parts.append(lexeme)
    yield from _statement(parts)


def _statement(parts: list[str]) -> Iterator[str]:
    text = "".join(parts).strip()
    if text:
        yield text
