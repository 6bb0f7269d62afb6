"""A bounded buffer that carries a streamed response from a function to the client, with back pressure."""

import asyncio
from collections import deque
from collections.abc import Callable

_MAX_BUFFERED_BYTES = 256 * 1024
"""The function's writes wait while more than this is buffered for a slow reader."""


class ResponseStream:
    """A stream with one writer and one reader.

    `failed` tells after the end whether the response was cut off.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._data_available = asyncio.Event()
        self._space_available = asyncio.Event()
        self._is_ended = False
        self._is_discarded = False
        self._on_discard: Callable[[], None] | None = None
        self.failed = False

    async def put(self, data: bytes) -> None:
        """Append a chunk, once the buffer has room; after `end` or `discard` the chunk is dropped."""
        while self._buffered_bytes >= _MAX_BUFFERED_BYTES and not (self._is_ended or self._is_discarded):
            self._space_available.clear()
            await self._space_available.wait()
        if data and not (self._is_ended or self._is_discarded):
            self._chunks.append(data)
            self._buffered_bytes += len(data)
            self._data_available.set()

    async def get(self) -> bytes | None:
        """Wait for the next chunk; None after the last one."""
        while not self._chunks and not self._is_ended:
            self._data_available.clear()
            await self._data_available.wait()
        if not self._chunks:
            return None
        data = self._chunks.popleft()
        self._buffered_bytes -= len(data)
        self._space_available.set()
        return data

    def end(self, final_chunk: bytes = b"", *, failed: bool = False) -> None:
        """End the stream; a second call is ignored.

        Args:
            final_chunk: The whole response of a function that does not stream, else empty.
            failed: Whether the response was cut off.
        """
        if not self._is_ended:
            self._is_ended, self.failed = True, failed
            if final_chunk:
                self._chunks.append(final_chunk)
                self._buffered_bytes += len(final_chunk)
            self._data_available.set()
            self._space_available.set()

    def call_on_discard(self, callback: Callable[[], None]) -> None:
        """Call this once the reader has gone before the end; at once if it has."""
        if self._is_discarded and not self._is_ended:
            callback()
        self._on_discard = callback

    def discard(self) -> None:
        """Drop the buffered chunks and all further ones, because the reader has gone."""
        is_first, self._is_discarded = not self._is_discarded, True
        self._chunks.clear()
        self._buffered_bytes = 0
        self._space_available.set()
        if is_first and not self._is_ended and self._on_discard is not None:
            self._on_discard()
