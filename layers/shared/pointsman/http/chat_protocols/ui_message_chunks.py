"""The AI SDK's UI message stream (`x-vercel-ai-ui-message-stream: v1`): a prompt's events as chunks of one message.

The message's id is the prompt's, so a stream that begins with `start` again, after an approval or a reconnection,
continues the same message. A turn of the model is a step, and `reset-step` takes back a text that the model begins
again.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from .event_mapping import Decision, EventMapping, format_approval_id

__all__ = ["UiMessageChunks"]


class UiMessageChunks(EventMapping):
    """The chunks of one stream. Its tools are dynamic: a client need not know their types, nor run them."""

    extra_headers: ClassVar[Mapping[str, str]] = {"x-vercel-ai-ui-message-stream": "v1"}

    def __init__(self, prompt_id: str) -> None:
        super().__init__(prompt_id)
        self._texts = 0

    def _begin(self) -> None:
        self._add("start", messageId=self.prompt_id, messageMetadata={"promptId": self.prompt_id})

    def _begin_turn(self) -> None:
        self._add("start-step")

    def _end_turn(self) -> None:
        self._add("finish-step")

    @property
    def _text_id(self) -> str:
        return f"text-{self._texts}"

    def _begin_text(self) -> None:
        self._texts += 1
        self._add("text-start", id=self._text_id)

    def _send_text(self, text: str) -> None:
        self._add("text-delta", id=self._text_id, delta=text)

    def _finish_text(self) -> None:
        self._add("text-end", id=self._text_id)

    def _reset_text(self) -> None:
        self._add("reset-step")

    def _add_call(self, call_id: str, name: str, call_input: object) -> None:
        call = {"toolCallId": call_id, "toolName": name, "dynamic": True, "providerExecuted": True}
        self._add("tool-input-start", **call)
        self._add("tool-input-available", **call, input=call_input)

    def _request_approval(self, approval: Mapping[str, Any]) -> None:
        call_id = approval["toolCallId"]
        self._add(
            "tool-approval-request",
            approvalId=format_approval_id(self.prompt_id, call_id),
            toolCallId=call_id,
            reason=approval["reason"],
        )

    def _add_decision(self, call_id: str, decision: Decision) -> None:
        reason = {"reason": decision.reason} if decision.reason else {}
        approval_id = format_approval_id(self.prompt_id, call_id)
        self._add("tool-approval-response", approvalId=approval_id, approved=decision.is_approved, **reason)

    def _add_result(self, call_id: str, result: Mapping[str, Any]) -> None:
        decision = self._decisions.get(call_id)
        if decision is not None and not decision.is_approved:
            self._add("tool-output-denied", toolCallId=call_id)
        elif result["type"] == "success":
            self._add("tool-output-available", toolCallId=call_id, output=result["output"])
        else:
            self._add("tool-output-error", toolCallId=call_id, errorText=result["error"])

    def _add_file(self, output: Mapping[str, Any]) -> None:
        names = ("path", "mimeType", "description")
        self._add("data-file", data={name: output[name] for name in names if name in output})

    def _interrupt(self, approvals: list[Mapping[str, Any]]) -> None:  # noqa: ARG002 - each was requested
        self._finish_message("tool-calls")

    def _break(self, message: str) -> None:  # noqa: ARG002 - a finish reason has no text
        self._finish_message("interrupted")
        self.has_ended = True

    def _finish(self, usage: Mapping[str, int]) -> None:
        self._finish_message("stop", messageMetadata={"usage": dict(usage)})

    def _cancel(self) -> None:
        self._close_turn()
        self._add("abort", reason="The prompt was cancelled")

    def _fail(self, message: str) -> None:
        self._add("error", errorText=message)
        self._finish_message("error")

    def _finish_message(self, reason: str, **fields: object) -> None:
        self._close_turn()
        self._add("finish", finishReason=reason, **fields)

    def _end_of_stream(self) -> bytes:
        return b"data: [DONE]\n\n"
