"""HTTP content codings, as streams: bodies come in and results go out piece by piece."""

from __future__ import annotations

import bz2
import importlib
import importlib.util
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

import lz4.frame  # type: ignore[import-untyped]  # the package has no annotations
import zstandard

from turnlog.stack.endpoint.errors import Code, ServerError

_GZIP_BITS: Final = 31
_AUTO_BITS: Final = 47


class Codec(Protocol):
    """One direction of one coding."""

    def feed(self, data: bytes) -> bytes:
        """Take a piece; return what is ready."""

    def finish(self) -> bytes:
        """Return the rest.

        Raises:
            ServerError: a compressed body ended too early.
        """


class _Plain:
    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Encoder:
    """A compressor with the usual ``compress`` and ``flush``."""

    def __init__(self, inner: Any, head: bytes = b"") -> None:
        self._inner = inner
        self._head = head

    def feed(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        ready: bytes = self._inner.compress(data)
        return head + ready

    def finish(self) -> bytes:
        head, self._head = self._head, b""
        rest: bytes = self._inner.flush()
        return head + rest


class _Brotli:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def feed(self, data: bytes) -> bytes:
        ready: bytes = self._inner.process(data)
        return ready

    def finish(self) -> bytes:
        rest: bytes = self._inner.finish()
        return rest


class _Decoder:
    """A decompressor of frames; several frames in a row are one body."""

    def __init__(self, make: Callable[[], Any], coding: str) -> None:
        self._make = make
        self._inner = make()
        self._coding = coding
        self._started = False

    def feed(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        while data:
            if self._inner.eof:
                self._inner = self._make()
            self._started = True
            try:
                parts.append(self._inner.decompress(data))
            except (zlib.error, zstandard.ZstdError, RuntimeError, OSError, lzma.LZMAError, EOFError) as error:
                raise ServerError(Code.CANNOT_DECOMPRESS, f"Cannot decompress {self._coding}: {error}") from None
            data = (self._inner.unused_data or b"") if self._inner.eof else b""
        return b"".join(parts)

    def finish(self) -> bytes:
        if self._started and not self._inner.eof:
            raise ServerError(Code.CANNOT_DECOMPRESS, f"Cannot decompress {self._coding}: the body ends too early")
        return b""


class _BrotliDecoder:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def feed(self, data: bytes) -> bytes:
        try:
            ready: bytes = self._inner.process(data)
        except Exception as error:  # noqa: BLE001 - the binding's own error class differs between its two packages
            raise ServerError(Code.CANNOT_DECOMPRESS, f"Cannot decompress br: {error}") from None
        return ready

    def finish(self) -> bytes:
        return b""


def _brotli() -> Any:
    return importlib.import_module("brotli")


def _lz4_encoder() -> Codec:
    inner = lz4.frame.LZ4FrameCompressor()
    return _Encoder(inner, inner.begin())


_ENCODERS: Final[dict[str, Callable[[], Codec]]] = {
    "lz4": _lz4_encoder,
    "zstd": lambda: _Encoder(zstandard.ZstdCompressor(level=1).compressobj()),
    **({"br": lambda: _Brotli(_brotli().Compressor(quality=1))} if importlib.util.find_spec("brotli") else {}),
    "gzip": lambda: _Encoder(zlib.compressobj(3, zlib.DEFLATED, _GZIP_BITS)),
    "deflate": lambda: _Encoder(zlib.compressobj(3)),
    "xz": lambda: _Encoder(lzma.LZMACompressor(preset=1)),
    "bz2": lambda: _Encoder(bz2.BZ2Compressor(1)),
}
_DECODERS: Final[dict[str, Callable[[], Codec]]] = {
    "lz4": lambda: _Decoder(lz4.frame.LZ4FrameDecompressor, "lz4"),
    "zstd": lambda: _Decoder(lambda: zstandard.ZstdDecompressor().decompressobj(), "zstd"),
    **({"br": lambda: _BrotliDecoder(_brotli().Decompressor())} if importlib.util.find_spec("brotli") else {}),
    "gzip": lambda: _Decoder(lambda: zlib.decompressobj(_AUTO_BITS), "gzip"),
    "deflate": lambda: _Decoder(lambda: zlib.decompressobj(_AUTO_BITS), "deflate"),
    "xz": lambda: _Decoder(lzma.LZMADecompressor, "xz"),
    "bz2": lambda: _Decoder(bz2.BZ2Decompressor, "bz2"),
}


def choose_encoding(accept_encoding: str) -> str:
    """The coding to answer with: the cheapest one that the client takes, or an empty string for none."""
    accepted: set[str] = set()
    for item in accept_encoding.split(","):
        name, _, weight = item.strip().partition(";")
        if weight.replace(" ", "") not in {"q=0", "q=0.0"}:
            accepted.add(name.strip().lower())
    return next((name for name in _ENCODERS if name in accepted), "")


def encoder(coding: str) -> Codec:
    """A compressor for a coding that :func:`choose_encoding` returned; an empty one copies."""
    return _ENCODERS[coding]() if coding else _Plain()


def decoder(content_encoding: str) -> Codec:
    """A decompressor for a request's Content-Encoding.

    Raises:
        ServerError: the coding is unknown or its library is not installed.
    """
    name = content_encoding.strip().lower()
    if name in {"", "identity"}:
        return _Plain()
    if name == "x-gzip":
        name = "gzip"
    if name not in _DECODERS:
        raise ServerError(Code.NOT_IMPLEMENTED, f"Unknown compression method '{name}' of the request's body")
    return _DECODERS[name]()
