"""A streamed response: text deltas are relayed as they arrive; the final event ends the response."""

from collections.abc import Callable, Iterable

from ...errors import ModelFailed
from ...json_values import JsonObject, as_object, as_text
from .errors import RequestRedactor, error_from_response, invalid_response_error
from .response_body import parse_json
from .streamed_output import StreamedOutput

__all__ = ["TextCallback", "TextRelay", "read_response"]

TextCallback = Callable[[str | None], None]
"""Takes a text delta, or None: the deltas so far are void, because the response starts again."""

_DELTA_EVENTS = ("response.output_text.delta", "response.refusal.delta")
_FINAL_EVENTS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class TextRelay:
    """Relays text deltas to a callback, if there is one.

    Attributes:
        is_wanted: whether there is a callback.
        has_sent_text: whether there were deltas since the last reset.
    """

    def __init__(self, on_text: TextCallback | None = None) -> None:
        self.is_wanted = on_text is not None
        self._on_text: TextCallback = on_text or (lambda _delta: None)
        self._message_index: object = None
        self.has_sent_text = False

    def send_delta(self, message_index: object, delta: str) -> None:
        """Relay a delta. A blank line separates two messages, as in `ModelTurn.text`."""
        if not delta:
            return
        is_new_message = self.has_sent_text and message_index != self._message_index
        self._message_index, self.has_sent_text = message_index, True
        self._on_text(f"\n\n{delta}" if is_new_message else delta)

    def reset(self) -> None:
        """Declare the deltas so far void, if there were any."""
        had_text, self.has_sent_text = self.has_sent_text, False
        if had_text:
            self._on_text(None)


def read_response(events: Iterable[str], relay: TextRelay, redactor: RequestRedactor) -> JsonObject:
    """Read a stream to its final event and return the response in it, with all that was streamed before.

    Args:
        events: the data of each event. The event's type is the member `type`; unknown types are ignored.
        relay: gets the text deltas.
        redactor: for error messages.

    Raises:
        AnswerTooLong: what is kept of the events is over a limit.
        ModelFailed: the stream holds an error, is not valid, or ends without a response.
    """
    output = StreamedOutput()
    for data in events:
        if data.strip() == "[DONE]":
            break
        event = _parse_event(data)
        kind = as_text(event.get("type"))
        if event.get("error"):
            raise error_from_response(event["error"], redactor)
        if kind == "error":
            raise error_from_response(event, redactor)
        if kind in _FINAL_EVENTS:
            response = as_object(event.get("response"))
            status = as_text(response.get("status")) or kind.removeprefix("response.")
            return {**response, "status": status, "output": output.merge_into(response.get("output"))}
        message_number = output.add(event, len(data))
        if kind in _DELTA_EVENTS:
            relay.send_delta(message_number, as_text(event.get("delta")))
    raise ModelFailed("The model's answer broke off", retryable=True)


def _parse_event(data: str) -> JsonObject:
    event = parse_json(data)
    if event is None and data.strip() != "null":
        raise invalid_response_error("an event that is no JSON")
    return as_object(event)
