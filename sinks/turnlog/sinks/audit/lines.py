"""Chains as a file of JSON lines, to be kept and proved elsewhere. Pure, but for reading the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from turnlog.schemas import Datum, UserError

_TEXTS = ("tenant_id", "event_id", "hash")


def lines_of(events: Iterable[Datum]) -> Iterator[str]:
    """Yield events as lines, with their ends."""
    return (json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n" for event in events)


def read_lines(path: Path) -> list[Datum]:
    """Return the events of a file, in its order.

    Raises:
        UserError: It can't be read, or a line is no event; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text") from None
    # Not splitlines, which would also end lines at signs that a text in JSON may hold.
    lines = enumerate(text.split("\n"), 1)
    return [_event(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _event(line: str, where: str) -> Datum:
    try:
        event: Any = json.loads(line)
    except ValueError:
        raise UserError(f"{where}: no JSON") from None
    if not isinstance(event, dict) or not all(isinstance(event.get(name), str) for name in _TEXTS):
        raise UserError(f"{where}: no event of `turnlog audit export`")
    number, before = event.get("chain_number"), event.get("previous_hash")
    if isinstance(number, bool) or not isinstance(number, int | None) or not isinstance(before, str | None):
        raise UserError(f"{where}: an event whose number or link is none")
    return {**event, "chain_number": number, "previous_hash": before}
