"""Multipart forms: fields are parameters of the query, files are external tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.job import ExternalTable
from turnlog.stack.endpoint.native import arguments
from turnlog.stack.endpoint.spool import Spool

_FIELDS_LIMIT: Final = 256 << 20


class Form:
    """Takes a multipart body piece by piece; files go to disk, fields to memory.

    Attributes:
        fields: names and values of the plain fields, in order.
        files: the external tables' data by name.
    """

    def __init__(self, content_type: str, directory: Path) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise ServerError(Code.BAD_ARGUMENTS, "A multipart form needs a boundary")
        self.fields: list[tuple[str, bytes]] = []
        self.files: dict[str, Spool] = {}
        self._directory = directory
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._value = bytearray()
        self._size = 0
        self._file: Spool | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body; blocks on the disk.

        Raises:
            ServerError: it is no multipart form, or its fields are too large.
        """
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise ServerError(Code.BAD_ARGUMENTS, f"Malformed multipart form: {error}") from None

    def finish(self) -> None:
        """Say that the body has ended.

        Raises:
            ServerError: the form has not.
        """
        if not self._ended:
            raise ServerError(Code.BAD_ARGUMENTS, "Malformed multipart form: it ends too early")

    def tables(self, options: Mapping[str, str]) -> list[ExternalTable]:
        """The external tables, as the parameters ``x_structure``, ``x_types`` and ``x_format`` describe them.

        Raises:
            ServerError: neither structure nor types are given.
        """
        tables = []
        for name, data in self.files.items():
            structure = options.get(f"{name}_structure", "")
            types = options.get(f"{name}_types", "")
            if not structure and not types:
                raise ServerError(
                    Code.BAD_ARGUMENTS,
                    "Neither structure nor types have not been provided for external table "
                    f"{name}. Use fields {name}_structure or {name}_types to do so.",
                )
            if not structure:
                structure = ", ".join(f"_{index} {kind}" for index, kind in enumerate(arguments(types), 1))
            tables.append(ExternalTable(name, structure, options.get(f"{name}_format", "TabSeparated"), data))
        return tables

    def close(self) -> None:
        """Give up the files."""
        for file in self.files.values():
            file.close()

    def _part_begin(self) -> None:
        self._headers = {}

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "surrogateescape")
        self._value = bytearray()
        self._file = None
        if b"filename" in options:
            self._file = self.files[self._name] = Spool(self._directory)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._size += end - start
        if self._size > _FIELDS_LIMIT:
            raise ServerError(Code.QUERY_IS_TOO_LARGE, f"Form fields are longer than {_FIELDS_LIMIT} bytes")
        self._value += data[start:end]

    def _part_end(self) -> None:
        if self._file is None:
            self.fields.append((self._name, bytes(self._value)))

    def _end(self) -> None:
        self._ended = True
