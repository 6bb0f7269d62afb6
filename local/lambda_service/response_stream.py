"""A streamed answer on its way from a function to the client: passed on as it comes, no faster than it is taken."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from local.json_values import list_or_empty, mapping_or_empty

_MAX_PRELUDE_BYTES = 16 * 1024
_PRELUDE_DELIMITER = b"\0" * 8
# As much as may wait for a slow reader before the function has to wait too, in bytes.
_MAX_BUFFERED_BYTES = 256 * 1024


class InvalidPrelude(Exception):
    """What a function streams does not begin as a gateway needs it."""


class ResponseStream:
    """One writer, one reader; a reader that is gone does not stop the writer."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._data_available = asyncio.Event()
        self._space_available = asyncio.Event()
        self._is_ended = False
        self._is_discarded = False
        self.failed = False

    async def put(self, data: bytes) -> None:
        """Pass on a part, once there is room for it."""
        while self._buffered_bytes >= _MAX_BUFFERED_BYTES and not (self._is_ended or self._is_discarded):
            self._space_available.clear()
            await self._space_available.wait()
        if data and not (self._is_ended or self._is_discarded):
            self._chunks.append(data)
            self._buffered_bytes += len(data)
            self._data_available.set()

    async def get(self) -> bytes | None:
        """The next part; None after the last, `failed` then says whether it is the end or a break."""
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
        """No more comes, but `whole`, the answer of a function that does not stream; a second end is ignored."""
        if not self._is_ended:
            self._is_ended, self.failed = True, failed
            if final_chunk:
                self._chunks.append(final_chunk)
                self._buffered_bytes += len(final_chunk)
            self._data_available.set()
            self._space_available.set()

    def discard(self) -> None:
        """Nobody reads any more: what comes from here on is thrown away."""
        self._is_discarded = True
        self._chunks.clear()
        self._buffered_bytes = 0
        self._space_available.set()


@dataclass(frozen=True)
class Prelude:
    """What comes before the body, and the part of the body that came with it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    first_chunk: bytes


async def read_prelude(response_stream: ResponseStream) -> Prelude:
    """Read up to the eight NUL bytes.

    Raises:
        NoPrelude: they do not come within 16 KB, or what comes before is not a prelude.
    """
    text = b""
    while _PRELUDE_DELIMITER not in text:
        chunk = await response_stream.get()
        if chunk is None or len(text) > _MAX_PRELUDE_BYTES:
            raise InvalidPrelude
        text += chunk
    head, _, rest = text.partition(_PRELUDE_DELIMITER)
    if len(head) + len(_PRELUDE_DELIMITER) > _MAX_PRELUDE_BYTES:
        raise InvalidPrelude
    try:
        fields = mapping_or_empty(json.loads(head))
        status = int(fields.get("statusCode", 200))
    except (TypeError, ValueError):
        raise InvalidPrelude from None
    if not 200 <= status <= 599:
        raise InvalidPrelude
    return Prelude(status, tuple(collect_headers(fields)), rest)


def collect_headers(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Headers of an answer: one value each, several, and cookies."""
    grouped = {
        str(name).lower(): list_or_empty(values)
        for name, values in mapping_or_empty(fields.get("multiValueHeaders")).items()
    }
    for name, value in mapping_or_empty(fields.get("headers")).items():
        grouped.setdefault(str(name).lower(), [value])
    grouped.setdefault("set-cookie", []).extend(list_or_empty(fields.get("cookies")))
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, values in grouped.items()
        for value in values
    ]
