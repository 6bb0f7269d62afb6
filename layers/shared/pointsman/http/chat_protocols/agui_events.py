"""AG-UI: a prompt's events as those of a run. Types and order are those of the protocol's version 1.0.

Ids of messages are derived from the prompt's and from the order of its turns, so a run that shows a prompt again shows
the same messages. What a client has already, it would append to: where the stream tells again what the client may have
in part, `MESSAGES_SNAPSHOT` first takes it back.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .event_mapping import Decision, EventMapping, format_approval_id

__all__ = ["AguiEvents", "ExpiryFinder", "Run"]

ExpiryFinder = Callable[[str, str], str | None]
"""Finds when an approval expires, by the ids of prompt and call; the log does not have it."""

_PROTOCOL_VERSION = "1.0"
_ANSWER_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["approved"],
    "additionalProperties": False,
}


class Run(NamedTuple):
    """The run that a client has requested.

    Attributes:
        thread_id: the client's id of the conversation.
        run_id: the client's id of the run.
        messages: what the client shows before the first event of the run.
        has_more_messages: whether the client shows more than these, which the run sends again.
    """

    thread_id: str
    run_id: str
    messages: list[dict[str, Any]]
    has_more_messages: bool


class AguiEvents(EventMapping):
    """The events of one run."""

    def __init__(self, prompt_id: str, run: Run, find_expiry: ExpiryFinder) -> None:
        super().__init__(prompt_id)
        self._run, self._find_expiry = run, find_expiry
        self._shown = [*run.messages]  # What the client shows now, for a snapshot.
        self._turns = 0
        self._message: dict[str, Any] = {}

    @property
    def _message_id(self) -> str:
        return f"{self.prompt_id}-{self._turns}"

    def _begin(self) -> None:
        ids = {"threadId": self._run.thread_id, "runId": self._run.run_id}
        metadata = {"promptId": self.prompt_id}
        self._add("RUN_STARTED", **ids, protocolVersion=_PROTOCOL_VERSION, metadata=metadata)
        if self._run.has_more_messages:
            self._add("MESSAGES_SNAPSHOT", messages=self._shown)

    def _begin_turn(self) -> None:
        self._turns += 1
        self._message = {}

    def _end_turn(self) -> None:
        pass  # A turn is a message, and its text and calls end each by themselves.

    def _show_message(self) -> None:
        if not self._message:
            self._message = {"id": self._message_id, "role": "assistant"}
            self._shown.append(self._message)

    def _forget_skipped(self) -> None:
        self._shown = [*self._run.messages]

    def _begin_text(self) -> None:
        self._show_message()
        self._message["content"] = ""
        self._add("TEXT_MESSAGE_START", messageId=self._message_id, role="assistant")

    def _send_text(self, text: str) -> None:
        self._message["content"] += text
        self._add("TEXT_MESSAGE_CONTENT", messageId=self._message_id, delta=text)

    def _finish_text(self) -> None:
        self._add("TEXT_MESSAGE_END", messageId=self._message_id)

    def _reset_text(self) -> None:
        self._finish_text()
        self._shown.pop()
        self._message = {}
        self._add("MESSAGES_SNAPSHOT", messages=self._shown)

    def _add_call(self, call_id: str, name: str, call_input: object) -> None:
        self._show_message()
        arguments = json.dumps(call_input)
        function = {"name": name, "arguments": arguments}
        self._message.setdefault("toolCalls", []).append({"id": call_id, "type": "function", "function": function})
        self._add("TOOL_CALL_START", toolCallId=call_id, toolCallName=name, parentMessageId=self._message_id)
        self._add("TOOL_CALL_ARGS", toolCallId=call_id, delta=arguments)
        self._add("TOOL_CALL_END", toolCallId=call_id)

    def _request_approval(self, approval: Mapping[str, Any]) -> None:
        pass  # The end of the run asks.

    def _add_decision(self, call_id: str, decision: Decision) -> None:
        pass  # The result says it.

    def _add_result(self, call_id: str, result: Mapping[str, Any]) -> None:
        content = json.dumps(result["output"] if result["type"] == "success" else {"error": result["error"]})
        message = {"id": f"{self.prompt_id}-{call_id}", "toolCallId": call_id, "content": content, "role": "tool"}
        self._shown.append(message)
        self._add("TOOL_CALL_RESULT", **{"messageId" if name == "id" else name: message[name] for name in message})

    def _add_file(self, output: Mapping[str, Any]) -> None:
        names = ("path", "mimeType", "description")
        self._add("CUSTOM", name="pointsman:file", value={name: output[name] for name in names if name in output})

    def _interrupt(self, approvals: list[Mapping[str, Any]]) -> None:
        interrupts = [self._describe_interrupt(approval) for approval in approvals]
        self._finish_run({"type": "interrupt", "interrupts": interrupts})

    def _describe_interrupt(self, approval: Mapping[str, Any]) -> dict[str, object]:
        call_id, name = approval["toolCallId"], approval["toolName"]
        expires_at = self._find_expiry(self.prompt_id, call_id)
        return {
            "id": format_approval_id(self.prompt_id, call_id),
            "reason": "tool_call",
            "message": approval["reason"] or f"May {name} run?",
            "toolCallId": call_id,
            "responseSchema": _ANSWER_SCHEMA,
            "metadata": {"toolName": name, "input": approval["input"]},
            **({} if expires_at is None else {"expiresAt": expires_at}),
        }

    def _break(self, message: str) -> None:
        self._add("RUN_ERROR", message=f"{message}; the prompt continues: run again to follow it", code="STREAM_ENDED")

    def _finish(self, usage: Mapping[str, int]) -> None:
        read, written = usage["inputTokens"], usage["outputTokens"]
        counts = {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}
        result = {"promptId": self.prompt_id, "usage": dict(usage)}
        self._finish_run({"type": "success"}, result=result, usage=[counts])

    def _cancel(self) -> None:
        self._finish_run({"type": "cancelled"})

    def _fail(self, message: str) -> None:
        self._add("RUN_ERROR", message=message, code="PROMPT_FAILED")

    def _finish_run(self, outcome: Mapping[str, object], **fields: object) -> None:
        self._add("RUN_FINISHED", threadId=self._run.thread_id, runId=self._run.run_id, outcome=outcome, **fields)
