"""ClickHouse's own compression of HTTP bodies (``compress=1``, ``decompress=1``): checked blocks, not a content coding.

A block is a CityHash128 of the rest, a byte for the method, the sizes of the block without the hash and of the data,
each in 4 bytes, and the compressed data.
"""

from __future__ import annotations

import struct
from typing import Final

import lz4.block  # type: ignore[import-untyped]  # the package has no annotations
import zstandard

from turnlog.stack.endpoint.cityhash import cityhash128
from turnlog.stack.endpoint.errors import Code, ServerError

_HASH_BYTES: Final = 16
_HEADER: Final = struct.Struct("<BII")
_NONE: Final = 0x02
_LZ4: Final = 0x82
_ZSTD: Final = 0x90
_BLOCK: Final = 1 << 20
_MAX_BLOCK: Final = 1 << 30


class BlockEncoder:
    """Compresses with LZ4, as servers do unless told otherwise."""

    def feed(self, data: bytes) -> bytes:
        """Return the blocks of ``data``."""
        return b"".join(_block(data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK))

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""


class BlockDecoder:
    """Takes blocks piece by piece. The hash is not checked: TCP and the codecs have checks of their own."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Return the data of the blocks that are complete.

        Raises:
            ServerError: a block is not one.
        """
        self._waiting += data
        parts: list[bytes] = []
        while len(self._waiting) >= _HASH_BYTES + _HEADER.size:
            method, size, original = _HEADER.unpack_from(self._waiting, _HASH_BYTES)
            if not _HEADER.size <= size <= _MAX_BLOCK or original > _MAX_BLOCK:
                raise ServerError(Code.CANNOT_DECOMPRESS, "Cannot decompress: a block's header has impossible sizes")
            end = _HASH_BYTES + size
            if len(self._waiting) < end:
                break
            parts.append(_data(method, bytes(self._waiting[_HASH_BYTES + _HEADER.size : end]), original))
            del self._waiting[:end]
        return b"".join(parts)

    def finish(self) -> bytes:
        """Check that no block is incomplete.

        Raises:
            ServerError: one is.
        """
        if self._waiting:
            raise ServerError(Code.CANNOT_DECOMPRESS, "Cannot decompress: the last block is incomplete")
        return b""


def _block(data: bytes) -> bytes:
    packed: bytes = lz4.block.compress(data, store_size=False)
    rest = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(data)) + packed
    return cityhash128(rest) + rest


def _data(method: int, packed: bytes, size: int) -> bytes:
    try:
        if method == _LZ4:
            data: bytes = lz4.block.decompress(packed, uncompressed_size=size)
        elif method == _ZSTD:
            data = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
        elif method == _NONE:
            data = packed
        else:
            raise ServerError(Code.UNKNOWN_COMPRESSION_METHOD, f"Unknown compression method: {method:#x}")
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise ServerError(Code.CANNOT_DECOMPRESS, f"Cannot decompress: {error}") from None
    if len(data) != size:
        raise ServerError(Code.CANNOT_DECOMPRESS, "Cannot decompress: a block's data is not as long as it says")
    return data
