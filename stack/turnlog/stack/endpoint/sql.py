"""Just enough of ClickHouse's lexer to find where a statement's clauses and an INSERT's data begin.

The engine parses statements; this module only finds the places at which the endpoint must put ``INTO OUTFILE`` or
``FROM INFILE``, and refuses what ClickHouse's HTTP interface refuses. It works on bytes: data may follow a query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from turnlog.stack.endpoint.errors import Code, ServerError

_TOKEN: Final = re.compile(
    rb"""
    (?P<space>(?:\s|\xc2\xa0|\xe2\x80[\x80-\x8f\xa8\xa9\xaf]|\xe3\x80\x80|\xef\xbb\xbf)+
             |--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
   |(?P<string>'[^'\\]*(?:(?:\\.|'')[^'\\]*)*')
   |(?P<name>`[^`\\]*(?:(?:\\.|``)[^`\\]*)*`|"[^"\\]*(?:(?:\\.|"")[^"\\]*)*")
   |(?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
   |(?P<word>[A-Za-z_]\w*)
   |(?P<number>\d[\w.]*)
   |(?P<open>[(\[{])
   |(?P<close>[)\]}])
   |(?P<semicolon>;)
   |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)

# A word `format` after one of these is a column, not a clause.
_BEFORE_AN_IDENTIFIER: Final = frozenset(
    b"SELECT DISTINCT BY AS AND OR NOT WHERE PREWHERE HAVING WHEN THEN ELSE CASE "
    b"BETWEEN IN LIKE ON USING FROM JOIN".split()
)
_AFTER_AN_IDENTIFIER: Final = frozenset(b"ASC DESC NULLS FROM AS AND OR IN LIKE WHERE LIMIT".split())
_SELECTS: Final = frozenset((b"SELECT", b"WITH", b"FROM"))


class Token(NamedTuple):
    """A token that is neither space nor comment."""

    kind: str
    start: int
    end: int
    depth: int
    upper: bytes
    """A word in capitals; other tokens as they stand."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Where the parts of an ``INSERT … FORMAT x`` or ``… VALUES`` are.

    Attributes:
        source_at: offset at which ``FROM INFILE`` belongs, before SETTINGS and FORMAT.
        clauses: what stands between ``source_at`` and FORMAT or VALUES, such as a SETTINGS clause.
        format: the input format; ``Values`` for VALUES.
        data_at: offset of the first byte of data.
        input_at: start and end of ``input(`` … ``)`` when rows pass through a SELECT over ``input()``.
    """

    source_at: int
    clauses: bytes
    format: str
    data_at: int
    input_at: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement without data.

    Attributes:
        text: without the final semicolon.
        kind: its first keyword in capitals (``SELECT`` also for WITH, FROM and an opening parenthesis).
        format: what its own FORMAT clause names, or None.
        format_at: offset of the FORMAT keyword, or the end of the text.
    """

    text: bytes
    kind: str
    format: str | None
    format_at: int


def tokens(text: bytes) -> Iterator[Token]:
    """Yield the tokens of ``text``, with the depth of brackets that each stands in."""
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "space":
            continue
        if kind == "tag":
            kind = "heredoc"
        if kind == "close":
            depth -= 1
        value = match.group()
        yield Token(kind, match.start(), match.end(), depth, value.upper() if kind == "word" else value)
        if kind == "open":
            depth += 1


def first_keyword(text: bytes) -> str:
    """The first word in capitals, looking through opening parentheses; empty when there is none."""
    for token in tokens(text):
        if token.kind == "word":
            return token.upper.decode()
        if token.upper != b"(":
            break
    return ""


def is_insert(text: bytes) -> bool:
    """Whether a statement is an INSERT, perhaps after a WITH."""
    words = (token for token in tokens(text) if token.depth == 0)
    first = next(words, None)
    if first is None or first.upper != b"WITH":
        return first is not None and first.upper == b"INSERT"
    previous = first
    for token in words:
        if token.upper == b"INTO" and previous.upper == b"INSERT":
            return True
        if token.upper == b"SELECT":
            return False
        previous = token
    return False


def find_insert(text: bytes, *, complete: bool) -> Insert | None:
    """Find an INSERT's data.

    Args:
        text: the beginning of query and data.
        complete: whether nothing follows ``text``; otherwise a clause at its very end is not trusted yet.

    Returns:
        None when ``text`` has no data clause (an ``INSERT … SELECT``), or not enough of it has arrived.

    Raises:
        ServerError: the statement names a file on the server's side.
    """
    stream = tokens(text)
    previous = _skip_target(stream)
    source_at: int | None = None
    input_at: tuple[int, int] | None = None
    selecting = False
    for token in stream:
        word = token.upper if token.kind == "word" and previous != b"." else b""
        previous = token.upper
        if selecting and word == b"INPUT":
            input_at = _call(text, token)
        elif token.depth:
            continue
        elif word == b"FORMAT" and (input_at or not selecting):
            return _insert_with_format(text, token, stream, source_at, input_at, complete=complete)
        elif word == b"INFILE":
            raise ServerError(Code.UNKNOWN_TYPE_OF_QUERY, "Query has infile and was send directly to server")
        elif word == b"VALUES" and not selecting:
            at = token.start if source_at is None else source_at
            whole = complete or token.end < len(text)
            return Insert(at, text[at : token.start], "Values", token.end) if whole else None
        elif word == b"SETTINGS" and source_at is None:
            source_at = token.start
        selecting = selecting or word in _SELECTS
    return None


def _skip_target(stream: Iterator[Token]) -> bytes:
    """Pass INSERT INTO [TABLE|FUNCTION] and the first name after it, which may be any word, even FORMAT."""
    for token in stream:
        if token.upper in {b"INTO", b"INSERT"} and not token.depth:
            break
    for token in stream:
        if token.upper not in {b"INSERT", b"INTO", b"TABLE", b"FUNCTION"}:
            return token.upper
    return b""


def _insert_with_format(
    text: bytes,
    keyword: Token,
    stream: Iterator[Token],
    source_at: int | None,
    input_at: tuple[int, int] | None,
    *,
    complete: bool,
) -> Insert | None:
    name = next(stream, None)
    if name is None or name.kind != "word" or (name.end == len(text) and not complete):
        return None
    at = keyword.start if source_at is None else source_at
    data_at = name.end
    while text[data_at : data_at + 1] in {b" ", b"\t", b"\f"}:
        data_at += 1
    if text[data_at : data_at + 1] == b"\r":
        data_at += 1
    if text[data_at : data_at + 1] == b"\n":
        data_at += 1
    if data_at == len(text) and not complete:
        return None
    input_format = text[name.start : name.end].decode()
    if input_format.upper() == "VALUES":
        input_format = "Values"
    return Insert(at, text[at : keyword.start], input_format, data_at, input_at)


def _call(text: bytes, word: Token) -> tuple[int, int] | None:
    """The extent of a function call that begins at ``word``."""
    depth = 0
    for token in tokens(text[word.end :]):
        if token.kind == "open":
            depth += 1
        elif depth == 0 and token.kind != "close":
            return None
        elif token.kind == "close" and token.depth == 0:
            return word.start, word.end + token.end
    return None


def read_statement(text: bytes) -> Statement:
    """Read a statement that carries no data.

    Raises:
        ServerError: it is empty, more than one, or writes a file on the server's side.
    """
    found, end = _one_statement(text)
    kind = first_keyword(text)
    if is_insert(text):
        kind = "INSERT"
    elif kind in {"WITH", "FROM"}:
        kind = "SELECT"
    format_at = end
    chosen: str | None = None
    for index, token in enumerate(found):
        if token.upper == b"INTO" and index + 1 < len(found) and found[index + 1].upper == b"OUTFILE":
            raise ServerError(Code.NOT_IMPLEMENTED, "INTO OUTFILE is not allowed")
        if _is_format_clause(found, index):
            format_at = token.start
            name = found[index + 1]
            chosen = text[name.start : name.end].decode()
    return Statement(text[:end], kind, chosen, format_at)


def _one_statement(text: bytes) -> tuple[list[Token], int]:
    """The tokens outside brackets of the only statement in ``text``, and where it ends."""
    found: list[Token] = []
    end = len(text)
    for token in tokens(text):
        if token.kind == "semicolon" and token.depth == 0:
            end = min(end, token.start)
        elif end < len(text):
            raise ServerError(
                Code.SYNTAX_ERROR,
                f"Syntax error (Multi-statements are not allowed): failed at position {end + 1} (end of query)",
            )
        elif token.depth == 0:
            found.append(token)
    if not found:
        raise ServerError(Code.SYNTAX_ERROR, "Syntax error: failed at position 1 (end of query): Empty query")
    return found, end


def _is_format_clause(found: list[Token], index: int) -> bool:
    if found[index].upper != b"FORMAT" or index == 0 or index + 1 >= len(found):
        return False
    before, name = found[index - 1], found[index + 1]
    if name.kind != "word" or name.upper in _AFTER_AN_IDENTIFIER or before.upper in _BEFORE_AN_IDENTIFIER:
        return False
    if before.kind == "other" and before.upper != b"*":
        return False
    return index + 2 == len(found) or found[index + 2].upper in {b"SETTINGS", b"INTO"}


def quote(value: str) -> str:
    """A string literal of ClickHouse's."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """A quoted identifier of ClickHouse's."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
