"""The mappings of a prompt's events to AG-UI and to the AI SDK's UI message stream, without a stack.

What a client makes of them is tried with the protocols' own clients in tests/clients.
"""

import json
from typing import Any

import pytest
from ag_ui.core import Event
from pydantic import BaseModel, TypeAdapter

from pointsman.http.chat_protocols.agui_events import AguiEvents, Run
from pointsman.http.chat_protocols.event_mapping import EventMapping, format_approval_id, parse_approval_id
from pointsman.http.chat_protocols.ui_message_chunks import UiMessageChunks
from pointsman.prompts.event_subscription import EventPosition, StreamEvent

PROMPT = "prompt-" + "0" * 32
APPROVAL_ID = f"{PROMPT}:call_1"
USAGE = {"inputTokens": 12, "outputTokens": 5, "totalTokens": 18}
TIMES = {"start": "2026-11-22T10:15:00.000Z", "end": "2026-11-22T10:15:01.000Z"}
USER = {"id": "message-1", "role": "user", "content": "Hello"}
AGUI_EVENTS: TypeAdapter[BaseModel] = TypeAdapter(Event)


def find_no_expiry(_prompt_id: str, _call_id: str) -> None:
    return None


def event(name: str, **data: Any) -> StreamEvent:
    return StreamEvent(name, data, None if name == "prompt.delta" else EventPosition(1))


def text(content: str) -> StreamEvent:
    return event("prompt.output", type="text", content=content, **TIMES)


def delta(content: str, **reset: bool) -> StreamEvent:
    return event("prompt.delta", promptId=PROMPT, text=content, **reset)


def call(call_id: str = "call_1") -> StreamEvent:
    return event("prompt.call", promptId=PROMPT, toolCallId=call_id, toolName="time.now", input={}, start="")


def result(call_id: str = "call_1", **content: Any) -> StreamEvent:
    content = content or {"type": "success", "output": {"now": 1}}
    return event("prompt.output", type="tool", id=call_id, function="time.now", input={}, result=content, **TIMES)


def approval(call_id: str = "call_1", reason: str = "It matters") -> StreamEvent:
    return event(
        "prompt.approval", promptId=PROMPT, toolCallId=call_id, toolName="time.now", input={"a": 1}, reason=reason
    )


def decision(verdict: str = "approved", call_id: str = "call_1", **reason: str) -> StreamEvent:
    return event("prompt.decided", promptId=PROMPT, toolCallId=call_id, decision=verdict, **reason)


CREATED = event("prompt.created", promptId=PROMPT)
COMPLETED = event("prompt.completed", promptId=PROMPT, usage=USAGE)
FAILED = event("error", message="The model failed")
CANCELLED = event("error", message="The prompt was cancelled")


def read_frames(data: bytes) -> list[Any]:
    frames = data.decode("ascii").split("\n\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: ") for frame in frames)
    return [frame if frame == "data: [DONE]" else json.loads(frame[6:]) for frame in frames]


def map_to(mapping: EventMapping, *batches: list[StreamEvent]) -> list[Any]:
    frames = read_frames(mapping.begin() + b"".join(mapping.encode(batch) for batch in batches))
    if isinstance(mapping, AguiEvents):
        for frame in frames:
            assert not AGUI_EVENTS.validate_python(frame).model_extra
    return frames


def agui(*batches: list[StreamEvent], messages: list[dict[str, Any]] | None = None) -> list[Any]:
    run = Run("thread-1", "run-1", messages or [USER], has_more_messages=False)
    return map_to(AguiEvents(PROMPT, run, find_no_expiry), *batches)


def chunks(*batches: list[StreamEvent]) -> list[Any]:
    return map_to(UiMessageChunks(PROMPT), *batches)


def types(frames: list[Any]) -> list[str]:
    return [frame if isinstance(frame, str) else frame["type"] for frame in frames]


