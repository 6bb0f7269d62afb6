"""A streamed answer on its way from a function to the client: passed on as it comes, no faster than it is taken."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from local.plain import items, mapping

_PRELUDE_LIMIT = 16 * 1024
_PRELUDE_END = b"\0" * 8
# As much as may wait for a slow reader before the function has to wait too, in bytes.
_BUFFER = 256 * 1024


class NoPrelude(Exception):
    """What a function streams does not begin as a gateway needs it."""


class Chunks:
    """One writer, one reader; a reader that is gone does not stop the writer."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._over = False
        self._dropped = False
        self.failed = False

    async def put(self, data: bytes) -> None:
        """Pass on a part, once there is room for it."""
        while self._size >= _BUFFER and not (self._over or self._dropped):
            self._emptied.clear()
            await self._emptied.wait()
        if data and not (self._over or self._dropped):
            self._waiting.append(data)
            self._size += len(data)
            self._filled.set()

    async def get(self) -> bytes | None:
        """The next part; None after the last, `failed` then says whether it is the end or a break."""
        while not self._waiting and not self._over:
            self._filled.clear()
            await self._filled.wait()
        if not self._waiting:
            return None
        data = self._waiting.popleft()
        self._size -= len(data)
        self._emptied.set()
        return data

    def end(self, whole: bytes = b"", *, failed: bool = False) -> None:
        """No more comes, but `whole`, the answer of a function that does not stream; a second end is ignored."""
        if not self._over:
            self._over, self.failed = True, failed
            if whole:
                self._waiting.append(whole)
                self._size += len(whole)
            self._filled.set()
            self._emptied.set()

    def drop(self) -> None:
        """Nobody reads any more: what comes from here on is thrown away."""
        self._dropped = True
        self._waiting.clear()
        self._size = 0
        self._emptied.set()


@dataclass(frozen=True)
class Prelude:
    """What comes before the body, and the part of the body that came with it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    rest: bytes


async def read_prelude(chunks: Chunks) -> Prelude:
    """Read up to the eight NUL bytes.

    Raises:
        NoPrelude: they do not come within 16 KB, or what comes before is not a prelude.
    """
    text = b""
    while _PRELUDE_END not in text:
        part = await chunks.get()
        if part is None or len(text) > _PRELUDE_LIMIT:
            raise NoPrelude
        text += part
    head, _, rest = text.partition(_PRELUDE_END)
    if len(head) + len(_PRELUDE_END) > _PRELUDE_LIMIT:
        raise NoPrelude
    try:
        fields = mapping(json.loads(head))
        status = int(fields.get("statusCode", 200))
    except (TypeError, ValueError):
        raise NoPrelude from None
    if not 200 <= status <= 599:
        raise NoPrelude
    return Prelude(status, tuple(headers_of(fields)), rest)


def headers_of(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Headers of an answer: one value each, several, and cookies."""
    several = {str(name).lower(): items(values) for name, values in mapping(fields.get("multiValueHeaders")).items()}
    for name, value in mapping(fields.get("headers")).items():
        several.setdefault(str(name).lower(), [value])
    several.setdefault("set-cookie", []).extend(items(fields.get("cookies")))
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, values in several.items()
        for value in values
    ]
