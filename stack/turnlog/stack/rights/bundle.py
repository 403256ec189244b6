"""A subject's data as one file: a zip archive with a file for each table, and a manifest that counts them."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from turnlog.schemas import UserError
from turnlog.sinks import client
from turnlog.sinks.rights import Kind, Ledger, Request, Rows, scoped
from turnlog.stack.query import ClickHouse

MANIFEST = "manifest.json"


class BundleFormat(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


_FORMATS = {BundleFormat.JSONL: "JSONEachRow", BundleFormat.PARQUET: "Parquet"}


def write_bundle(url: str, request: Request, file: Path, form: BundleFormat) -> dict[str, int]:
    """Write all rows of a subject into an archive and return how many there are, by table. Blocks until it is there.

    Args:
        url: ClickHouse's.
        request: Whose rows, and from when.
        file: The archive; never written over.
        form: How rows are written.

    Raises:
        UserError: The file exists or can't be written, or ClickHouse refuses.
        UnavailableError: ClickHouse does not answer.
    """
    assert request.kind is Kind.EXPORT
    server = ClickHouse(url)
    with _marks(server, request) as ledger:
        rows = Rows(ledger.database, request)
        counts: dict[str, int] = {}
        draft = file.with_name(f".{file.name}.part")
        try:
            if file.exists():
                raise UserError(f"{file} exists: name another file")
            with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as archive:
                for table in scoped(request):
                    condition = f"FROM {table.name} FINAL WHERE {rows.all_of(table)}"
                    counts[table.name] = int(server.rows(f"SELECT count() {condition}").rows[0][0])
                    if counts[table.name]:
                        query = f"SELECT * {condition} ORDER BY event_time"
                        with (
                            server.stream(query, fmt=_FORMATS[form]) as answer,
                            archive.open(f"{table.name}.{form}", "w", force_zip64=True) as out,
                        ):
                            for chunk in answer.chunks():
                                out.write(chunk)
                archive.writestr(MANIFEST, json.dumps(_manifest(request, counts, form), indent=2, ensure_ascii=False))
            draft.rename(file)
        except OSError as error:
            raise UserError(f"can't write {file}: {error.strerror}") from error
        finally:
            draft.unlink(missing_ok=True)
    return counts


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


def _manifest(request: Request, counts: dict[str, int], form: BundleFormat) -> dict[str, object]:
    return {
        "export": request.id,
        "tenant": request.tenant,
        "subject": list(request.tokens),
        "conversations": list(request.conversations),
        "up_to_us": request.range_to,
        "format": form.value,
        "rows": counts,
        "total": sum(counts.values()),
    }
