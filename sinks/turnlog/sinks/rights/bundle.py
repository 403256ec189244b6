"""A subject's data as one file: a zip archive with a file for each table, and a manifest that counts them."""

from __future__ import annotations

import json
import os
import secrets
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import file_digest
from io import BufferedRandom
from pathlib import Path
from urllib.parse import quote

from turnlog.schemas import TransientError, UserError
from turnlog.sinks.clients import client
from turnlog.sinks.errors import UnavailableError
from turnlog.sinks.query import ClickHouse, QueryError, ServerAwayError
from turnlog.sinks.rights.carry import Outcome
from turnlog.sinks.rights.ledger import Ledger
from turnlog.sinks.rights.request import Kind, Request
from turnlog.sinks.rights.sql import Rows, array, scoped

MANIFEST = "manifest.json"


class BundleFormat(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


_FORMATS = {BundleFormat.JSONL: "JSONEachRow", BundleFormat.PARQUET: "Parquet"}


@dataclass(frozen=True)
class Bundle:
    """What was written.

    Attributes:
        rows: How many rows, by table.
        sha256: The archive's digest, in hexadecimal.
    """

    rows: Mapping[str, int]
    sha256: str


class Exporter:
    """Writes the bundles that are asked for by the topic.

    Args:
        url: ClickHouse's.
        folder: Where they go; made when it is missing, for its owner alone.
        form: How rows are written.
    """

    def __init__(self, url: str, folder: Path, form: BundleFormat = BundleFormat.JSONL) -> None:
        self._url = url
        self._folder = folder
        self._form = form

    def export(self, request: Request) -> Outcome:
        """Write a request's bundle; done again, it is written over. Blocks until it is there.

        Raises:
            TransientError: ClickHouse does not answer, or rows changed meanwhile; the same request can be tried again.
        """
        name = f"{quote(request.tenant, safe='')}.{request.id}.zip"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            bundle = write_bundle(self._url, request, self._folder / name, self._form, over=True)
        except OSError as error:
            return Outcome("failed", f"the folder for exports can't be made: {error.strerror}")
        except (QueryError, ServerAwayError) as error:
            raise UnavailableError(str(error)) from error
        except UserError as error:
            return Outcome("failed", str(error))
        where = {"file": name, "sha256": bundle.sha256}
        return Outcome("done", None, bundle.rows, "counted: as many rows written as there are", where)


def write_bundle(url: str, request: Request, file: Path, form: BundleFormat, *, over: bool = False) -> Bundle:
    """Write all rows of a subject into an archive for its owner alone; blocks until it is there, and whole.

    Args:
        url: ClickHouse's.
        request: Whose rows, and from when.
        file: The archive.
        form: How rows are written.
        over: Whether it is written over if it exists.

    Raises:
        UserError: The file exists or can't be written, or ClickHouse refuses.
        TransientError: ClickHouse does not answer, or there were other rows than had been counted.
    """
    assert request.kind is Kind.EXPORT
    if file.exists() and not over:
        raise UserError(f"{file} exists: name another file")
    server = ClickHouse(url)
    try:
        with _marks(server, request) as ledger, _draft(file, over=over) as out:
            rows = _write(server, Rows(ledger.database, request), request, out, form)
            out.seek(0)
            digest = file_digest(out, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"can't write {file}: {error.strerror}") from error
    return Bundle(rows, digest)


def _write(server: ClickHouse, rows: Rows, request: Request, out: BufferedRandom, form: BundleFormat) -> dict[str, int]:
    counts: dict[str, int] = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, condition in _asked_for(rows, request).items():
            found = f"FROM {name} FINAL WHERE {condition}"
            counts[name] = int(server.rows(f"SELECT count() {found}").rows[0][0])
            if not counts[name]:
                continue
            lines = 0
            with (
                server.stream(f"SELECT * {found} ORDER BY event_time", fmt=_FORMATS[form]) as answer,
                archive.open(_entry(f"{name}.{form}"), "w", force_zip64=True) as entry,
            ):
                for chunk in answer.chunks():
                    entry.write(chunk)
                    lines += chunk.count(b"\n")
            if form is BundleFormat.JSONL and lines != counts[name]:
                raise TransientError(f"{lines} rows of {name} where {counts[name]} were: ask again")
        manifest = json.dumps(_manifest(request, counts, form), indent=2, ensure_ascii=False)
        archive.writestr(_entry(MANIFEST), manifest)
    return counts


def _asked_for(rows: Rows, request: Request) -> dict[str, str]:
    """Return the condition for a subject's rows by table: also for what was done about them, which is known of them."""
    found = {table.name: rows.all_of(table) for table in scoped(request)}
    if request.tokens and not request.scope:
        found["audit"] = f"{rows.within()} AND multiSearchAny(resource, {array(request.tokens)})"
    return found


@contextmanager
def _marks(server: ClickHouse, request: Request) -> Iterator[Ledger]:
    opened = client(server.address)
    ledger = Ledger(opened, server.address.database)
    try:
        ledger.mark(request)
        try:
            yield ledger
        finally:
            ledger.forget(request)
    finally:
        opened.close()


@contextmanager
def _draft(file: Path, *, over: bool) -> Iterator[BufferedRandom]:
    """Give a file that nobody else can read, and put it in its place when it is whole."""
    draft = file.with_name(f".{secrets.token_hex(8)}.part")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w+b") as out:  # noqa: PTH123 - of a descriptor, which Path cannot
            yield out
            out.flush()
            os.fsync(descriptor)
        if over:
            draft.replace(file)
        else:
            file.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _manifest(request: Request, counts: dict[str, int], form: BundleFormat) -> dict[str, object]:
    return {
        "export": request.id,
        "tenant": request.tenant,
        "subject": list(request.tokens),
        "conversations": list(request.conversations),
        "up_to": datetime.fromtimestamp(request.range_to / 1_000_000, UTC).isoformat(timespec="milliseconds"),
        "format": form.value,
        "rows": counts,
        "total": sum(counts.values()),
    }
