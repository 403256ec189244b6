"""ClickHouse's compressed blocks."""

import struct

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.stack.endpoint.blocks import BlockDecoder, BlockEncoder
from turnlog.stack.endpoint.cityhash import cityhash128
from turnlog.stack.endpoint.errors import ServerError


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "2b9ac064fc9df03d291ee592c340b53c"),
        (b"hello", "ef6b13cd6582aebbecb5f4a35b1d88f1"),
        (bytes(range(100)), "d489710a51d96a83f90e6d0bf9fdd592"),
        (bytes(range(256)) * 3, "7159c62ab6f9e5df0fcc5ecc5cfde705"),
    ],
)
def test_hashes_as_the_reference_implementation_does(data: bytes, digest: str) -> None:
    assert cityhash128(data).hex() == digest


@settings(deadline=None, max_examples=30)
@given(pieces=st.lists(st.binary(max_size=300), max_size=4), step=st.integers(1, 50))
def test_what_is_encoded_decodes(pieces: list[bytes], step: int) -> None:
    encoder = BlockEncoder()
    data = b"".join(encoder.feed(piece) for piece in pieces) + encoder.finish()
    decoder = BlockDecoder()
    parts = [decoder.feed(data[begin : begin + step]) for begin in range(0, len(data), step)]
    assert b"".join(parts) + decoder.finish() == b"".join(pieces)


def test_takes_other_methods() -> None:
    packed = zstandard.ZstdCompressor().compress(b"abc")
    blocks = b"".join(
        bytes(16) + struct.pack("<BII", method, 9 + len(data), 3) + data
        for method, data in [(0x90, packed), (0x02, b"def")]
    )
    assert BlockDecoder().feed(blocks) == b"abcdef"


@pytest.mark.parametrize(
    "block",
    [
        bytes(16) + struct.pack("<BII", 0x55, 12, 3) + b"abc",
        bytes(16) + struct.pack("<BII", 0x82, 12, 3) + b"\xff\xff\xff",
        bytes(16) + struct.pack("<BII", 0x82, 3, 3),
        bytes(16) + struct.pack("<BII", 0x02, 12, 4) + b"abc",
    ],
)
def test_refuses_what_is_no_block(block: bytes) -> None:
    with pytest.raises(ServerError):
        BlockDecoder().feed(block)


def test_refuses_an_incomplete_block() -> None:
    decoder = BlockDecoder()
    decoder.feed(b"x")
    with pytest.raises(ServerError, match="incomplete"):
        decoder.finish()
