"""Answers read within a limit of bytes, counted after decompression and never inflated at once."""

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import cast

import httpx2

from flows.engine.errors import NodeError

_PIECE = 65_536
#: Opens gzip and zlib by their headers (zlib's manual: 32 + 15 bits of window).
_AUTOMATIC = 47
_RAW_DEFLATE = -15


def too_large(max_bytes: int) -> NodeError:
    return NodeError(
        "too_large",
        f"The answer is larger than {max_bytes:,} bytes. Ask for less, or raise the node's limit.",
        details={"max_bytes": max_bytes},
    )


class _Inflate:
    """Decompresses in pieces of at most 64 KB, so that a small bomb cannot fill the memory."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_AUTOMATIC)
        self._started = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data and not self._zlib.eof:
            piece = self._decompress(data)
            data = self._zlib.unconsumed_tail
            if piece:
                yield piece

    def _decompress(self, data: bytes) -> bytes:
        try:
            piece = self._zlib.decompress(data, _PIECE)
        except zlib.error:
            if self._started:
                raise
            # Some servers send `deflate` without zlib's header.
            self._zlib = zlib.decompressobj(_RAW_DEFLATE)
            piece = self._zlib.decompress(data, _PIECE)
        self._started = True
        return piece


class BoundedStream(httpx2.AsyncByteStream):
    """A response's body, decompressed, that ends in `too_large` beyond its limit."""

    def __init__(
        self, inner: AsyncIterable[bytes], headers: httpx2.Headers, max_bytes: int
    ) -> None:
        self._inner = inner
        self._max_bytes = max_bytes
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise NodeError(
                "bad_answer", f"The server answered in the encoding '{encoding}' it was not asked."
            )
        self._encoded = encoding not in ("", "identity")
        length = headers.get("content-length", "")
        if not self._encoded and length.isdecimal() and int(length) > max_bytes:
            raise too_large(max_bytes)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        inflate = _Inflate() if self._encoded else None
        async for raw in self._inner:
            try:
                for piece in inflate.pieces(raw) if inflate else (raw,):
                    count += len(piece)
                    if count > self._max_bytes:
                        raise too_large(self._max_bytes)
                    yield piece
            except zlib.error as error:
                raise NodeError(
                    "bad_answer", "The server's compressed answer is damaged.", retryable=True
                ) from error

    async def aclose(self) -> None:
        if hasattr(self._inner, "aclose"):
            await cast(httpx2.AsyncByteStream, self._inner).aclose()
