"""A streamed answer: its text is handed out as it comes, its last event holds the whole."""

import json
from collections.abc import Callable, Iterable

from ...errors import ModelFailed
from ...providers.reading import Json, mapping, number, text
from .failures import Ours, ended_badly, unreadable

__all__ = ["Heard", "OnText", "finished"]

OnText = Callable[[str | None], None]
"""Takes a piece of text, or None: forget the pieces, the answer begins anew."""

_TEXT = ("response.output_text.delta", "response.refusal.delta")
_LAST = ("response.completed", "response.incomplete", "response.failed")


class Heard:
    """Hands out text, and knows whether there is something to forget."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._message: object = None
        self.said = False

    def piece(self, message: object, delta: str) -> None:
        """A piece of the text of one message; messages are told apart as in a turn's text."""
        if not delta:
            return
        new = self.said and message != self._message
        self._message, self.said = message, True
        self._on_text(f"\n\n{delta}" if new else delta)

    def forget(self) -> None:
        said, self.said = self.said, False
        if said:
            self._on_text(None)


def finished(told: Iterable[str], heard: Heard, ours: Ours) -> Json:
    """The response that the stream ends with. Events are known by `data.type`; unknown ones do not matter.

    Raises ModelFailed, also for a stream that ends without such a response.
    """
    done: dict[int, Json] = {}
    for data in told:
        if data.strip() == "[DONE]":
            break
        event = _event(data)
        kind = text(event.get("type"))
        if event.get("error"):
            raise ended_badly(event["error"], ours)
        if kind == "error":
            raise ended_badly(event, ours)
        if kind in _TEXT:
            heard.piece(event.get("output_index"), text(event.get("delta")))
        elif kind == "response.output_item.done":
            done[int(number(event.get("output_index")) or 0)] = mapping(event.get("item"))
        elif kind in _LAST:
            response = mapping(event.get("response"))
            return response if response.get("output") else {**response, "output": [done[at] for at in sorted(done)]}
    raise ModelFailed("The model's answer broke off", retryable=True)


def _event(data: str) -> Json:
    try:
        return mapping(json.loads(data))
    except (ValueError, RecursionError):
        raise unreadable("an event that is no JSON") from None