def show(events: list[Any]) -> list[dict[str, Any]]:
    """What AG-UI's client makes of events: messages, to which it appends."""
    messages: dict[str, dict[str, Any]] = {USER["id"]: USER}
    for one in events:
        match one["type"]:
            case "MESSAGES_SNAPSHOT":
                messages = {message["id"]: dict(message) for message in one["messages"]}
            case "TEXT_MESSAGE_START":
                messages.setdefault(one["messageId"], {"role": "assistant"}).setdefault("content", "")
            case "TEXT_MESSAGE_CONTENT":
                messages[one["messageId"]]["content"] += one["delta"]
            case "TOOL_CALL_START":
                message = messages.setdefault(one["parentMessageId"], {"role": "assistant"})
                message.setdefault("toolCalls", []).append(one["toolCallId"])
            case "TOOL_CALL_RESULT":
                messages[one["messageId"]] = {"role": "tool", "content": one["content"]}
    return [{key: value for key, value in message.items() if key != "id"} for message in messages.values()]


def test_deltas_are_sent_once_and_the_stored_text_adds_what_is_missing() -> None:
    events = agui([CREATED], [delta("One ")], [delta("two")], [text("One two three"), COMPLETED])
    assert types(events) == [
        "RUN_STARTED", "TEXT_MESSAGE_START", *["TEXT_MESSAGE_CONTENT"] * 3, "TEXT_MESSAGE_END", "RUN_FINISHED",
    ]  # fmt: skip
    assert "".join(one.get("delta", "") for one in events) == "One two three"
    parts = chunks([CREATED], [delta("One ")], [delta("two")], [text("One two three"), COMPLETED])
    assert types(parts) == [
        "start", "start-step", "text-start", *["text-delta"] * 3, "text-end", "finish-step", "finish", "data: [DONE]",
    ]  # fmt: skip
    assert "".join(part.get("delta", "") for part in parts[:-1]) == "One two three"


def test_a_text_without_deltas_is_one_piece() -> None:
    assert [one["delta"] for one in agui([CREATED, text("All."), COMPLETED]) if "delta" in one] == ["All."]


