"""Content codings."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.stack.endpoint.compression import choose_encoding, decoder, encoder
from turnlog.stack.endpoint.errors import ServerError

_CODINGS = ["lz4", "zstd", "gzip", "deflate", "xz", "bz2"]


@pytest.mark.parametrize("coding", ["", *_CODINGS])
@settings(deadline=None, max_examples=25)
@given(pieces=st.lists(st.binary(max_size=500), max_size=5), step=st.integers(1, 64))
def test_what_is_encoded_decodes(coding: str, pieces: list[bytes], step: int) -> None:
    codec = encoder(coding)
    data = b"".join(codec.feed(piece) for piece in pieces) + codec.finish()
    back = decoder(coding)
    parts = [back.feed(data[begin : begin + step]) for begin in range(0, len(data), step)]
    assert b"".join(parts) + back.finish() == b"".join(pieces)


@pytest.mark.parametrize("coding", _CODINGS)
def test_frames_in_a_row_are_one_body(coding: str) -> None:
    frames = b""
    for text in (b"one", b"two"):
        codec = encoder(coding)
        frames += codec.feed(text) + codec.finish()
    back = decoder(coding)
    assert back.feed(frames) + back.finish() == b"onetwo"


@pytest.mark.parametrize("coding", _CODINGS)
def test_refuses_a_body_that_ends_too_early_or_is_something_else(coding: str) -> None:
    codec = encoder(coding)
    data = codec.feed(b"x" * 1000) + codec.finish()
    back = decoder(coding)
    back.feed(data[:-6])
    with pytest.raises(ServerError, match="too early"):
        back.finish()
    with pytest.raises(ServerError, match="Cannot decompress"):
        decoder(coding).feed(b"this is not compressed at all")


def test_refuses_an_unknown_coding() -> None:
    with pytest.raises(ServerError, match="snap"):
        decoder("snap")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [("", ""), ("gzip, zstd", "zstd"), ("gzip;q=1.0", "gzip"), ("lz4;q=0, gzip", "gzip"), ("identity", "")],
)
def test_chooses_what_the_client_takes(accept: str, chosen: str) -> None:
    assert choose_encoding(accept) == chosen
