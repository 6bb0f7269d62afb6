"""What the mappings of both chat protocols share: a prompt's events as turns, texts, tool calls and approvals."""

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple

from ...prompts.event_subscription import StreamEvent
from ...prompts.termination import CANCELLED_MESSAGE
from ..agent_api.event_stream import STREAM_HEADERS, BreakCause

__all__ = ["Decision", "EventMapping", "format_approval_id", "parse_approval_id"]

_TIME_LIMIT, _RECALLED = "This stream's time is over", "This stream has made room for another one"


class Decision(NamedTuple):
    """How an approval was decided. `reason` is for people."""

    is_approved: bool
    reason: str | None


def format_approval_id(prompt_id: str, call_id: str) -> str:
    """Return the id by which a client names an approval."""
    return f"{prompt_id}:{call_id}"


def parse_approval_id(approval_id: str) -> tuple[str, str]:
    """Return the ids of an approval's prompt and tool call; both are empty for what is no approval's id."""
    prompt_id, separator, call_id = approval_id.partition(":")
    return (prompt_id, call_id) if separator else ("", "")


class EventMapping(ABC):
    """Encodes one stream of a prompt's events in a protocol. It implements `agent_api.event_stream.StreamEncoder`.

    A stream ends with the prompt, or where a person has to decide: the answer comes with a new request. A model's text
    is sent while it is generated, and its stored event adds only what is missing.

    The log has no turns. One begins with a text, and with a call after a result: a text is the first of a turn.

    Attributes:
        prompt_id: the prompt.
        has_ended: whether the stream is over.
    """

    extra_headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, prompt_id: str) -> None:
        self.prompt_id = prompt_id
        self.has_ended = False
        self._frames: list[bytes] = []
        self._sent_text: str | None = None  # None while no text is open.
        self._is_turn_open = False
        self._is_turn_empty = False
        self._has_result = False
        self._calls: dict[str, bool] = {}  # Whether each has its result.
        self._answered: set[str] = set()
        self._decisions: dict[str, Decision] = {}
        self._open_approvals: dict[str, Mapping[str, Any]] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response."""
        return {**STREAM_HEADERS, **self.extra_headers}

    def begin(self) -> bytes:
        """Encode what comes before the events."""
        self._begin()
        return self._take_frames()

    def skip(self, events: list[StreamEvent]) -> None:
        """Read the events that the client has."""
        for event in events:
            self._read(event)
        self._is_turn_open = self._has_result = False
        self._frames.clear()
        self._forget_skipped()

    def ignore_approvals(self, call_ids: Collection[str]) -> None:
        """Do not end the stream at these calls' approvals: they are decided, though the log may not say so yet."""
        self._answered.update(call_ids)

    def encode(self, events: list[StreamEvent]) -> bytes:
        """Encode the next events, and the stream's end if the prompt waits for a person after them."""
        for event in events:
            if not self.has_ended:
                self._read(event)
        waiting = [approval for call_id, approval in self._open_approvals.items() if call_id not in self._answered]
        if waiting and not self.has_ended:
            self._end_text()
            self._interrupt(waiting)
            self.has_ended = True
        return self._take_frames()

    def encode_break(self, cause: BreakCause) -> bytes:
        """Encode the end of a stream that ends before its prompt."""
        self._end_text()
        self._break(_RECALLED if cause == "recalled" else _TIME_LIMIT)
        return self._take_frames()

    def _read(self, event: StreamEvent) -> None:
        data: Mapping[str, Any] = event.data
        match event.event:
            case "prompt.delta" if data.get("reset"):
                self._discard_text()
            case "prompt.delta":
                self._add_text(data["text"])
            case "prompt.output" if data["type"] == "text":
                self._complete_text(data["content"])
            case "prompt.output" if data["type"] == "tool":
                self._open_approvals.pop(data["id"], None)
                self._begin_call(data["id"], data["function"], data["input"])
                self._has_result = self._calls[data["id"]] = True
                self._add_result(data["id"], data["result"])
            case "prompt.output":
                self._add_file(data)
            case "prompt.call":
                self._begin_call(data["toolCallId"], data["toolName"], data["input"])
            case "prompt.approval":
                self._begin_call(data["toolCallId"], data["toolName"], data["input"])
                self._open_approvals[data["toolCallId"]] = data
                self._request_approval(data)
            case "prompt.decided":
                self._decide(data)
            case "prompt.completed" | "error":
                self._end(event.event, data)
            case _:
                pass

    def _add_text(self, text: str) -> None:
        if self._sent_text is None:
            self._sent_text = ""
            self._open_turn()
            self._is_turn_empty = False
            self._begin_text()
        if text:
            self._sent_text += text
            self._send_text(text)

    def _complete_text(self, content: str) -> None:
        if self._sent_text is not None and not content.startswith(self._sent_text):
            self._discard_text()
        self._add_text(content[len(self._sent_text or "") :])
        self._end_text()

    def _discard_text(self) -> None:
        if self._sent_text is not None:
            self._sent_text = None
            self._is_turn_empty = True
            self._reset_text()

    def _end_text(self) -> None:
        if self._sent_text is not None:
            self._sent_text = None
            self._finish_text()

    def _begin_call(self, call_id: str, name: str, call_input: object) -> None:
        if call_id in self._calls:
            return
        self._calls[call_id] = False
        self._end_text()
        if not self._is_turn_open or self._has_result:
            self._open_turn()
        self._is_turn_empty = False
        self._add_call(call_id, name, call_input)

    def _decide(self, data: Mapping[str, Any]) -> None:
        call_id, is_approved = data["toolCallId"], data["decision"] == "approved"
        reason = "Nobody decided in time" if data["decision"] == "expired" else data.get("reason")
        self._decisions[call_id] = Decision(is_approved, reason)
        self._open_approvals.pop(call_id, None)
        self._add_decision(call_id, self._decisions[call_id])

    def _open_turn(self) -> None:
        if self._is_turn_open and self._is_turn_empty:
            return
        self._close_turn()
        self._is_turn_open, self._is_turn_empty, self._has_result = True, True, False
        self._begin_turn()

    def _close_turn(self) -> None:
        if self._is_turn_open:
            self._is_turn_open = False
            self._end_turn()

    def _end(self, event_type: str, data: Mapping[str, Any]) -> None:
        self._open_approvals.clear()
        self._end_text()
        self.has_ended = True
        if event_type == "prompt.completed":
            self._finish(data["usage"])
            return
        # Clients take a call without a result as one that they, or their user, have to do something about.
        for call_id in [call_id for call_id, has_result in self._calls.items() if not has_result]:
            self._add_result(call_id, {"type": "error", "error": f"Not run: {data['message']}"})
        if data["message"] == CANCELLED_MESSAGE:
            self._cancel()
        else:
            self._fail(data["message"])

    def _add(self, frame_type: str, **fields: object) -> None:
        """Add a frame. It is encoded at once, as what it shows may change."""
        frame = json.dumps({"type": frame_type, **fields}, separators=(",", ":"))
        self._frames.append(f"data: {frame}\n\n".encode("ascii"))

    def _take_frames(self) -> bytes:
        encoded = b"".join(self._frames)
        self._frames.clear()
        return encoded + (self._end_of_stream() if self.has_ended and encoded else b"")

    def _end_of_stream(self) -> bytes:
        return b""

    def _forget_skipped(self) -> None:  # noqa: B027 - a protocol that keeps nothing has nothing to forget
        """Forget what was read by `skip`."""

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _begin_turn(self) -> None: ...

    @abstractmethod
    def _end_turn(self) -> None: ...

    @abstractmethod
    def _begin_text(self) -> None: ...

    @abstractmethod
    def _send_text(self, text: str) -> None: ...

    @abstractmethod
    def _finish_text(self) -> None: ...

    @abstractmethod
    def _reset_text(self) -> None:
        """Take back the text that is open: the model begins it again."""

    @abstractmethod
    def _add_call(self, call_id: str, name: str, call_input: object) -> None: ...

    @abstractmethod
    def _request_approval(self, approval: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def _add_decision(self, call_id: str, decision: Decision) -> None: ...

    @abstractmethod
    def _add_result(self, call_id: str, result: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def _add_file(self, output: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def _interrupt(self, approvals: list[Mapping[str, Any]]) -> None:
        """End the stream: a person has to decide about these calls."""

    @abstractmethod
    def _break(self, message: str) -> None:
        """End the stream before the prompt; the client may come back."""

    @abstractmethod
    def _finish(self, usage: Mapping[str, int]) -> None: ...

    @abstractmethod
    def _cancel(self) -> None: ...

    @abstractmethod
    def _fail(self, message: str) -> None: ...