def test_usage_stands_at_the_end() -> None:
    assert agui([COMPLETED])[-1] == {
        "type": "RUN_FINISHED", "threadId": "thread-1", "runId": "run-1", "outcome": {"type": "success"},
        "result": {"promptId": PROMPT, "usage": USAGE},
        "usage": [{"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}],
    }  # fmt: skip
    assert chunks([COMPLETED])[-2:] == [
        {"type": "finish", "finishReason": "stop", "messageMetadata": {"usage": USAGE}}, "data: [DONE]",
    ]  # fmt: skip


def test_a_text_that_begins_again_is_taken_back() -> None:
    batches = [[CREATED], [delta("One t")], [delta("", reset=True)], [delta("Two")], [text("Two."), COMPLETED]]
    events = agui(*batches)
    assert types(events)[3:7] == [
        "TEXT_MESSAGE_END", "MESSAGES_SNAPSHOT", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT",
    ]  # fmt: skip
    assert show(events) == [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Two."}]
    parts = chunks(*batches)
    assert types(parts)[1:6] == ["start-step", "text-start", "text-delta", "reset-step", "text-start"]
    assert types(parts).count("start-step") == 1


def test_a_stored_text_that_is_another_than_the_deltas_replaces_them() -> None:
    assert show(agui([delta("Lost")], [text("Kept."), COMPLETED]))[-1]["content"] == "Kept."
    assert "reset-step" in types(chunks([delta("Lost")], [text("Kept.")]))


def test_a_snapshot_holds_what_the_client_shows() -> None:
    events = agui([text("Look."), call(), result()], [delta("On")], [delta("", reset=True)], [text("One."), COMPLETED])
    snapshot = next(one for one in events if one["type"] == "MESSAGES_SNAPSHOT")
    assert [message["role"] for message in snapshot["messages"]] == ["user", "assistant", "tool"]
    asking = snapshot["messages"][1]
    assert (asking["content"], asking["toolCalls"][0]["function"]) == ("Look.", {"name": "time.now", "arguments": "{}"})


def test_a_replay_shows_the_messages_that_the_live_stream_has_shown() -> None:
    log = [CREATED, text("Look."), call(), result(), call("call_2"), result("call_2"), text("Done."), COMPLETED]
    replayed = agui(log)
    live = agui([CREATED], [delta("Lo")], *[[one] for one in log[1:6]], [delta("Do")], *[[one] for one in log[6:]])
    assert show(replayed) == show(live)
    ids = [one["messageId"] for one in replayed if one["type"] == "TEXT_MESSAGE_START"]
    assert ids == [one["messageId"] for one in live if one["type"] == "TEXT_MESSAGE_START"]


def test_a_call_is_announced_once_and_gets_its_result() -> None:
    assert types(agui([call()], [result()])) == [
        "RUN_STARTED", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT",
    ]  # fmt: skip
    parts = chunks([call()], [result()])
    assert types(parts) == [
        "start", "start-step", "tool-input-start", "tool-input-available", "tool-output-available",
    ]  # fmt: skip
    assert parts[-1]["output"] == {"now": 1}


def test_a_result_without_an_announcement_announces_its_call() -> None:
    assert "TOOL_CALL_START" in types(agui([result()]))
    assert "tool-input-available" in types(chunks([result()]))


def test_an_error_of_a_tool_is_its_result() -> None:
    failed = result(type="error", error="No such city")
    assert json.loads(agui([call(), failed])[-1]["content"]) == {"error": "No such city"}
    assert chunks([call(), failed])[-1] == {
        "type": "tool-output-error", "toolCallId": "call_1", "errorText": "No such city",
    }  # fmt: skip


def test_an_approval_ends_the_stream() -> None:
    events = agui([text("Look."), approval()])
    (interrupt,) = events[-1]["outcome"]["interrupts"]
    assert (interrupt["id"], interrupt["reason"], interrupt["message"]) == (APPROVAL_ID, "tool_call", "It matters")
    parts = chunks([text("Look."), approval()])
    assert parts[-4:] == [
        {
            "type": "tool-approval-request", "approvalId": APPROVAL_ID, "toolCallId": "call_1", "reason": "It matters",
        },
        {"type": "finish-step"}, {"type": "finish", "finishReason": "tool-calls"}, "data: [DONE]",
    ]  # fmt: skip


def test_an_interrupt_says_when_it_expires() -> None:
    mapping = AguiEvents(PROMPT, Run("thread-1", "run-1", [USER], has_more_messages=False), lambda *ids: " ".join(ids))
    (interrupt,) = map_to(mapping, [approval()])[-1]["outcome"]["interrupts"]
    assert interrupt["expiresAt"] == f"{PROMPT} call_1"


def test_nothing_follows_the_end() -> None:
    mapping = UiMessageChunks(PROMPT)
    mapping.encode([approval()])
    assert mapping.has_ended
    assert mapping.encode([decision(), result()]) == b""


def test_several_approvals_that_are_open_at_once_are_asked_together() -> None:
    interrupts = agui([approval(), approval("call_2", reason="")])[-1]["outcome"]["interrupts"]
    assert [one["toolCallId"] for one in interrupts] == ["call_1", "call_2"]
    assert interrupts[1]["message"]
    assert types(chunks([approval(), approval("call_2")])).count("start-step") == 1


@pytest.mark.parametrize("end", [decision(), result(), FAILED])
def test_a_replay_does_not_end_at_an_approval_that_is_not_open(end: StreamEvent) -> None:
    assert "RUN_FINISHED" not in types(agui([approval(), end]))
    assert "tool-calls" not in str(chunks([approval(), end]))


@pytest.mark.parametrize(
    ("verdict", "reason"), [("rejected", "Not today"), ("rejected", None), ("expired", "Nobody decided in time")]
)
def test_a_call_that_was_not_approved_is_denied(verdict: str, reason: str | None) -> None:
    given = {"reason": reason} if reason and verdict == "rejected" else {}
    parts = chunks([approval(), decision(verdict, **given), result(type="error", error="Rejected")])
    response = {"type": "tool-approval-response", "approvalId": APPROVAL_ID, "approved": False}
    assert parts[-2] == response | ({"reason": reason} if reason else {})
    assert parts[-1] == {"type": "tool-output-denied", "toolCallId": "call_1"}


def test_a_continuation_sends_only_what_follows_the_approval() -> None:
    before, after = [text("Look."), approval()], [decision(), call(), result(), text("Done."), COMPLETED]
    mapping = AguiEvents(PROMPT, Run("thread-1", "run-2", [USER], has_more_messages=False), find_no_expiry)
    mapping.ignore_approvals(["call_1"])
    mapping.skip(before)
    events = map_to(mapping, [], after)
    assert types(events) == [
        "RUN_STARTED", "TOOL_CALL_RESULT", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END",
        "RUN_FINISHED",
    ]  # fmt: skip
    whole = agui([*before, *after])
    assert events[2]["messageId"] == [one["messageId"] for one in whole if one["type"] == "TEXT_MESSAGE_START"][1]
    other = UiMessageChunks(PROMPT)
    other.ignore_approvals(["call_1"])
    other.skip(before)
    assert types(map_to(other, [], after)) == [
        "start", "tool-approval-response", "tool-output-available", "start-step", "text-start", "text-delta",
        "text-end", "finish-step", "finish", "data: [DONE]",
    ]  # fmt: skip


def test_an_approval_that_was_not_answered_ends_the_continuation_at_once() -> None:
    mapping = UiMessageChunks(PROMPT)
    mapping.ignore_approvals(["call_1"])
    mapping.skip([approval(), approval("call_2")])
    assert types(map_to(mapping, [decision()])) == ["start", "tool-approval-response", "finish", "data: [DONE]"]


def test_a_failure_and_a_cancellation_are_told_apart() -> None:
    failed = agui([delta("Half")], [FAILED])
    assert types(failed)[-2:] == ["TEXT_MESSAGE_END", "RUN_ERROR"]
    assert (failed[-1]["message"], failed[-1]["code"]) == ("The model failed", "PROMPT_FAILED")
    assert agui([CANCELLED])[-1]["outcome"] == {"type": "cancelled"}
    assert types(chunks([delta("Half")], [FAILED]))[-5:] == [
        "text-end",
        "error",
        "finish-step",
        "finish",
        "data: [DONE]",
    ]
    assert types(chunks([CANCELLED])) == ["start", "abort", "data: [DONE]"]


@pytest.mark.parametrize("end", [FAILED, CANCELLED])
def test_a_call_that_never_ran_gets_a_result_at_the_end(end: StreamEvent) -> None:
    (result_event,) = [one for one in agui([approval(), end]) if one["type"] == "TOOL_CALL_RESULT"]
    assert "Not run" in result_event["content"]
    assert "tool-output-error" in types(chunks([approval(), decision(), end]))
    assert "tool-output-denied" in types(chunks([approval(), decision("rejected"), end]))
    assert types(chunks([call(), result(), end])).count("tool-output-available") == 1
    assert "tool-output-error" not in types(chunks([call(), result(), end]))


def test_a_stream_that_ends_before_its_prompt_says_so() -> None:
    mapping = AguiEvents(PROMPT, Run("thread-1", "run-1", [USER], has_more_messages=False), find_no_expiry)
    mapping.encode([delta("Half")])
    frames = read_frames(mapping.encode_break("time_limit"))
    assert types(frames) == ["TEXT_MESSAGE_END", "RUN_ERROR"]
    assert (frames[1]["code"], "time is over" in frames[1]["message"]) == ("STREAM_ENDED", True)
    other = UiMessageChunks(PROMPT)
    other.encode([delta("Half")])
    frames = read_frames(other.encode_break("recalled"))
    assert types(frames) == ["text-end", "finish-step", "finish", "data: [DONE]"]
    assert frames[2]["finishReason"] == "interrupted"


def test_a_file_is_an_event_of_our_own() -> None:
    file = event("prompt.output", type="file", path="report.csv", mimeType="text/csv", **TIMES)
    value = {"path": "report.csv", "mimeType": "text/csv"}
    assert agui([file])[-1] == {"type": "CUSTOM", "name": "pointsman:file", "value": value}
    assert chunks([file])[-1] == {"type": "data-file", "data": value}


def test_what_the_client_shows_too_much_is_taken_back_first() -> None:
    mapping = AguiEvents(PROMPT, Run("thread-1", "run-1", [USER], has_more_messages=True), find_no_expiry)
    assert types(map_to(mapping, [CREATED])) == ["RUN_STARTED", "MESSAGES_SNAPSHOT"]


def test_text_cannot_end_a_frame() -> None:
    tricky = "a\n\ndata: {}\n\n\u2028\x85\ud800"
    assert chunks([text(tricky)])[3]["delta"] == tricky


@pytest.mark.parametrize("approval_id", ["", "x", PROMPT, "call_1"])
def test_what_is_no_approval_id_names_nothing(approval_id: str) -> None:
    assert parse_approval_id(approval_id) == ("", "")


def test_an_approval_id_names_the_prompt_and_the_call() -> None:
    assert parse_approval_id(format_approval_id(PROMPT, "call:1")) == (PROMPT, "call:1")
