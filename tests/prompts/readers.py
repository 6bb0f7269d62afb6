"""Three readers of server-sent events that share no code: by our own grammar, as browsers read, and as a client that
has seen one example."""

import json
import re
from dataclasses import dataclass
from typing import Any

_FRAME = re.compile(rb"event: (?P<event>[a-z.]+)\ndata: (?P<data>[^\r\n]+)\n(?:id: (?P<id>[1-9]\d*)\n)?\n")
_BETWEEN = re.compile(rb"retry: \d+\n\n|:[^\r\n]*\n\n?")


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


def by_grammar(raw: bytes | bytearray, whole: bool = True) -> list[Message]:
    """The messages of a stream that holds nothing but what ours may hold; with `whole` no half frame at its end."""
    messages, place = list[Message](), 0
    while place < len(raw):
        if found := _FRAME.match(raw, place):
            event, data, number = (found[name].decode() if found[name] else "" for name in ("event", "data", "id"))
            messages.append(Message(event, data, number))
        elif not (found := _BETWEEN.match(raw, place)):
            assert not whole, raw[place : place + 200]
            break
        place = found.end()
    return messages


def by_example(raw: bytes | bytearray) -> list[Message]:
    """What people write who ignore ids and comments: their messages have none."""
    messages: list[Message] = []
    for block in raw.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line[:6] in ("event:", "data: "))
        if fields:
            messages.append(Message(fields["event"], fields["data"]))
    return messages


class EventSource:
    """What a browser does with the bytes, in whatever pieces they come (WHATWG HTML, 9.2.6)."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.last_id = ""
        self.retry: int | None = None
        self._rest = b""
        self._started = False
        self._event, self._data, self._id = "", list[str](), ""

    def feed(self, piece: bytes) -> None:
        self._rest += piece
        if not self._started and len(self._rest) >= 3:
            self._rest, self._started = self._rest.removeprefix(b"\xef\xbb\xbf"), True
        # A CR at the very end may be half of a CRLF.
        while found := re.search(rb"\r\n|\n|\r(?!\Z)", self._rest):
            line, self._rest = self._rest[: found.start()], self._rest[found.end() :]
            self._line(line.decode(errors="replace"))

    def _line(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
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
        # Only here: an id whose event was cut off is not one to come back with.
        self.last_id = self._id
        if self._data:
            self.messages.append(Message(self._event or "message", "\n".join(self._data), self.last_id))
        self._event, self._data = "", []
