"""Three independent readers of server-sent events: by our own grammar, by the browsers' standard, and a naive one."""

import json
import re
from dataclasses import dataclass
from typing import Any

_EVENT_FRAME = re.compile(
    rb"event: (?P<event>[a-z.]+)\ndata: (?P<data>[^\r\n]+)\n(?:id: (?P<id>[1-9]\d*(?:\.[1-9]\d*)?)\n)?\n"
)
_COMMENT_OR_RETRY = re.compile(rb"retry: \d+\n\n|:[^\r\n]*\n\n?")


@dataclass(frozen=True)
class Message:
    """One event; `id` is empty where it had none."""

    event: str
    text: str
    id: str = ""

    @property
    def data(self) -> dict[str, Any]:
        data = json.loads(self.text)
        assert isinstance(data, dict)
        return data


def parse_strictly(raw: bytes | bytearray, is_complete: bool = True) -> list[Message]:
    """Parse a stream that may hold only what ours may; if `is_complete`, without a partial frame at its end."""
    messages, offset = list[Message](), 0
    while offset < len(raw):
        if found := _EVENT_FRAME.match(raw, offset):
            event, data, number = (found[name].decode() if found[name] else "" for name in ("event", "data", "id"))
            messages.append(Message(event, data, number))
        elif not (found := _COMMENT_OR_RETRY.match(raw, offset)):
            assert not is_complete, raw[offset : offset + 200]
            break
        offset = found.end()
    return messages


def parse_naively(raw: bytes | bytearray) -> list[Message]:
    """Parse as clients do that ignore ids and comments; their messages have no id."""
    messages: list[Message] = []
    for block in raw.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line[:6] in ("event:", "data: "))
        if fields:
            messages.append(Message(fields["event"], fields["data"]))
    return messages


class EventSource:
    """Parses chunks as a browser does (WHATWG HTML, 9.2.6)."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.last_id = ""
        self.retry: int | None = None
        self._buffer = b""
        self._bom_checked = False
        self._event, self._data, self._id = "", list[str](), ""

    def feed(self, chunk: bytes) -> None:
        self._buffer += chunk
        if not self._bom_checked and len(self._buffer) >= 3:
            self._buffer, self._bom_checked = self._buffer.removeprefix(b"\xef\xbb\xbf"), True
        # A CR at the very end may be half of a CRLF.
        while found := re.search(rb"\r\n|\n|\r(?!\Z)", self._buffer):
            line, self._buffer = self._buffer[: found.start()], self._buffer[found.end() :]
            self._process_line(line.decode(errors="replace"))

    def _process_line(self, text: str) -> None:
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if not text:
            self._dispatch()
        elif name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value)

    def _dispatch(self) -> None:
        # Only here: a client may not resume from the id of an incomplete event.
        self.last_id = self._id
        if self._data:
            self.messages.append(Message(self._event or "message", "\n".join(self._data), self.last_id))
        self._event, self._data = "", []
