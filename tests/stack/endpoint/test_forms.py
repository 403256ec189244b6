"""Multipart forms."""

from pathlib import Path

import pytest

from turnlog.stack.endpoint.errors import ServerError
from turnlog.stack.endpoint.forms import Form

_TYPE = "multipart/form-data; boundary=XX"
_BODY = (
    b'--XX\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT\r\n1\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="t"; filename="f"\r\nContent-Type: text/csv\r\n\r\n1,a\r\n2,b\r\n'
    b"--XX--\r\n"
)


@pytest.mark.parametrize("step", [1, 7, len(_BODY)])
def test_fields_and_files_however_they_are_cut(step: int, tmp_path: Path) -> None:
    form = Form(_TYPE, tmp_path)
    for begin in range(0, len(_BODY), step):
        form.feed(_BODY[begin : begin + step])
    form.finish()
    assert form.fields == [("query", b"SELECT\r\n1")]
    (table,) = form.tables({"t_types": "UInt8, Map(String, UInt8)", "t_format": "CSV"})
    assert (table.name, table.structure, table.format) == ("t", "_1 UInt8, _2 Map(String, UInt8)", "CSV")
    assert table.data.read() == b"1,a\r\n2,b"
    form.close()


def test_refuses_what_is_no_form(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="boundary"):
        Form("multipart/form-data", tmp_path)
    form = Form(_TYPE, tmp_path)
    with pytest.raises(ServerError, match="Malformed"):
        form.feed(b"no form at all")
    form = Form(_TYPE, tmp_path)
    form.feed(_BODY[:50])
    with pytest.raises(ServerError, match="too early"):
        form.finish()


def test_a_table_needs_a_structure(tmp_path: Path) -> None:
    form = Form(_TYPE, tmp_path)
    form.feed(_BODY)
    with pytest.raises(ServerError, match="t_structure"):
        form.tables({})
    form.close()
