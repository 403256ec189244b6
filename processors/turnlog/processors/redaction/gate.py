"""Tells in one pass which rules can match a text at all, so that clean text costs one scan and nothing more."""

from __future__ import annotations

from collections.abc import Sequence

import hyperscan

from turnlog.schemas import SettingError


class Gate:
    """Hyperscan expressions compiled into one database; not to be used by two threads at once.

    Args:
        expressions: Over UTF-8 bytes; case matters.
        caseless: Further ones in which the case of ASCII letters does not; their indices follow the others'.

    Raises:
        SettingError: If one of them is not an expression that Hyperscan takes.
    """

    def __init__(self, expressions: Sequence[str], caseless: Sequence[str] = ()) -> None:
        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
        every = [*expressions, *caseless]
        self._database = hyperscan.Database()
        try:
            self._database.compile(
                expressions=[each.encode() for each in every],
                ids=list(range(len(every))),
                flags=[flags] * len(expressions) + [flags | hyperscan.HS_FLAG_CASELESS] * len(caseless),
            )
        except hyperscan.error as error:
            raise SettingError(f"a rule's gate does not compile: {error}") from error
        self._hits: list[int] = []
        self._scan = self._database.scan

    def hits(self, data: bytes) -> list[int]:
        """Return the indices of expressions that match somewhere, each once, in no order."""
        self._hits = []
        self._scan(data, match_event_handler=self._on_match)
        return self._hits

    def _on_match(self, index: int, start: int, end: int, flags: int, context: object) -> None:  # noqa: ARG002 - its signature
        self._hits.append(index)
